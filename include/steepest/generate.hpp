// SPDX-License-Identifier: Apache-2.0
// Synthetic data sets whose truth is known: for trials, tests and benchmarks.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace steepest {

enum class GeneratorKind { linear, softmax, logits };

/// Settings of a generated data set.
///
/// linear:  x = Q diag(s) u, u standard normal, Q a fixed rotation, s from 1 down to
/// 1/sqrt(condition)
///          in equal ratios, so the covariance of the features has that condition number;
///          y = b + w.x + noise * normal, w and b standard normal.
/// softmax: the same x; label = argmax_c (b_c + w_c.x + noise * Gumbel), so for noise 1 the labels
///          follow the softmax model with those coefficients exactly (Gumbel 1954).
/// logits:  z_c normal with deviation 2; label drawn from softmax(z / temperature): the temperature
///          that calibrates them is known.
struct GeneratorOptions {
  GeneratorKind kind = GeneratorKind::linear;
  std::int64_t rows = 1000;    ///< >= 1
  std::int64_t features = 10;  ///< >= 1; not for logits
  std::int64_t classes = 3;    ///< >= 2; not for linear
  double noise = 1.0;          ///< >= 0
  double condition = 1.0;      ///< >= 1
  double temperature = 1.5;    ///< > 0; logits only
  std::uint64_t seed = 0;
};

/// Makes rows of a data set one after the other; the same options give the same rows everywhere.
class Generator {
 public:
  /// Throws OptionError for a setting out of its range.
  explicit Generator(const GeneratorOptions& options);

  /// Names of the columns, the target last: x1 ... xd,y | x1 ... xd,label | z0 ... zK-1,label.
  [[nodiscard]] std::vector<std::string> column_names() const;

  /// Row i of [0, rows): values of every column but the target. Any order, any thread.
  [[nodiscard]] std::vector<float> features(std::int64_t row) const;

  /// Its target: y, or the label as a number.
  [[nodiscard]] double target(std::int64_t row, const std::vector<float>& features) const;

  /// (outputs, d): the coefficients behind the targets; empty for logits.
  [[nodiscard]] const std::vector<double>& coefficients() const { return coefficients_; }
  [[nodiscard]] const std::vector<double>& intercept() const { return intercept_; }

 private:
  [[nodiscard]] double uniform(std::uint64_t stream, std::int64_t row, std::int64_t index) const;
  [[nodiscard]] double normal(std::uint64_t stream, std::int64_t row, std::int64_t index) const;
  [[nodiscard]] std::int32_t draw_class(std::int64_t row, const std::vector<double>& scores,
                                        double noise) const;

  GeneratorOptions options_;
  std::vector<double> spread_;        // d: s
  std::vector<double> reflection_;    // d: unit vector of the rotation
  std::vector<double> coefficients_;  // (outputs, d)
  std::vector<double> intercept_;     // outputs
};

/// Parses linear, softmax, logits. Throws OptionError that lists them.
[[nodiscard]] GeneratorKind parse_generator(std::string_view text);

}  // namespace steepest
