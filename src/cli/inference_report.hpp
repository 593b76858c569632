// SPDX-License-Identifier: Apache-2.0
// Standard errors, tests and intervals, as a table and as JSON.
#pragma once

#include "src/cli/command.hpp"
#include "steepest/inference.hpp"
#include "steepest/model.hpp"

namespace steepest::cli {

/// The "inference" object; null for what is not determined.
[[nodiscard]] Json inference_json(const Inference& inference);

/// A table an output on stdout, one line a coefficient in input order, the intercept last.
void print_inference(const Inference& inference, const Model& model);

}  // namespace steepest::cli
