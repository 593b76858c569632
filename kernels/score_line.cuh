// SPDX-License-Identifier: Apache-2.0
// The loss along a line of parameters, from scores that are kept: [X 1] (W - t V)^T is Z - t U.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/backend.hpp"
#include "kernels/device_buffer.cuh"
#include "kernels/device_pass.cuh"
#include "kernels/loss_gradient.hpp"

namespace steepest::kernels {

/// Of one model over all rows held: Z = [X 1] W^T at a point W and U = [X 1] V^T along V, both
/// (n, C) in the arithmetic of the pass.
///
/// Complexity: aim() reads the rows once, for 4 n (d + 1) C flops; value() reads 2 n C numbers, and
/// works on n C in the buffer of a pass. Determinism: the same bits for the same chip, toolkit and
/// shapes; losses and slopes are added up in double and in a fixed order. Throws DeviceError.
template <class T>
class ScoreLine {
 public:
  /// Rows that outlive this, of models with C outputs. Takes 2 n C values of device memory, and the
  /// buffers of a pass.
  ScoreLine(std::int64_t features, std::int64_t outputs, const PassRows<T>& rows,
            const MatrixProducts& products);

  [[nodiscard]] std::int64_t outputs() const { return outputs_; }

  /// Looks from `point` along `direction`, (C, d + 1) both; does nothing where it does already.
  void aim(const std::vector<double>& point, const std::vector<double>& direction);

  /// At point - length * direction; waits.
  [[nodiscard]] LineValue value(const PassLoss& loss, double length);

 private:
  [[nodiscard]] BankShape shape() const { return {features_, outputs_, 1}; }

  std::int64_t features_;
  std::int64_t outputs_;
  DevicePass<T> pass_;      // of 2 C columns: Z beside U
  DeviceBuffer<T> scores_;  // (n, 2 C): of every row those of the point, then those along the line
  DeviceBuffer<T> weights_;
  DeviceBuffer<double> sums_;  // slices of losses, then of slopes
  std::vector<double> point_;
  std::vector<double> direction_;
};

extern template class ScoreLine<float>;
extern template class ScoreLine<double>;

}  // namespace steepest::kernels
