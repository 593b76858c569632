// SPDX-License-Identifier: Apache-2.0
// Rows for the engines, made fast: hashed uniform values, no file, no truth behind them.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <string>

#include "kernels/backend.hpp"
#include "steepest/shuffle.hpp"

namespace steepest::bench {

/// n rows, d features, C outputs.
struct Shape {
  std::int64_t rows;
  std::int64_t features;
  std::int64_t outputs;

  [[nodiscard]] double feature_bytes() const {
    return static_cast<double>(rows * features) * sizeof(float);
  }
  [[nodiscard]] bool is_small() const { return rows <= 1000; }

  /// As small/150x4x3: the smoke test takes what is small.
  [[nodiscard]] std::string text() const {
    return fmt::format("{}{}x{}x{}", is_small() ? "small/" : "", rows, features, outputs);
  }
};

/// Uniform in [-1, 1).
inline double hashed_uniform(std::int64_t index, std::uint64_t stream) {
  const std::uint64_t bits = scramble(static_cast<std::uint64_t>(index) * 8 + stream);
  return static_cast<double>(bits >> 11) * 0x1p-52 - 1.0;
}

/// Features that need no standardizing, targets and labels both, no weights.
inline kernels::TrainingData random_data(const Shape& shape) {
  kernels::TrainingData data;
  data.features = FeatureMatrix(shape.rows, shape.features);
  for (std::int64_t e = 0; e < shape.rows * shape.features; ++e) {
    data.features.data()[e] = static_cast<float>(hashed_uniform(e, 1));
  }
  data.mean.assign(static_cast<std::size_t>(shape.features), 0.0);
  data.scale.assign(static_cast<std::size_t>(shape.features), 1.0);
  data.targets.resize(static_cast<std::size_t>(shape.rows * shape.outputs));
  for (std::size_t t = 0; t < data.targets.size(); ++t) {
    data.targets[t] = hashed_uniform(static_cast<std::int64_t>(t), 2);
  }
  const std::int64_t classes = std::max<std::int64_t>(shape.outputs, 2);
  data.labels.resize(static_cast<std::size_t>(shape.rows));
  for (std::size_t i = 0; i < data.labels.size(); ++i) {
    data.labels[i] = static_cast<std::int32_t>(scramble(i) % static_cast<std::uint64_t>(classes));
  }
  return data;
}

/// Score columns a loss has where the problem has `outputs` targets or classes; 0 where the loss
/// does not fit them.
inline std::int64_t columns_of(const RowLoss& loss, std::int64_t outputs) {
  if (std::holds_alternative<LogisticLoss>(loss)) {
    return outputs == 1 ? 1 : 0;
  }
  return std::holds_alternative<SoftmaxLoss>(loss) && outputs == 1 ? 2 : outputs;
}

/// Calls body(loss) for every row loss there is, of parameters as they are by default.
template <class Body>
void for_each_loss(Body body) {
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    (body(RowLoss(std::variant_alternative_t<I, RowLoss>{})), ...);
  }
  (std::make_index_sequence<std::variant_size_v<RowLoss>>());
}

}  // namespace steepest::bench
