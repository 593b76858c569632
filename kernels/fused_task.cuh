// SPDX-License-Identifier: Apache-2.0
// What one launch of the fused engine is told: rows, parameters, and where sums go.
#pragma once

#include <cstddef>
#include <cstdint>
#include <variant>

#include "kernels/device_bank.cuh"
#include "kernels/device_rows.cuh"
#include "kernels/loss_gradient.hpp"
#include "kernels/packed_features.cuh"
#include "kernels/row_chunks.hpp"
#include "kernels/row_selection.hpp"

namespace steepest::kernels {

/// Where a pass takes its parameters: what every model takes gradients at, or what it reports.
struct PassParameters {
  BankView bank;
  bool reported = false;

  /// (C, d + 1)
  [[nodiscard]] STEEPEST_HD const double* of(std::int64_t model) const {
    return reported ? bank.reported_of(model)
                    : bank.parameters_of(model, bank.states[model].current);
  }
};

/// A chunk of a pass. T is the arithmetic.
template <class T>
struct FusedTask {
  PassLoss loss;
  PassParameters parameters;
  DeviceRows<T> data;
  PackedFeatures packed;  ///< held where data.features is null
  RowSelection rows;
  RowChunk chunk;
  std::int64_t group_models = 0;  ///< of the bank that a block takes together
  T* gradient = nullptr;          ///< (chunk.partitions, columns, pitch)
  double* losses = nullptr;       ///< (chunk.partitions, models)

  [[nodiscard]] STEEPEST_HD const BankShape& shape() const { return parameters.bank.shape; }

  [[nodiscard]] STEEPEST_HD std::int64_t groups() const {
    return (shape().models + group_models - 1) / group_models;
  }
};

/// A partition of a chunk and a group of models: what a block works on at a time.
template <class T>
struct FusedPart {
  std::int64_t partition = 0;
  std::int64_t first_model = 0;
  std::int64_t first = 0;  ///< position of the first row in the selection's order or file
  int rows = 0;            ///< at most most_partition_rows
  int models = 0;
  int columns = 0;  ///< of the models

  STEEPEST_HD FusedPart(const FusedTask<T>& task, std::int64_t index)
      : partition(index / task.groups()), first_model(index % task.groups() * task.group_models) {
    const std::int64_t left = task.shape().models - first_model;
    models = static_cast<int>(left < task.group_models ? left : task.group_models);
    columns = models * static_cast<int>(task.shape().outputs);
    const std::int64_t begin = partition * task.chunk.partition_rows;
    const std::int64_t rest = task.chunk.rows - begin;
    first = task.rows.first + task.chunk.first + begin;
    rows = static_cast<int>(rest < task.chunk.partition_rows ? rest : task.chunk.partition_rows);
  }
};

/// residual_in_place of the loss that `loss` holds.
template <std::size_t index = 0, class T>
STEEPEST_HD T residual_in_place(const PassLoss& loss, T* scores, std::int64_t outputs,
                                const RowTarget<T>& target, T weight) {
  if constexpr (index + 1 < std::variant_size_v<PassLoss>) {
    if (loss.index() != index) {
      return residual_in_place<index + 1>(loss, scores, outputs, target, weight);
    }
  }
  return std::get_if<index>(&loss)->residual_in_place(scores, outputs, target, weight);
}

/// Row `row` of the data under model `model` of a group: its scores, of all scores of the group,
/// become residuals in place. Returns the loss.
template <class T>
STEEPEST_HD double model_residuals(const FusedTask<T>& task, std::int64_t row, std::int64_t model,
                                   T* scores) {
  const DeviceRows<T>& data = task.data;
  const std::int64_t outputs = task.shape().outputs;
  RowTarget<T> target{nullptr, 0};
  if (data.targets != nullptr) {
    target.values = data.targets + row * outputs;
  }
  if (data.labels != nullptr) {
    target.label = data.labels[row];
  }
  const T weight = data.weights == nullptr ? T(1) : data.weights[row];
  return static_cast<double>(
      residual_in_place(task.loss, scores + model * outputs, outputs, target, weight));
}

}  // namespace steepest::kernels
