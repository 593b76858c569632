// SPDX-License-Identifier: Apache-2.0
// A data set as training sees it: summed up, scaled, and held by a backend. What fits and sweeps
// share.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "kernels/backend.hpp"
#include "src/train/fit_plan.hpp"
#include "src/train/scaling.hpp"
#include "steepest/fit.hpp"
#include "steepest/row_source.hpp"

namespace steepest::train {

/// `data` is without features where the backend took them; targets, labels and weights stay.
struct HeldData {
  std::shared_ptr<RowSource> data;
  std::int64_t rows = 0;
  std::int64_t features = 0;
  RowWeights weights;
  Scaling scaling;
  DeviceInfo device;
  Precision precision = Precision::fp64;
  std::unique_ptr<kernels::Backend> backend;
  std::vector<double> feature_mean;       ///< d: weighted, in the units of the input
  std::vector<double> feature_deviation;  ///< d: likewise, of the population
  std::vector<double> feature_reach;      ///< d: the largest |x| in the trained scale
  double row_curvature = 0.0;  ///< max_i w_i (|x_i|^2 + 1) in the trained scale; 0: not asked for
  std::vector<std::int64_t> constant_columns;  ///< that become 0: see make_scaling()
  bool bytes = false;                          ///< see kernels::TrainingData
  std::vector<std::string> warnings;
};

/// Chooses the device and its arithmetic for `columns` score columns of `loss`, takes the
/// statistics, checks the columns, and gives the rows to the backend. `with_row_curvature` says
/// whether mini-batches will be taken. Uses device, threads, memory, precision, storage, engine,
/// standardize, intercept and drop_constant of the options. Throws InputError for constant columns
/// and for targets the loss cannot take, OptionError for a storage that the rows do not fit,
/// DeviceError.
[[nodiscard]] HeldData hold_data(std::shared_ptr<RowSource> data, const RowWeights& weights,
                                 const FitOptions& options, const RowLoss& loss,
                                 std::int64_t columns, bool with_row_curvature);

/// Gives rows to a backend in a scale that is known. The rows are used up where they lie in memory.
/// `bytes`: see kernels::TrainingData.
void hold_scaled(const std::shared_ptr<RowSource>& data, const RowWeights& weights,
                 const Scaling& scaling, const FitOptions& options, kernels::Backend& backend,
                 bool bytes = false);

}  // namespace steepest::train
