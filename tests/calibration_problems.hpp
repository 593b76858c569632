// SPDX-License-Identifier: Apache-2.0
// Logits for tests: the random problems of tests/reference/make_calibration.py, and rows by hand.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "kernels/tempered_sums.hpp"
#include "steepest/logit_rows.hpp"

namespace steepest::tests {

/// Rows in memory; told to be a file, they are read once and in blocks, as one is.
class TestLogits final : public LogitRows {
 public:
  TestLogits(std::vector<double> values, std::vector<std::int32_t> labels, std::int64_t classes)
      : values_(std::move(values)), labels_(std::move(labels)), classes_(classes) {
    values_.resize(values_.size() + kernels::logits_tail);
    floats_.assign(values_.begin(), values_.end());
  }

  bool as_file = false;
  bool as_floats = false;
  std::int64_t rows_a_block = 16;

  [[nodiscard]] std::int64_t rows() const override {
    return static_cast<std::int64_t>(labels_.size());
  }
  [[nodiscard]] std::int64_t classes() const override { return classes_; }
  [[nodiscard]] bool holds_doubles() const override { return !as_floats; }
  [[nodiscard]] std::string name() const override { return "test"; }
  [[nodiscard]] bool is_file() const override { return as_file; }
  [[nodiscard]] std::int64_t block_rows() const override { return rows_a_block; }
  LogitBlock read(std::int64_t first, std::int64_t /*count*/,
                  LogitBuffer& /*buffer*/) const override {
    const std::int64_t at = first * classes_;
    return {as_floats ? floats_.data() + at : nullptr, as_floats ? nullptr : values_.data() + at,
            labels_.data() + first};
  }

 private:
  std::vector<double> values_;
  std::vector<float> floats_;
  std::vector<std::int32_t> labels_;
  std::int64_t classes_;
};

/// Number i >= 1 of the stream of `seed`, in [0, 1).
inline double split_mix(std::uint64_t seed, std::uint64_t i) {
  std::uint64_t x = (seed + i) * 0x9E3779B97F4A7C15ULL;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ULL;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBULL;
  x = x ^ (x >> 31);
  return static_cast<double>(x >> 11) * 0x1p-53;
}

/// Labels are drawn from softmax(z / temperature).
inline TestLogits random_logits(std::uint64_t seed, std::int64_t rows, std::int64_t classes,
                                double temperature, double offset = 0.0) {
  std::vector<double> values;
  std::vector<std::int32_t> labels;
  std::uint64_t drawn = 0;
  for (std::int64_t r = 0; r < rows; ++r) {
    std::vector<double> scores;
    for (std::int64_t c = 0; c < classes; ++c) {
      double sum = split_mix(seed, drawn + 1) + split_mix(seed, drawn + 2);
      sum += split_mix(seed, drawn + 3);
      sum += split_mix(seed, drawn + 4);
      drawn += 4;
      scores.push_back((sum - 2.0) * 3.5);
    }
    const double largest = *std::max_element(scores.begin(), scores.end());
    std::vector<double> cumulated;
    double total = 0.0;
    for (const double score : scores) {
      total += std::exp(score - largest);
      cumulated.push_back(total);
      values.push_back(score * temperature + offset);
    }
    const double draw = split_mix(seed + 1000000, static_cast<std::uint64_t>(r) + 1) * total;
    const auto passed = std::count_if(cumulated.begin(), cumulated.end(),
                                      [draw](double sum) { return sum <= draw; });
    labels.push_back(static_cast<std::int32_t>(std::min<std::int64_t>(passed, classes - 1)));
  }
  return {std::move(values), std::move(labels), classes};
}

}  // namespace steepest::tests
