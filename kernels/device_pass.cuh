// SPDX-License-Identifier: Apache-2.0
// The frame of a pass over rows on the device: chunks, gathered batches, the product with
// residuals, and sums that go on in double.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/device_buffer.cuh"
#include "kernels/device_data.cuh"
#include "kernels/matrix_products.cuh"
#include "kernels/pass_sums.cuh"
#include "kernels/residuals.cuh"
#include "kernels/row_chunks.hpp"
#include "kernels/row_selection.hpp"

namespace steepest::kernels {

/// The rows of one chunk, ready to be multiplied: (chunk.padded_rows(), pitch) in device memory.
template <class T>
struct ChunkRows {
  RowChunk chunk;
  const T* features = nullptr;
  RowTargets<T> targets;
};

/// Computes R^T [X 1] over the selected rows, for residuals R (rows, columns) that a caller queues
/// chunk by chunk, and adds up losses beside it. Owns the buffers of one chunk, allocated by the
/// constructor: see most_chunk_rows.
///
/// Determinism: the same bits for the same chip, toolkit and shapes. Sums of at most 1024 rows are
/// cuBLAS's, in T; all others are ours, in double and in a fixed order. No atomics.
/// Nothing waits for the device unless it says so. Everything throws DeviceError.
template <class T>
class DevicePass {
 public:
  /// Rows that outlive this, and those of the largest shuffled selection (0: none is).
  DevicePass(const BankShape& shape, const PassRows<T>& rows, std::int64_t batch_rows,
             const MatrixProducts& products);

  [[nodiscard]] const BankShape& shape() const { return shape_; }
  [[nodiscard]] const DeviceRows<T>& data() const { return data_; }
  [[nodiscard]] const MatrixProducts& products() const { return products_; }

  /// Room for residuals (residual_rows(), columns), free between passes.
  [[nodiscard]] T* residuals() { return residuals_.data(); }
  [[nodiscard]] std::int64_t residual_rows() const { return residual_rows_; }

  /// Room for losses (partitions, models), and what queue_residuals() needs behind them.
  [[nodiscard]] double* losses() { return losses_.data(); }

  /// Queues one pass. fill(ChunkRows) queues writing residuals() for chunk.padded_rows() rows,
  /// those from chunk.rows on being 0, and losses(). The sums are valid until the next pass. What
  /// will come after it, `ahead`, is read ahead where rows pass through windows. `drawn`: the
  /// indexes of a shuffled selection, rows.count in device memory, which are drawn here where it is
  /// null.
  template <class Fill>
  PassSums<T> run(const RowSelection& rows, const RowsAhead& ahead, const std::int64_t* drawn,
                  const Fill& fill) {
    PassSums<T> sums = empty_sums();
    const std::int64_t chunks = chunk_count(rows.count, most_rows_);
    for (std::int64_t index = 0; index < chunks; ++index) {
      if (index > 0) {
        carry(sums);
      }
      const ChunkRows<T> chunk =
          rows_of(rows, chunk_of_pass(rows.count, most_rows_, index), ahead, drawn);
      fill(chunk);
      multiply(chunk);
      release();
      sums.partitions = chunk.chunk.partitions;
    }
    return sums;
  }

  /// As above of rows [first, first + count) in file order, count being at most most_rows():
  /// use(features) queues what reads them, (count, pitch).
  template <class Use>
  void visit(std::int64_t first, std::int64_t count, const Use& use) {
    RowSelection part = RowSelection::all(data_.rows);
    part.first = first;
    part.count = count;
    use(features_of(part, nullptr, count, count, {first + count, false}));
    release();
  }

  /// Rounds `parameters`, (columns, d + 1), into `weights`, (columns, pitch) with zeros behind them
  /// in device memory; waits.
  void upload_parameters(const double* parameters, std::int64_t columns, T* weights) const;

  /// Rows of a chunk at most.
  [[nodiscard]] std::int64_t most_rows() const { return most_rows_; }

  /// The losses of a pass, added up: one a model. Before gradient(); waits.
  [[nodiscard]] std::vector<double> losses_of(PassSums<T> sums);

  /// The gradient of a pass, added up: (columns, d + 1). Ends the use of `sums`; waits.
  [[nodiscard]] std::vector<double> gradient(const PassSums<T>& sums);

 private:
  [[nodiscard]] PassSums<T> empty_sums() const;
  [[nodiscard]] ChunkRows<T> rows_of(const RowSelection& rows, const RowChunk& chunk,
                                     const RowsAhead& ahead, const std::int64_t* drawn);
  [[nodiscard]] const T* features_of(const RowSelection& part, const std::int64_t* indexes,
                                     std::int64_t padded_rows, std::int64_t whole,
                                     const RowsAhead& ahead);
  void release();
  void multiply(const ChunkRows<T>& chunk);
  void carry(PassSums<T>& sums);
  void fold_gradient(const PassSums<T>& sums);

  BankShape shape_;
  DeviceRows<T> data_;
  RowWindows<T>* windows_;  // where features pass through, or null
  PackedPlace packed_;      // where they are packed
  const MatrixProducts& products_;
  std::int64_t most_rows_;                 // of a chunk
  std::int64_t residual_rows_;             // of a chunk, padded
  DeviceBuffer<T> residuals_;              // (residual rows, columns)
  DeviceBuffer<T> gradient_;               // (partitions, columns, pitch)
  DeviceBuffer<double> losses_;            // (partitions, models), and scratch behind them
  DeviceBuffer<double> carried_gradient_;  // (columns, d + 1)
  DeviceBuffer<double> carried_loss_;      // models
  DeviceBuffer<std::int64_t> indexes_;     // rows of a gathered chunk
  DeviceBuffer<T> gathered_;               // (rows of a gathered chunk, padded, pitch)
};

extern template class DevicePass<float>;
extern template class DevicePass<double>;

}  // namespace steepest::kernels
