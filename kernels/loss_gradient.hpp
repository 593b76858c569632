// SPDX-License-Identifier: Apache-2.0
// The operation of a step: losses and gradients of every model of a bank over some rows.
#pragma once

#include <cstdint>
#include <variant>
#include <vector>

#include "kernels/aligned_vector.hpp"
#include "kernels/bank.hpp"
#include "kernels/partials.hpp"
#include "kernels/row_feed.hpp"
#include "kernels/row_selection.hpp"
#include "kernels/thread_pool.hpp"
#include "kernels/tile_products.hpp"
#include "kernels/tile_residuals.hpp"
#include "steepest/feature_matrix.hpp"
#include "steepest/objective.hpp"

namespace steepest::kernels {

/// The row loss z^2 / 2 whose gradient is the product with the second moment matrix X^T W X: what a
/// power iteration needs. Not an objective of its own: squared loss whose targets are 0.
struct QuadraticForm {
  template <class T>
  STEEPEST_HD static T residual_in_place(T* scores, std::int64_t outputs,
                                         const RowTarget<T>& /*target*/, T weight) {
    T loss = 0;
    for (std::int64_t o = 0; o < outputs; ++o) {
      loss += scores[o] * scores[o] / 2;
      scores[o] *= weight;
    }
    return weight * loss;
  }
};

/// The row losses a pass can take: the objectives', and the quadratic form.
using PassLoss = std::variant<SquaredLoss, HuberLoss, QuantileLoss, PoissonLoss, LogisticLoss,
                              SoftmaxLoss, QuadraticForm>;

[[nodiscard]] inline PassLoss pass_loss(const RowLoss& loss) {
  return std::visit([](auto chosen) { return PassLoss(chosen); }, loss);
}

/// Computes on the CPU, for every model k of the bank, the sums over the selected rows
///     loss_k     = sum_i w_i l(z_i, y_i)                    z_i = x_i W_k + b_k
///     gradient_c = sum_i w_i dl/dz_ic [x_i 1]
/// reading each row once: scores and gradient come from the same tile while it is in cache.
///
/// Complexity: 4 * rows * d * columns flops, rows * d * 4 bytes.
/// Determinism: the same bits for any number of threads, and for a model the same as in a bank of
/// its own: partition_count depends on the rows and the size of a model only.
/// Memory: partials, and per thread a tile of scores and one gradient; allocated on first use.
/// T is the arithmetic: with float, sums of at most 1024 rows are kept in float.
template <class T>
class LossGradient {
 public:
  /// `parameters` is (columns, d + 1), see BankShape. Rounds them to T for the passes that follow.
  void set_parameters(const BankShape& shape, const double* parameters, std::int64_t first_column,
                      std::int64_t columns);

  /// The rows each model sees in the passes that follow, see BankPlan; with masks a pass reads rows
  /// in order. Keeps references. Null and empty: all.
  void set_masks(const std::vector<std::uint8_t>* folds, const std::vector<RowMask>* masks) {
    folds_ = folds;
    masks_ = masks;
  }

  /// One pass. Targets must fit the loss: values for regression, labels for the classifiers.
  /// `next`, if not null, is what the pass after this one will read: its first rows are asked for
  /// in time.
  void run(const PassLoss& loss, RowFeed& feed, const RowSelection& rows, const RowSelection* next,
           ThreadPool& pool, Partials& partials);

  /// Scores of rows [first, first + count) in order: (count, columns) row-major.
  /// Safe from several threads with workers of their own.
  void scores(RowFeed& feed, std::int64_t first, std::int64_t count, int worker, T* out) const;

 private:
  struct Scratch {
    std::vector<const float*> rows;
    std::vector<const float*> next;
    std::vector<std::int64_t> indexes;
    AlignedVector<T> scores;   // (columns, pitch)
    AlignedVector<T> targets;  // (outputs, pitch)
    AlignedVector<T> labels;   // pitch
    AlignedVector<T> weights;  // pitch
    AlignedVector<T> masked;   // pitch: weights as one model sees them
    AlignedVector<T> gradient;
    std::vector<double> intercept_gradient;  // (columns, sum_lanes)
    std::vector<double> loss;                // (columns, sum_lanes)
  };

  // Those of a task.
  struct Models {
    std::int64_t first = 0;
    std::int64_t count = 0;
  };

  template <class Loss>
  void run_partition(Loss loss, RowFeed& feed, RowFeed::Request request,
                     const RowFeed::Request& after, const Models& models, Scratch& scratch,
                     double* gradient, double* losses) const;
  template <class Loss>
  void residuals(Loss loss, const RowFeed::Targets& data, const Models& models, std::int64_t first,
                 std::int64_t count, Scratch& scratch) const;
  template <class Loss>
  void masked_residuals(Loss loss, const TileScores<T>& tile, const Models& models,
                        std::int64_t first, Scratch& scratch) const;
  void gather(const RowFeed::Targets& data, std::int64_t count, Scratch& scratch) const;
  bool squared_column(const RowFeed::Targets& data, const TileRows& rows, Scratch& scratch) const;
  const float* const* peek(RowFeed& feed, std::int64_t partition_begin,
                           const RowFeed::Request& request, const RowFeed::Request& after,
                           Scratch& scratch) const;
  void flush(const Models& models, Scratch& scratch, bool first, double* gradient,
             double* loss) const;
  void prepare(Scratch& scratch) const;
  [[nodiscard]] std::int64_t tile_rows() const;
  [[nodiscard]] std::int64_t tile_at(std::int64_t partition_begin,
                                     const RowFeed::Request& request) const;

  BankShape shape_;
  std::int64_t padded_ = 0;
  AlignedVector<T> weights_;                          // (columns, padded)
  std::vector<T> intercepts_;                         // columns
  const std::vector<std::uint8_t>* folds_ = nullptr;  // n
  const std::vector<RowMask>* masks_ = nullptr;       // models
  std::vector<Scratch> scratch_;
  bool clean_ = true;  // no sums are left in scratch_
};

extern template class LossGradient<float>;
extern template class LossGradient<double>;

}  // namespace steepest::kernels
