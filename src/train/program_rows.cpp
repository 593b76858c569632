// SPDX-License-Identifier: Apache-2.0
#include "src/train/program_rows.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <numeric>

namespace steepest::train {

ProgramRows program_rows(const std::vector<double>& errors, std::int64_t count) {
  ProgramRows result;
  std::vector<std::int64_t>& order = result.chosen;
  order.resize(errors.size());
  std::iota(order.begin(), order.end(), 0);
  const auto size = [&](std::int64_t row) {  // an order even where a checkpoint was forged
    const double error = std::fabs(errors[static_cast<std::size_t>(row)]);
    return std::isnan(error) ? std::numeric_limits<double>::infinity() : error;
  };
  const auto nearer = [&](std::int64_t a, std::int64_t b) {
    const double left = size(a);
    const double right = size(b);
    return left != right ? left < right : a < b;
  };
  if (count < std::ssize(order)) {
    std::nth_element(order.begin(), order.begin() + count, order.end(), nearer);
    result.sharpness = size(order[static_cast<std::size_t>(count)]);
    order.resize(static_cast<std::size_t>(count));
  } else {
    result.sharpness = *std::max_element(errors.begin(), errors.end());
  }
  std::sort(order.begin(), order.end());
  result.sharpness = std::max(result.sharpness, 1e-12);
  return result;
}

}  // namespace steepest::train
