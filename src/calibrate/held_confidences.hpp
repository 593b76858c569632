// SPDX-License-Identifier: Apache-2.0
// Confidences of rows side by side, and which of them have which rank.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/thread_pool.hpp"
#include "src/calibrate/reliability.hpp"

namespace steepest::calibrate {

/// Of every row of a sketch at a point.
struct HeldConfidences {
  std::vector<float> values;        ///< -log confidence, NaN where a row does not count
  std::vector<double> confidences;  ///< negated where the prediction is wrong; NaN likewise

  HeldConfidences(const RowSketch& sketch, SketchPoint point, kernels::ThreadPool& pool);

  [[nodiscard]] std::int64_t rows() const { return static_cast<std::int64_t>(values.size()); }
};

/// Confidences at up to 255 ranks of -log confidence, ascending from 0, of the rows that count.
[[nodiscard]] std::vector<double> confidences_at_ranks(const HeldConfidences& held,
                                                       const std::vector<std::int64_t>& ranks,
                                                       kernels::ThreadPool& pool);

}  // namespace steepest::calibrate
