// SPDX-License-Identifier: Apache-2.0
#include "src/report/sweep_ranking.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <random>
#include <tuple>

namespace steepest::report {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

using MethodKey = std::tuple<std::string, std::string, std::int64_t>;

MethodKey method_of(const SweepCase& what) {
  return {schedule_text(what), to_string(what.rule), what.batch_size};
}

RateRuns settled(RateRuns group) {
  std::vector<double> regrets;
  regrets.reserve(group.runs.size());
  for (const SweepRun* run : group.runs) {
    regrets.push_back(regret_of(*run));
    group.diverged += run->reason == Reason::diverged ? 1 : 0;
  }
  std::sort(regrets.begin(), regrets.end());
  group.median = quantile(regrets, 0.5);
  group.lower_quartile = quantile(regrets, 0.25);
  group.upper_quartile = quantile(regrets, 0.75);
  return group;
}

RankedMethod ranked(const std::map<double, RateRuns>& by_rate) {
  RankedMethod method;
  for (const auto& [rate, group] : by_rate) {
    method.rates.push_back(settled(group));
    const RateRuns& added = method.rates.back();
    method.runs += std::ssize(added.runs);
    method.diverged += added.diverged;
    if (added.median < method.rates[method.best].median) {
      method.best = method.rates.size() - 1;
    }
  }
  const RateRuns& best = method.rates[method.best];
  method.run = best.runs.front();
  method.median = best.median;
  method.lower_quartile = best.lower_quartile;
  method.upper_quartile = best.upper_quartile;
  method.seeds = std::ssize(best.runs);
  return method;
}

}  // namespace

std::string_view RankedMethod::status() const {
  bool interrupted = false;
  bool pruned = false;
  for (const RateRuns& rate : rates) {
    for (const SweepRun* const ended : rate.runs) {
      pruned = pruned || ended->pruned;
      interrupted = interrupted || (ended->reason == Reason::interrupted && !ended->pruned);
    }
  }
  return std::isfinite(median) ? "done"
         : interrupted         ? "interrupted"
         : pruned              ? "pruned"
                               : "diverged";
}

bool is_over_curvature(const SweepCase& what) {
  return what.rate.over_curvature && !rate_is_factor(what.schedule.kind);
}

std::string schedule_text(const SweepCase& what) {
  Schedule schedule = what.schedule;
  schedule.horizon = 0;
  return to_string(schedule);
}

std::string method_text(const SweepCase& what, const SweepResult& result) {
  const std::string full = schedule_text(what);
  const std::string kind = full.substr(0, full.find(':'));
  bool alone = full.find('/') == std::string::npos;  // its name says which schedule is meant
  bool rules = false;
  bool batches = false;
  for (const SweepRun& run : result.runs) {
    const std::string other = schedule_text(run.what);
    alone = alone && (other == full || other.substr(0, other.find_first_of(":/")) != kind);
    rules = rules || to_string(run.what.rule) != to_string(what.rule);
    batches = batches || run.what.batch_size != what.batch_size;
  }
  std::string text = alone ? kind : full;
  if (rules) {
    text += ", " + to_string(what.rule);
  }
  if (batches) {
    text += what.batch_size >= result.plan.rows ? ", full batch"
                                                : fmt::format(", batch {}", what.batch_size);
  }
  return text;
}

double regret_of(const SweepRun& run) {
  return run.reason == Reason::epochs && std::isfinite(run.suboptimality) ? run.suboptimality
                                                                          : infinity;
}

double quantile(const std::vector<double>& sorted, double share) {
  const double place = share * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  const double part = place - static_cast<double>(below);
  if (part <= 0.0 || sorted[below] == sorted[above]) {
    return sorted[below];
  }
  return std::isfinite(sorted[above]) ? sorted[below] + part * (sorted[above] - sorted[below])
                                      : infinity;
}

std::vector<RankedMethod> rank_methods(const SweepResult& result) {
  std::vector<MethodKey> order;
  std::map<MethodKey, std::map<double, RateRuns>> methods;
  for (const SweepRun& run : result.runs) {
    const MethodKey key = method_of(run.what);
    std::map<double, RateRuns>& by_rate = methods[key];
    if (by_rate.empty()) {
      order.push_back(key);
    }
    by_rate[run.what.schedule.learning_rate].runs.push_back(&run);
  }
  std::vector<RankedMethod> ranking;
  ranking.reserve(order.size());
  for (const MethodKey& key : order) {
    ranking.push_back(ranked(methods[key]));
  }
  std::stable_sort(
      ranking.begin(), ranking.end(),
      [](const RankedMethod& a, const RankedMethod& b) { return a.median < b.median; });
  return ranking;
}

MedianInterval bootstrap_median(const std::vector<double>& values) {
  constexpr int resamples = 2000;
  constexpr std::uint32_t seed = 20130;  // any: the interval of the same values is the same
  std::mt19937 random(seed);
  std::vector<double> medians;
  std::vector<double> drawn(values.size());
  for (int i = 0; i < resamples; ++i) {
    for (double& value : drawn) {
      value = values[random() % values.size()];  // its bias is below 1e-6 for a thousand seeds
    }
    std::sort(drawn.begin(), drawn.end());
    medians.push_back(quantile(drawn, 0.5));
  }
  std::sort(medians.begin(), medians.end());
  return {quantile(medians, 0.025), quantile(medians, 0.975)};
}

double epochs_to(const SweepRun& run, double optimum, double target) {
  for (const SweepPoint& point : run.curve) {
    if (point.objective - optimum <= target) {
      return point.epoch;
    }
  }
  return infinity;
}

PerformanceProfile::PerformanceProfile(const std::vector<std::vector<double>>& costs) {
  for (const std::vector<double>& problem : costs) {
    const double least = *std::min_element(problem.begin(), problem.end());
    ratios_.resize(problem.size());
    if (!std::isfinite(least)) {
      continue;
    }
    ++problems_;
    for (std::size_t m = 0; m < problem.size(); ++m) {
      if (std::isfinite(problem[m])) {
        ratios_[m].push_back(problem[m] <= least ? 1.0 : problem[m] / least);
      }
    }
  }
  for (std::vector<double>& ratios : ratios_) {
    std::sort(ratios.begin(), ratios.end());
  }
}

double PerformanceProfile::at(std::size_t method, double tau) const {
  const std::vector<double>& ratios = ratios_[method];
  const auto solved = std::upper_bound(ratios.begin(), ratios.end(), tau) - ratios.begin();
  return problems_ > 0 ? static_cast<double>(solved) / static_cast<double>(problems_) : 0.0;
}

double PerformanceProfile::score(std::size_t method, double most) const {
  double sum = 0.0;  // each problem solved at a ratio r holds from r on
  for (const double ratio : ratios_[method]) {
    sum += std::max(0.0, most - ratio);
  }
  return problems_ > 0 ? sum / ((most - 1.0) * static_cast<double>(problems_)) : 0.0;
}

}  // namespace steepest::report
