// SPDX-License-Identifier: Apache-2.0
// Squared loss on second moments instead of rows: full-batch steps, and evaluations between epochs
// of mini-batches. The rows judge where it matters.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "kernels/normal_equations.hpp"
#include "kernels/partials.hpp"
#include "kernels/thread_pool.hpp"
#include "kernels/update.hpp"

namespace steepest::kernels {

/// Whether second moments are worth their price instead of so many passes over the rows: `columns`
/// are features, intercept and targets. Bits hang on it, so it asks for nothing computed before.
[[nodiscard]] bool moments_pay(std::int64_t columns, std::int64_t rows, std::int64_t passes);

/// Columns above which moments() would be large data themselves.
inline constexpr std::int64_t most_moment_columns = 2000;

/// Whether no model of a bank wants to know more of a full batch than loss and gradient.
[[nodiscard]] bool takes_moments(const BankState& bank);

/// Evaluates the running models of a bank at the parameters they report, on second moments. Those
/// whose loss has lost its digits so, and those that would end, are left to the rows: their states
/// stay. Says of every model whether it was evaluated. Determinism: the same bits for any number of
/// threads; `partials` are scratch.
[[nodiscard]] std::vector<char> evaluate_on_moments(std::int64_t rows, ThreadPool& pool,
                                                    NormalEquations& equations, BankState& bank,
                                                    Partials& partials);

/// Takes steps of a bank on its normal equations. Where those say what only rows can know, an end
/// or a loss that has lost its digits, a model's step is taken back and made, and judged, on the
/// rows themselves; the other models keep theirs.
class MomentSteps {
 public:
  /// Sums over all rows of these models at their current parameters, into the `partials` of step().
  using RowPass = std::function<void(const std::vector<std::int64_t>& models)>;

  /// A step of every running model; `partials` are scratch, `before` the states it starts from.
  /// Determinism: the same bits for any number of threads, as far as `row_pass` has them.
  void step(const std::vector<ModelState>& before, std::int64_t rows, const RowPass& row_pass,
            ThreadPool& pool, NormalEquations& equations, BankState& bank, Partials& partials);

 private:
  void step_on_rows(const std::vector<ModelState>& before, std::int64_t rows,
                    const RowPass& row_pass, ThreadPool& pool, NormalEquations& equations,
                    BankState& bank, Partials& partials);

  std::vector<std::int64_t> doubtful_;  // models whose step on moments is not to be trusted
  std::vector<char> faded_;
  std::vector<double> velocities_before_;
  std::vector<double> second_before_;
};

}  // namespace steepest::kernels
