// SPDX-License-Identifier: Apache-2.0
// Portfolios of least variance: projected gradient on the simplex, with a certified distance to the
// optimum.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "steepest/termination.hpp"

namespace steepest {

/// n assets. Weights sum to 1 and lie in [low, high] each.
struct Assets {
  std::vector<double> covariance;        ///< Sigma (n, n), symmetric, positive semidefinite
  std::vector<double> expected_returns;  ///< mu, n numbers; empty when they are not known
  double low = 0.0;                      ///< 0: long only
  double high = 1.0;

  [[nodiscard]] std::int64_t count() const;
};

struct PortfolioOptions {
  /// Ends when gap <= tolerance * (w' Sigma w / 2 + tau |mu' w|): relative to what is minimised; or
  /// when the gap is below 16 eps times the largest eigenvalue of Sigma, which is rounding.
  double tolerance = 1e-9;
  std::int64_t steps = 100'000;  ///< most steps of projected gradient
};

/// The minimiser of w' Sigma w / 2 - tau mu' w over the weights allowed.
struct Portfolio {
  std::vector<double> weights;            ///< n
  double variance = 0.0;                  ///< w' Sigma w
  double volatility = 0.0;                ///< its square root
  std::optional<double> expected_return;  ///< mu' w
  std::vector<double> risk_shares;        ///< w_i (Sigma w)_i / w' Sigma w; they sum to 1

  /// tau: how much variance is taken for return. 0: least variance.
  double risk_tolerance = 0.0;

  /// The objective minus its minimum is at most this: g' w - min_s g' s over all weights s allowed
  /// (Frank and Wolfe 1956; Jaggi, ICML 2013), g the gradient; for a target return, of the problem
  /// with that constraint, by Lagrange duality.
  double gap = 0.0;

  /// max {g_i : w_i > low} - min {g_i : w_i < high}, or 0 when that is negative: 0 exactly where
  /// the Karush-Kuhn-Tucker conditions hold.
  double kkt_violation = 0.0;

  std::int64_t steps = 0;   ///< of projected gradient
  Termination termination;  ///< Reason::gradient: the gap's inequality; epochs: steps were spent
};

/// Sample covariance (n - 1 in the denominator) and mean of each column of returns, (rows, assets)
/// row-major. Throws InputError for fewer than 2 rows.
[[nodiscard]] Assets assets_of_returns(const std::vector<double>& returns, std::int64_t assets);

/// Throws InputError unless the covariance is square, finite, symmetric to 1e-6 and positive
/// semidefinite to 1e-6 of its largest eigenvalue; the sentence names rows and columns from 1.
/// OptionError when no weights within the bounds sum to 1.
void check_assets(const Assets& assets);

/// The portfolio of least variance. Accelerated projected gradient with restarts (Beck and Teboulle
/// 2009; O'Donoghue and Candes 2015) finds which weights are at their bounds; the linear system of
/// the others then gives them to rounding. Checks as check_assets does.
[[nodiscard]] Portfolio minimum_variance(const Assets& assets,
                                         const PortfolioOptions& options = {});

/// Maximises mu' w - (A / 2) w' Sigma w, by minimising its negative; A > 0 is the risk aversion.
/// Gap and violation are those of w' Sigma w / 2 - mu' w / A. Throws OptionError without expected
/// returns, or for A <= 0.
[[nodiscard]] Portfolio best_utility(const Assets& assets, double risk_aversion,
                                     const PortfolioOptions& options = {});

/// The portfolio of least variance with mu' w >= target. Throws OptionError when the bounds allow
/// no such return; the sentence names the largest.
[[nodiscard]] Portfolio with_target_return(const Assets& assets, double target,
                                           const PortfolioOptions& options = {});

/// `points` (>= 2) portfolios of least variance for evenly spaced returns, from that of the least
/// variance of all to the largest the bounds allow. One bank: every step multiplies Sigma with the
/// weights of all of them at once.
[[nodiscard]] std::vector<Portfolio> efficient_frontier(const Assets& assets, std::int64_t points,
                                                        const PortfolioOptions& options = {});

}  // namespace steepest
