// SPDX-License-Identifier: Apache-2.0
// Training that begins at a model fitted before.
#pragma once

#include <cstdint>
#include <vector>

#include "src/train/fit_plan.hpp"
#include "src/train/scaling.hpp"
#include "steepest/model.hpp"

namespace steepest::train {

/// Throws InputError that names the first feature, target or class in which `model` and the data
/// differ. Features may stand in another order.
void check_warm_start(const Model& model, const Schema& data);

/// (columns, d + 1): the parameters, in the scale of training, that predict as `model` does; with
/// no intercept wanted the model's is left out.
[[nodiscard]] std::vector<double> warm_start(const Model& model, const Schema& data,
                                             const RowLoss& loss, bool intercept,
                                             const Scaling& scaling);

}  // namespace steepest::train
