// SPDX-License-Identifier: Apache-2.0
// Metrics of a model on a data set, and how they are shown.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "src/cli/command.hpp"
#include "steepest/metrics.hpp"
#include "steepest/model.hpp"
#include "steepest/row_source.hpp"

namespace steepest::cli {

/// One of the two is set.
struct Metrics {
  std::optional<LinearMetrics> linear;
  std::optional<SoftmaxMetrics> softmax;
  std::vector<double> confusion;  ///< (classes, classes), softmax only
  std::optional<Diagnostics> diagnostics;
};

/// Predicts every row of `data`, which was read with the model's schema, and measures. Diagnostics
/// are taken in bins that begin as those of `bins_like`, where it is given.
[[nodiscard]] Metrics measure(const Model& model, const RowSource& data, int threads,
                              const Diagnostics* bins_like = nullptr);

[[nodiscard]] Json to_json(const Metrics& metrics);

/// "log_loss 0.3512  accuracy 0.8712  ece 0.0123  brier 0.1872".
[[nodiscard]] std::string to_text(const Metrics& metrics);

}  // namespace steepest::cli
