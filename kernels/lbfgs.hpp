// SPDX-License-Identifier: Apache-2.0
// Limited-memory BFGS for one model: the direction of a full-batch step from the gradients of those
// before it, and how far to go along it. On the CPU: see host_steps.hpp.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "kernels/aligned_vector.hpp"
#include "kernels/thread_pool.hpp"
#include "steepest/termination.hpp"

namespace steepest::kernels {

class StateArchive;

/// The state of one run. A step is tried by evaluating the objective and its gradient where it
/// leads, and taken when the objective fell enough for it; if not, a shorter one is tried. With
/// good directions the first length, 1, is taken nearly always, so a step costs one pass.
///
/// Direction: two-loop recursion over the last `pairs` steps (Nocedal and Wright, Numerical
/// Optimization, 2nd ed., algorithm 7.4), the initial metric being gamma P, P the preconditioner
/// and gamma = s'y / y'Py of the last step. Acceptance: sufficient decrease (Armijo, 1e-4), or,
/// where the objective's rounding hides a decrease, the slope's (Hager and Zhang 2005, eq. 4.1,
/// delta 0.1). A refused length is followed by the secant's for the slope, cut to [0.1, 0.5] of it.
///
/// Memory: 2 * pairs + 4 vectors. Determinism: the same bits for any number of threads.
class Lbfgs {
 public:
  /// out = P v, both `elements` long.
  using Metric = std::function<void(const double* v, double* out)>;

  /// `rounding` is the relative error that evaluations of the objective are known to; a run ends
  /// after more than `patience` steps, and 40 at least, that got it nowhere.
  Lbfgs(std::int64_t elements, std::int64_t pairs, double rounding, std::int64_t patience);

  /// Whether the point last proposed, now evaluated, is taken. The first point always is.
  [[nodiscard]] bool takes(const Evaluation& now, const double* gradient, ThreadPool& pool);

  /// Proposes the step from a point that was taken: next = parameters + direction. `first_length`
  /// scales P before any step is known: the inverse of a bound on the Hessian in its metric.
  /// Returns the largest change of an element.
  double propose(const Evaluation& now, const double* parameters, const double* gradient,
                 const Metric& metric, double first_length, ThreadPool& pool, double* next);

  /// Proposes something shorter after a point that was refused. False when no step from the point
  /// last taken is known to lower the objective by more than its rounding: next is that point then.
  [[nodiscard]] bool propose_shorter(const Metric& metric, double first_length, ThreadPool& pool,
                                     double* next);

  /// The point last taken, and what is known of it; null before the first.
  [[nodiscard]] const double* taken() const { return started_ ? point_.data() : nullptr; }
  [[nodiscard]] const Evaluation& at_taken() const { return at_; }

  /// Whether the run gets anywhere: the objective falls along the direction last proposed, and
  /// within the last steps it, or the gradient, has fallen by more than rounding explains.
  [[nodiscard]] bool has_way() const { return slope_ < 0.0 && idle_ < most_idle_; }

  /// Share of the direction that was last proposed.
  [[nodiscard]] double length() const { return length_; }

  /// Writes or reads all that a run has changed, see kernels/state_archive.hpp.
  void exchange(StateArchive& archive);

  /// Relative error of an objective, as given.
  [[nodiscard]] double rounding() const { return rounding_; }

 private:
  void note_progress(const Evaluation& now);
  void remember(const double* parameters, const double* gradient, ThreadPool& pool);
  void aim(const Metric& metric, double first_length, ThreadPool& pool);
  void forget_pairs() { used_ = 0; }
  void step_to(double* next, ThreadPool& pool) const;
  [[nodiscard]] double dot(const double* a, const double* b, ThreadPool& pool) const;
  // to += factor * from
  void add(double factor, const double* from, double* to, ThreadPool& pool) const;
  [[nodiscard]] double* step_of(std::int64_t pair) { return steps_.data() + pair * elements_; }
  [[nodiscard]] double* change_of(std::int64_t pair) { return changes_.data() + pair * elements_; }
  [[nodiscard]] std::int64_t recent(std::int64_t back) const {
    return (newest_ + pairs_ - back) % pairs_;
  }

  std::int64_t elements_;
  std::int64_t pairs_;
  double rounding_;
  std::int64_t most_idle_;
  bool started_ = false;
  Evaluation at_;                    // at point_
  AlignedVector<double> point_;      // last taken
  AlignedVector<double> gradient_;   // there
  AlignedVector<double> direction_;  // from there
  AlignedVector<double> product_;    // P times something
  AlignedVector<double> steps_;      // s, (pairs, elements), a ring
  AlignedVector<double> changes_;    // y: of the gradient
  std::vector<double> curvatures_;   // s'y of each pair
  std::int64_t newest_ = 0;
  std::int64_t used_ = 0;       // pairs in the ring
  double slope_ = 0.0;          // along direction_, at point_
  double refused_slope_ = 0.0;  // at the point last refused
  double length_ = 0.0;
  int refusals_ = 0;                // in a row
  double lowest_ = 0.0;             // objective taken
  double smallest_gradient_ = 0.0;  // max norm
  std::int64_t idle_ = 0;           // steps in a row without progress
};

}  // namespace steepest::kernels
