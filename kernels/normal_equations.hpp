// SPDX-License-Identifier: Apache-2.0
// Squared loss without its rows: once their second moments are known, a step costs d^2 whatever n
// is.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/partials.hpp"
#include "kernels/thread_pool.hpp"
#include "kernels/update.hpp"

namespace steepest::kernels {

/// The quadratic f(W) = sum_i w_i |[x_i 1] W - y_i|^2 / 2 of every model of a bank.
///
/// With A = [X 1]^T diag(w) [X 1] and a point W0 where loss f0 and gradient G0 are known,
///     grad f(W) = G0 + A (W - W0)
///     f(W)      = f0 + <G0, W - W0> + <W - W0, A (W - W0)> / 2
/// exactly, and rounding grows with the distance from W0, not with W. The first W0 is 0. Moved to a
/// point where the rows themselves were read, it gives what those would give nearby, to their
/// accuracy: iterative refinement (Higham 2002, Accuracy and Stability of Numerical Algorithms,
/// chapter 12).
class NormalEquations {
 public:
  /// `moment` as second_moment() returns it, with the targets of `outputs` outputs.
  NormalEquations(std::vector<double> moment, std::int64_t rows, std::int64_t features,
                  std::int64_t outputs);

  /// (d + 1, d + 1): the second moment of [x 1] alone, divided by n.
  [[nodiscard]] std::vector<double> features_moment() const;

  /// out = A v / n; v and out are d + 1 long.
  void product(const double* v, ThreadPool& pool, double* out) const;

  /// Puts the anchor W0 of every model back to 0. For a bank of `shape`, whose outputs are ours.
  void start(const BankShape& shape);

  /// Loss and gradient of every running model at its current parameters, or at those it reports, as
  /// one part of sums over n rows.
  /// 2 (d + 1)^2 flops a column. Determinism: the same bits for any number of threads.
  void pass(const BankState& bank, bool reported, ThreadPool& pool, Partials& partials);

  /// Whether a model's loss that pass() gave has lost digits: it is far below the loss at its
  /// anchor, from which it was subtracted.
  [[nodiscard]] bool faded(const Partials& partials, std::int64_t model) const;

  /// Moves a model's anchor to its current parameters, where the rows have given `partials`.
  void anchor(const BankState& bank, const Partials& partials, std::int64_t model);

  /// Writes or reads the anchors, after start().
  void exchange(StateArchive& archive);

 private:
  std::vector<double> moment_;  // (width, width), sums over rows divided by n
  std::int64_t rows_;
  std::int64_t features_;
  std::int64_t outputs_;
  std::int64_t width_;
  BankShape shape_;
  std::vector<double> anchor_;           // (columns, d + 1)
  std::vector<double> anchor_gradient_;  // (columns, d + 1)
  std::vector<double> anchor_loss_;      // models
  std::vector<double> moved_;            // (columns, d + 1): W - W0
};

}  // namespace steepest::kernels
