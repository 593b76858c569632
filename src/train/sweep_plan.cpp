// SPDX-License-Identifier: Apache-2.0
#include "src/train/sweep_plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>

#include "kernels/partitions.hpp"
#include "src/train/schedule_pairs.hpp"
#include "steepest/error.hpp"

namespace steepest {
namespace train {
namespace {

constexpr std::int64_t most_cases = 100000;

void require(bool holds, const std::string& sentence) {
  if (!holds) {
    throw OptionError(sentence);
  }
}

template <class T>
std::vector<T> or_default(std::vector<T> given, T fallback) {
  if (given.empty()) {
    given.push_back(std::move(fallback));
  }
  return given;
}

std::vector<SweepRate> default_rates() {
  std::vector<SweepRate> rates;
  for (const double value : {0.0625, 0.125, 0.25, 0.5, 1.0, 2.0, 4.0}) {
    rates.push_back({value, true});
  }
  return rates;
}

// The options as they stand, with what was left open filled in.
SweepOptions settled(SweepOptions options) {
  require(!options.schedules.empty(), "a sweep needs at least one schedule");
  require(options.epochs >= 1, "--epochs must be at least 1");
  require(options.most_points >= 2, "a curve has at least 2 points");
  require(options.bank_columns >= 1, "a bank has at least 1 column");
  if (options.learning_rates.empty()) {
    options.learning_rates = default_rates();
  }
  for (const SweepRate& rate : options.learning_rates) {
    require(rate.value > 0.0 && std::isfinite(rate.value), "learning rates must be above 0");
  }
  options.batch_sizes = or_default(std::move(options.batch_sizes), std::int64_t{0});
  options.rules = or_default(std::move(options.rules), UpdateRule{});
  options.seeds = or_default(std::move(options.seeds), options.problem.seed);
  const std::size_t grid = options.schedules.size() * options.learning_rates.size() *
                           options.batch_sizes.size() * options.rules.size() * options.seeds.size();
  require(grid <= static_cast<std::size_t>(most_cases),
          fmt::format("a sweep of {} runs is too large: at most {}", grid, most_cases));
  return options;
}

FitPlan fit_plan_of(const RowSource& data, const RowWeights& weights, const SweepOptions& options,
                    const SweepCase& what) {
  FitOptions fit = options.problem;
  fit.schedule = what.schedule;
  fit.rule = what.rule;
  fit.batch_size = what.batch_size;
  fit.epochs = options.epochs;
  fit.learning_rate.reset();
  fit.precondition = false;
  return plan_fit(data, weights, fit);
}

FitPlan plan_of_optimum(const RowSource& data, const RowWeights& weights,
                        const SweepOptions& options) {
  FitOptions fit = options.problem;
  fit.rule.reset();
  fit.schedule.reset();
  fit.learning_rate.reset();
  fit.precondition.reset();
  fit.clip_norm = 0.0;  // of no consequence to where the optimum is
  fit.batch_size = 0;
  fit.epochs = 0;
  return plan_fit(data, weights, fit);
}

void add_case(const RowSource& data, const RowWeights& weights, const SweepOptions& options,
              SweepCase what, SweepLayout& layout) {
  const FitPlan fit = fit_plan_of(data, weights, options, what);
  what.batch_size = fit.batch_size;
  what.schedule = fit.schedule;
  what.schedule.learning_rate = what.rate.over_curvature ? 0.0 : what.rate.value;
  layout.plan.cases.push_back(what);
  layout.fits.push_back(fit);
}

// Of models that blocks step none share reads, and as many run at once as the largest GPUs have
// multiprocessors.
std::int64_t bank_columns(const SweepOptions& options, std::int64_t columns_a_model) {
  constexpr std::int64_t most_multiprocessors = 160;
  return steps_in_blocks(options.problem.engine)
             ? std::max(options.bank_columns, most_multiprocessors * columns_a_model)
             : options.bank_columns;
}

// Cases of one batch size and one seed read the same rows in the same order, but for those that
// find their rate where others step on second moments of the rows. Beyond the columns allowed, more
// gain little from sharing a read; beyond the memory, sums of a pass are too large.
void form_banks(const RowSource& data, std::int64_t columns, SweepLayout& layout) {
  std::map<std::tuple<std::int64_t, std::uint64_t, bool>, std::vector<std::size_t>> groups;
  const bool squared = std::holds_alternative<SquaredLoss>(layout.fits[0].loss);
  for (std::size_t i = 0; i < layout.plan.cases.size(); ++i) {
    const SweepCase& what = layout.plan.cases[i];
    const bool on_rows =
        squared && what.batch_size >= data.rows() && finds_rate(what.schedule.kind);
    groups[{-what.batch_size, what.seed, on_rows}].push_back(i);
  }
  const kernels::BankShape shape{data.feature_count(), layout.fits[0].columns, 1};
  for (const auto& [key, members] : groups) {
    const std::int64_t models = std::max<std::int64_t>(
        1, std::min(columns / shape.outputs, kernels::most_models(data.rows(), shape)));
    for (std::size_t first = 0; first < members.size(); first += static_cast<std::size_t>(models)) {
      const std::size_t end = std::min(members.size(), first + static_cast<std::size_t>(models));
      for (std::size_t i = first; i < end; ++i) {
        layout.plan.cases[members[i]].bank = static_cast<std::int64_t>(layout.banks.size());
      }
      layout.banks.emplace_back(members.begin() + static_cast<std::ptrdiff_t>(first),
                                members.begin() + static_cast<std::ptrdiff_t>(end));
    }
  }
}

// Mini-batch runs are evaluated on all rows at the start and after every epoch, others at the end.
double passes_of(const FitPlan& fit) {
  const auto epochs = static_cast<double>(fit.epochs);
  return fit.full_batch ? epochs + 1.0 : 2.0 * epochs + 1.0;
}

void count_passes(SweepLayout& layout) {
  layout.plan.banks = static_cast<std::int64_t>(layout.banks.size());
  for (const auto& members : layout.banks) {
    layout.plan.passes += passes_of(layout.fits[members.front()]);
  }
  for (const FitPlan& fit : layout.fits) {
    layout.plan.passes_one_by_one += passes_of(fit);
  }
}

}  // namespace

SweepLayout lay_out_sweep(const RowSource& data, const RowWeights& weights,
                          const SweepOptions& options) {
  const SweepOptions grid = settled(options);
  SweepLayout layout;
  layout.plan.rows = data.rows();
  layout.optimum = plan_of_optimum(data, weights, grid);
  bool seeds_unused = false;
  bool repeated = false;
  std::set<std::string> known;
  for (const Schedule& schedule : grid.schedules) {
    for (const SweepRate& rate : grid.learning_rates) {
      for (const std::int64_t batch : grid.batch_sizes) {
        for (const UpdateRule& each : grid.rules) {
          const UpdateRule rule = options.rules.empty() ? natural_rule(schedule) : each;
          for (const std::uint64_t seed : grid.seeds) {
            const bool full = batch == 0 || batch >= data.rows();
            if (full && seed != grid.seeds.front()) {
              seeds_unused = true;
              continue;
            }
            const std::string key =
                fmt::format("{} {} {}{} {} {}", to_string(schedule), to_string(rule), rate.value,
                            rate.over_curvature ? "/L" : "", full ? 0 : batch, seed);
            if (!known.insert(key).second) {
              repeated = true;
              continue;
            }
            add_case(data, weights, grid, {schedule, rule, rate, batch, seed, 0}, layout);
          }
        }
      }
    }
  }
  if (repeated) {
    layout.plan.warnings.emplace_back("runs that are named more than once are run once");
  }
  if (seeds_unused) {
    layout.plan.warnings.emplace_back(
        "full-batch runs do not depend on the seed: they are run once");
  }
  form_banks(data, bank_columns(grid, layout.fits.front().columns), layout);
  count_passes(layout);
  return layout;
}

void warn_of_targets(const std::vector<SweepCase>& cases, const SweepOptimum& optimum,
                     std::vector<std::string>& warnings) {
  constexpr double digits_of_a_target = 1e-6;
  std::set<double> targets;
  for (const SweepCase& each : cases) {
    if (optimum.converged && each.schedule.kind == ScheduleKind::polyak) {
      targets.insert(each.schedule.target);
    }
  }
  for (const double target : targets) {
    const double below = optimum.objective - target;
    const double negligible =
        std::max(optimum.resolution,
                 digits_of_a_target * std::max(std::fabs(optimum.objective), std::fabs(target)));
    if (std::fabs(below) > negligible) {
      warnings.push_back(
          fmt::format("schedule polyak: its target {:.8g} is {} the optimum {:.8g}, {}", target,
                      below > 0.0 ? "below" : "above", optimum.objective,
                      below > 0.0 ? "which makes steps too long" : "and its steps end there"));
    }
  }
}

}  // namespace train

SweepPlan plan_sweep(const RowSource& data, const SweepOptions& options) {
  const train::RowWeights weights =
      data.rows() > 0 ? train::sum_weights(data) : train::RowWeights{};
  return train::lay_out_sweep(data, weights, options).plan;
}

std::string describe(const SweepCase& what, std::int64_t rows) {
  const bool is_factor = rate_is_factor(what.schedule.kind);  // which has no unit
  const std::string rate = what.rate.over_curvature
                               ? fmt::format("{:.4g}{}", what.rate.value, is_factor ? "" : "/L")
                               : fmt::format("{:.4g}", what.schedule.learning_rate);
  Schedule schedule = what.schedule;
  schedule.horizon = 0;
  std::string text =
      fmt::format("{}, {}, rate {}", to_string(schedule), to_string(what.rule), rate);
  if (what.batch_size < rows) {
    text += fmt::format(", batch {}, seed {}", what.batch_size, what.seed);
  }
  return text;
}

std::vector<double> spaced(double low, double high, std::int64_t count, bool logarithmic) {
  std::vector<double> values;
  for (std::int64_t i = 0; i < count; ++i) {
    const double share = count == 1 ? 0.0 : static_cast<double>(i) / static_cast<double>(count - 1);
    values.push_back(logarithmic
                         ? std::exp(std::log(low) + (std::log(high) - std::log(low)) * share)
                         : low + (high - low) * share);
  }
  values.front() = low;
  if (count > 1) {
    values.back() = high;
  }
  return values;
}

}  // namespace steepest
