// SPDX-License-Identifier: Apache-2.0
// What calibration makes of class scores: one temperature, a factor a class, or a matrix.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace steepest {

/// Guo, Pleiss, Sun, Weinberger 2017, "On Calibration of Modern Neural Networks", section 4.2.
enum class ScalingMethod { temperature, vector, matrix };

/// "temperature", "vector" or "matrix".
[[nodiscard]] std::string_view name(ScalingMethod method);

/// Parses those. Throws OptionError that lists them.
[[nodiscard]] ScalingMethod parse_scaling_method(std::string_view text);

/// z of K classes becomes beta z (temperature), w_k z_k + b_k (vector) or W z + b (matrix).
struct ScoreScaling {
  ScalingMethod method = ScalingMethod::temperature;
  std::vector<double> factors;  ///< beta = 1 / T; w (K); or W (K, K), row k making class k's score
  std::vector<double> intercept;  ///< b (K); empty for a temperature

  /// Scales (rows, classes) scores in place, summed in double in the order of the classes.
  void apply(double* scores, std::int64_t rows, std::int64_t classes) const;
};

}  // namespace steepest
