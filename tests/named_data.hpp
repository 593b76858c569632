// SPDX-License-Identifier: Apache-2.0
// Random data as a reader gives it.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "steepest/dataset.hpp"
#include "tests/problems.hpp"

namespace steepest::tests {

/// random_data with features x0, x1, ..., and targets y0, y1, ... or a target of classes c0, c1,
/// ...
inline Dataset named_random_data(const ProblemShape& shape, bool classes, unsigned seed) {
  kernels::TrainingData made = random_data(shape, classes, seed);
  Dataset data;
  data.features = std::move(made.features);
  data.targets = std::move(made.targets);
  data.labels = std::move(made.labels);
  data.weights = std::move(made.weights);
  for (std::int64_t j = 0; j < shape.features; ++j) {
    FeatureColumn column;
    column.name = "x" + std::to_string(j);
    data.schema.columns.push_back(column);
  }
  for (std::int64_t o = 0; o < (classes ? 1 : shape.outputs); ++o) {
    data.schema.target_names.push_back("y" + std::to_string(o));
  }
  for (std::int64_t c = 0; classes && c < shape.outputs; ++c) {
    data.schema.classes.push_back("c" + std::to_string(c));
  }
  return data;
}

}  // namespace steepest::tests
