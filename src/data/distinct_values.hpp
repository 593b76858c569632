// SPDX-License-Identifier: Apache-2.0
// Whether a column has one, two, or more distinct numbers.
#pragma once

#include <algorithm>
#include <vector>

namespace steepest::data {

/// The first three distinct numbers of those added.
class DistinctValues {
 public:
  void add(double value) {
    if (values_.size() < 3 && (values_.empty() || value != values_.back()) &&
        std::find(values_.begin(), values_.end(), value) == values_.end()) {
      values_.push_back(value);
    }
  }

  [[nodiscard]] const std::vector<double>& values() const { return values_; }

 private:
  std::vector<double> values_;
};

}  // namespace steepest::data
