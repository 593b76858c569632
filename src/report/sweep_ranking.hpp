// SPDX-License-Identifier: Apache-2.0
// The runs of a sweep as methods: a schedule, rule and batch size, at every rate it was tried at.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "steepest/sweep.hpp"

namespace steepest::report {

/// The runs of a method at one rate, one a seed.
struct RateRuns {
  std::vector<const SweepRun*> runs;
  double median = 0.0;  ///< suboptimality over the seeds; infinite where too many diverged
  double lower_quartile = 0.0;
  double upper_quartile = 0.0;
  std::int64_t diverged = 0;

  [[nodiscard]] double learning_rate() const { return runs.front()->what.schedule.learning_rate; }
};

/// A schedule, rule and batch size at the rate that served it best.
struct RankedMethod {
  const SweepRun* run = nullptr;  ///< one of its runs at that rate
  double median = 0.0;            ///< suboptimality over the seeds; infinite where too few ended
  double lower_quartile = 0.0;
  double upper_quartile = 0.0;
  std::int64_t seeds = 0;
  std::int64_t runs = 0;        ///< at all rates
  std::int64_t diverged = 0;    ///< of them
  std::vector<RateRuns> rates;  ///< rising
  std::size_t best = 0;         ///< of rates

  /// "done" where the median is finite, and otherwise what the runs at all rates came to:
  /// "diverged" where all did, "interrupted" where some were, "pruned" where some were, and
  /// "diverged" where enough of them did to leave no median.
  [[nodiscard]] std::string_view status() const;
};

/// A median's 95 % interval.
struct MedianInterval {
  double low = 0.0;
  double high = 0.0;
};

/// Best first; equal ones in the order of the plan. A rate counts by its median over seeds, a
/// diverged run as infinite.
[[nodiscard]] std::vector<RankedMethod> rank_methods(const SweepResult& result);

/// Whether its rate was given over the curvature, and is one: a factor has no unit, though "/L"
/// was asked for.
[[nodiscard]] bool is_over_curvature(const SweepCase& what);

/// Without the horizon, which is that of every run: epochs.
[[nodiscard]] std::string schedule_text(const SweepCase& what);

/// "cosine, nesterov:0.9, batch 64", with no more than tells the methods of a sweep apart.
[[nodiscard]] std::string method_text(const SweepCase& what, const SweepResult& result);

/// The suboptimality a run counts with: infinite unless it spent its epochs.
[[nodiscard]] double regret_of(const SweepRun& run);

/// Linear interpolation between order statistics, as NumPy's default. `sorted` is not empty;
/// infinities come last.
[[nodiscard]] double quantile(const std::vector<double>& sorted, double share);

/// The percentile bootstrap of the median (Efron 1979): 95 % of the medians of 2,000 resamples
/// lie inside. Deterministic. Both ends are the median where there is one value.
[[nodiscard]] MedianInterval bootstrap_median(const std::vector<double>& values);

/// Epochs a run took to a suboptimality of at most `target`, by the first point of its curve that
/// is there; infinite where none is.
[[nodiscard]] double epochs_to(const SweepRun& run, double optimum, double target);

/// A performance profile (Dolan and More 2002) of costs (problems, methods), infinite where a
/// method failed: profile[m](tau) is the share of problems that method m solves at no more than
/// tau times the least cost. Problems that no method solves are left out.
class PerformanceProfile {
 public:
  explicit PerformanceProfile(const std::vector<std::vector<double>>& costs);

  [[nodiscard]] std::int64_t problems() const { return problems_; }
  [[nodiscard]] double at(std::size_t method, double tau) const;

  /// The mean of the profile over tau from 1 to `most`, above 1: the score of AlgoPerf (Dahl et
  /// al. 2023, arXiv 2306.07179), whose `most` is 4.
  [[nodiscard]] double score(std::size_t method, double most) const;

 private:
  std::int64_t problems_ = 0;
  std::vector<std::vector<double>> ratios_;  // a method's, rising, finite
};

}  // namespace steepest::report
