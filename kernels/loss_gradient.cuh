// SPDX-License-Identifier: Apache-2.0
// The operation of a step on the device: losses and gradients of every model of a bank over some
// rows.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/device_pass.cuh"
#include "kernels/loss_gradient.hpp"

namespace steepest::kernels {

/// Computes for every model k of the bank the sums LossGradient computes on the CPU:
///     loss_k     = sum_i w_i l(z_i, y_i)                    z_i = [x_i 1] W_k^T
///     gradient_c = sum_i w_i dl/dz_ic [x_i 1]
/// chunk by chunk: scores come from one product, each (row, model) turns its scores into residuals
/// in place, gradients come from a second product.
///
/// Complexity: 4 * rows * (d + 1) * columns flops; X is read twice, and once more to be gathered.
/// Determinism, memory, waiting and errors: see DevicePass.
template <class T>
class DeviceLossGradient {
 public:
  /// Rows that outlive this, and those of the largest shuffled batch (0: none is).
  DeviceLossGradient(const BankShape& shape, const PassRows<T>& rows, std::int64_t batch_rows,
                     const MatrixProducts& products);

  /// (columns, pitch) in device memory: what passes multiply with, to be filled before a pass with
  /// d + 1 parameters a row. Its padding is not read.
  [[nodiscard]] T* weights() { return weights_.data(); }

  /// Rounds `parameters` ((columns, d + 1) doubles) into the first rows of weights(); waits.
  void upload_weights(const double* parameters, std::int64_t columns) {
    pass_.upload_parameters(parameters, columns, weights_.data());
  }

  /// Queues one pass, with what will come after it, and indexes as of DevicePass::run(). The sums
  /// are valid until the next pass.
  PassSums<T> run(const PassLoss& loss, const RowSelection& rows, const RowsAhead& ahead,
                  const std::int64_t* drawn = nullptr);

  /// As above; nothing comes after it.
  PassSums<T> run(const PassLoss& loss, const RowSelection& rows) {
    return run(loss, rows, {rows.first + rows.count, false});
  }

  /// The gradient of a pass, added up: (columns, d + 1). Ends the use of `sums`; waits.
  [[nodiscard]] std::vector<double> gradient(const PassSums<T>& sums) {
    return pass_.gradient(sums);
  }

  /// The losses of a pass, added up: one a model. Before gradient(); waits.
  [[nodiscard]] std::vector<double> losses(const PassSums<T>& sums) {
    return pass_.losses_of(sums);
  }

  /// Scores of rows [first, first + count) of the data under the first `columns` columns of
  /// weights(): (count, columns) row-major; waits.
  [[nodiscard]] std::vector<double> scores(std::int64_t first, std::int64_t count,
                                           std::int64_t columns);

 private:
  DevicePass<T> pass_;
  DeviceBuffer<T> weights_;  // (columns, pitch)
};

extern template class DeviceLossGradient<float>;
extern template class DeviceLossGradient<double>;

}  // namespace steepest::kernels
