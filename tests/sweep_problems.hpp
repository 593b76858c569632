// SPDX-License-Identifier: Apache-2.0
// Data that tests sweep over, and the sweeps themselves.
#pragma once

#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "steepest/read.hpp"
#include "steepest/sweep.hpp"

namespace steepest::tests {

inline std::shared_ptr<RowSource> iris() {
  ReadOptions read;
  read.paths = {std::string(STEEPEST_SOURCE_FOLDER) + "/data/iris.csv"};
  read.targets = {"species"};
  read.target_kind = TargetKind::classes;
  return std::make_shared<DatasetRows>(read_dataset(read));
}

// y = sum of w_j x_j + noise, columns of deviation spread_j mixed by `mixing`.
inline std::shared_ptr<RowSource> linear_rows(std::int64_t rows, std::int64_t features,
                                              double mixing, double noise, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<double> normal;
  Dataset data;
  data.features = FeatureMatrix(rows, features);
  for (std::int64_t j = 0; j < features; ++j) {
    FeatureColumn column;
    column.name = "x" + std::to_string(j + 1);
    data.schema.columns.push_back(column);
  }
  data.schema.target_names = {"y"};
  for (std::int64_t i = 0; i < rows; ++i) {
    const double shared = normal(random);
    double y = noise * normal(random);
    for (std::int64_t j = 0; j < features; ++j) {
      const double x = normal(random) + mixing * shared;
      data.features.row(i)[j] = static_cast<float>(x);
      y += (j % 2 == 0 ? 1.0 : -0.5) * x;
    }
    data.targets.push_back(y);
  }
  return std::make_shared<DatasetRows>(std::move(data));
}

inline SweepOptions options_of(std::string_view schedules, std::vector<SweepRate> rates,
                               std::int64_t epochs) {
  SweepOptions options;
  options.schedules = parse_schedule_list(schedules);
  options.learning_rates = std::move(rates);
  options.epochs = epochs;
  options.problem.threads = 2;
  return options;
}

}  // namespace steepest::tests
