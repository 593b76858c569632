// SPDX-License-Identifier: Apache-2.0
// Whether a column has one, two, or more distinct numbers.
#pragma once

#include <algorithm>
#include <limits>
#include <vector>

namespace steepest::data {

/// The first three distinct numbers of those added.
class DistinctValues {
 public:
  void add(double value) {
    if (value != last_ && values_.size() < 3) {
      last_ = value;
      if (std::find(values_.begin(), values_.end(), value) == values_.end()) {
        values_.push_back(value);
      }
    }
  }

  [[nodiscard]] const std::vector<double>& values() const { return values_; }

 private:
  std::vector<double> values_;
  double last_ = std::numeric_limits<double>::quiet_NaN();  // the one added last
};

}  // namespace steepest::data
