// SPDX-License-Identifier: Apache-2.0
#include "steepest/score_scaling.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "src/train/option_text.hpp"
#include "steepest/error.hpp"

namespace steepest {
namespace {

constexpr std::array methods = {ScalingMethod::temperature, ScalingMethod::vector,
                                ScalingMethod::matrix};

}  // namespace

std::string_view name(ScalingMethod method) {
  switch (method) {
    case ScalingMethod::temperature:
      return "temperature";
    case ScalingMethod::vector:
      return "vector";
    case ScalingMethod::matrix:
      break;
  }
  return "matrix";
}

ScalingMethod parse_scaling_method(std::string_view text) {
  std::vector<std::string_view> names;
  for (const ScalingMethod method : methods) {
    if (text == name(method)) {
      return method;
    }
    names.push_back(name(method));
  }
  throw OptionError(fmt::format("--method \"{}\" is not known: use {}", text, join_choices(names)));
}

void ScoreScaling::apply(double* scores, std::int64_t rows, std::int64_t classes) const {
  std::vector<double> scaled(static_cast<std::size_t>(classes));
  for (double* row = scores; row != scores + rows * classes; row += classes) {
    for (std::int64_t k = 0; k < classes; ++k) {
      double& to = scaled[static_cast<std::size_t>(k)];
      if (method == ScalingMethod::temperature) {
        to = factors[0] * row[k];
      } else if (method == ScalingMethod::vector) {
        to = factors[static_cast<std::size_t>(k)] * row[k];
      } else {
        const double* const weights = factors.data() + k * classes;
        to = 0.0;
        for (std::int64_t j = 0; j < classes; ++j) {
          to += weights[j] * row[j];
        }
      }
      to += intercept.empty() ? 0.0 : intercept[static_cast<std::size_t>(k)];
    }
    std::copy(scaled.begin(), scaled.end(), row);
  }
}

}  // namespace steepest
