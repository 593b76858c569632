// SPDX-License-Identifier: Apache-2.0
#include "src/report/sweep_page.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "src/report/sweep_charts.hpp"

namespace steepest::report {
namespace {

constexpr double algoperf_limit = 4.0;

std::vector<double> regrets_at_best(const RankedMethod& method) {
  std::vector<double> regrets;
  for (const SweepRun* run : method.rates[method.best].runs) {
    regrets.push_back(regret_of(*run));
  }
  return regrets;
}

std::string rate_text(const RankedMethod& method) {
  const SweepCase& what = method.run->what;
  return is_over_curvature(what)
             ? fmt::format("{:.4g} ({:.4g}/L)", what.schedule.learning_rate, what.rate.value)
             : fmt::format("{:.4g}", what.schedule.learning_rate);
}

std::string short_number(double value) {
  return std::isfinite(value) ? fmt::format("{:.3g}", value) : "\xE2\x88\x9E";
}

std::string regret_text(const RankedMethod& method) {
  return std::isfinite(method.median) ? fmt::format("{:.4g}", method.median)
                                      : std::string(method.status());
}

Table ranking_table(const SweepView& view, const PerformanceProfile& profile) {
  Table table;
  const bool seeds = std::any_of(view.ranking.begin(), view.ranking.end(),
                                 [](const RankedMethod& method) { return method.seeds > 1; });
  table.head = {"rank", "method", "best rate", "final regret"};
  table.is_number = {true, false, true, true};
  if (seeds) {
    table.head.insert(table.head.end(), {"95 % interval", "seeds"});
    table.is_number.insert(table.is_number.end(), {true, true});
  }
  table.head.insert(table.head.end(), {"profile score", "diverged"});
  table.is_number.insert(table.is_number.end(), {true, true});
  for (std::size_t m = 0; m < view.ranking.size(); ++m) {
    const RankedMethod& method = view.ranking[m];
    const bool finite = std::isfinite(method.median);
    std::vector<std::string> row{finite ? fmt::format("{}", m + 1) : "",
                                 method_text(method.run->what, view.result), rate_text(method),
                                 regret_text(method)};
    if (seeds) {
      const MedianInterval interval = bootstrap_median(regrets_at_best(method));
      row.push_back(method.seeds > 1 && finite ? fmt::format("{} to {}", short_number(interval.low),
                                                             short_number(interval.high))
                                               : "");
      row.push_back(fmt::format("{}", method.seeds));
    }
    row.push_back(fmt::format("{:.3f}", profile.score(m, algoperf_limit)));
    row.push_back(fmt::format("{} of {}", method.diverged, method.runs));
    table.rows.push_back(std::move(row));
  }
  return table;
}

// Epochs to something, the median over seeds.
std::string time_text(const std::vector<double>& costs) {
  std::vector<double> sorted = costs;
  std::sort(sorted.begin(), sorted.end());
  const double median = quantile(sorted, 0.5);
  const auto reached =
      std::count_if(costs.begin(), costs.end(), [](double cost) { return std::isfinite(cost); });
  std::string text = std::isfinite(median) ? fmt::format("{:.4g}", median) : "never";
  if (reached > 0 && reached < std::ssize(costs)) {
    text += fmt::format(" ({} of {})", reached, costs.size());
  }
  return text;
}

double epochs_to_validation(const SweepRun& run, double target) {
  for (const SweepPoint& point : run.curve) {
    if (point.validation_loss <= target) {
      return point.epoch;
    }
  }
  return std::numeric_limits<double>::infinity();
}

Table time_table(const SweepView& view) {
  constexpr double near = 1.01;  // of the optimum's validation loss
  const SweepOptimum& optimum = view.result.optimum;
  Table table;
  table.caption =
      "Epochs until the regret is at most so much of what it was at the start; the median over "
      "seeds at the best rate. A run that never gets there counts as infinite.";
  table.head = {"method"};
  table.is_number = {false};
  for (const double share : target_shares()) {
    table.head.push_back(fmt::format("{:g} %", 100.0 * share));
    table.is_number.push_back(true);
  }
  if (view.validated()) {
    table.head.emplace_back("validation loss within 1 % of the optimum's");
    table.is_number.push_back(true);
  }
  for (const RankedMethod& method : view.ranking) {
    const auto& runs = method.rates[method.best].runs;
    std::vector<std::string> row{method_text(method.run->what, view.result)};
    for (const double share : target_shares()) {
      std::vector<double> costs;
      costs.reserve(runs.size());
      for (const SweepRun* run : runs) {
        costs.push_back(epochs_to(*run, optimum.objective, share * view.first_regret()));
      }
      row.push_back(time_text(costs));
    }
    if (view.validated()) {
      std::vector<double> costs;
      costs.reserve(runs.size());
      for (const SweepRun* run : runs) {
        costs.push_back(epochs_to_validation(*run, near * optimum.validation_loss));
      }
      row.push_back(time_text(costs));
    }
    table.rows.push_back(std::move(row));
  }
  return table;
}

std::string rows_text(std::int64_t rows, std::int64_t features) {
  return fmt::format("{} rows, {} features", count_text(rows), count_text(features));
}

std::string objective_text(const SweepResult& result, const SweepSetting& setting) {
  std::string text = result.loss + " loss";
  if (setting.label_smoothing > 0.0) {
    text += fmt::format(" of labels smoothed by {:g}", setting.label_smoothing);
  }
  text += fmt::format(", l2 {:.4g}", result.l2);
  if (result.l1 > 0.0) {
    text += fmt::format(", l1 {:.4g}", result.l1);
  }
  if (result.constraint.kind != ConstraintKind::none) {
    text += ", coefficients " + to_string(result.constraint);
  }
  if (!setting.class_weight.empty()) {
    text += setting.class_weight == "balanced" ? ", balanced class weights"
                                               : ", class weights of " + setting.class_weight;
  }
  return text + ", target " + setting.target;
}

void add_settings(Page& page, const SweepResult& result, const SweepSetting& setting) {
  const auto diverged = std::count_if(result.runs.begin(), result.runs.end(), [](const auto& run) {
    return run.reason == Reason::diverged;
  });
  const auto pruned = std::count_if(result.runs.begin(), result.runs.end(),
                                    [](const auto& run) { return run.pruned; });
  page.section("What was run");
  if (pruned > 0) {
    page.paragraph(fmt::format(
        "{} runs were pruned: after 1/8, 1/4 and 1/2 of the epochs the worse half of what ran at "
        "each batch size ended, with all its seeds. Schedules that fall late are misjudged by "
        "that.",
        pruned));
  }
  page.facts(
      {{"data", fmt::format("{}: {}", setting.data, rows_text(setting.rows, setting.features))},
       {"validation", setting.validation.empty() ? "none" : setting.validation},
       {"objective", objective_text(result, setting)},
       {"runs",
        fmt::format("{} of {} epochs each, in {} banks that share every read; {} diverged{}",
                    result.runs.size(), setting.epochs, result.plan.banks, diverged,
                    result.interrupted ? "; interrupted" : "")},
       {"optimum", fmt::format("{:.12g}: {}", result.optimum.objective, result.optimum.method)},
       {"resolution",
        fmt::format("{:.2g}: smaller regrets are rounding", result.optimum.resolution)},
       {"curvature", fmt::format("L = {:.6g}; 1/L = {:.6g}; constant full-batch steps above "
                                 "2/L = {:.6g} can diverge",
                                 result.largest_curvature, 1.0 / result.largest_curvature,
                                 2.0 / result.largest_curvature)},
       {"precision", std::string(name(result.precision))},
       {"time", fmt::format("{:.2f} s", result.seconds)}});
  if (!setting.again.empty()) {
    page.paragraph("The best run again, alone:");
    page.command(setting.again);
  }
}

}  // namespace

std::string sweep_conclusion(const SweepResult& result) {
  const std::vector<RankedMethod> ranking = rank_methods(result);
  if (ranking.empty() || !std::isfinite(ranking.front().median)) {
    return result.interrupted ? "The sweep was interrupted before any method ended."
                              : "No method ended without diverging: lower the learning rates.";
  }
  const RankedMethod& best = ranking.front();
  const auto named = [&result](const RankedMethod& method) {
    return method_text(method.run->what, result);
  };
  const MedianInterval of_best = bootstrap_median(regrets_at_best(best));
  std::string text = fmt::format(
      "{} ends lowest, at rate {}: {} {:.3g} above the optimum{}.", named(best), rate_text(best),
      best.seeds > 1 ? "the median of its regrets is" : "it is", best.median,
      best.seeds > 1 ? fmt::format(" (95 % interval {} to {}, {} seeds)", short_number(of_best.low),
                                   short_number(of_best.high), best.seeds)
                     : "");
  if (ranking.size() < 2 || !std::isfinite(ranking[1].median)) {
    return text;
  }
  const RankedMethod& second = ranking[1];
  const double resolution = result.optimum.resolution;
  if (second.median <= resolution) {
    const auto tied = std::count_if(ranking.begin(), ranking.end(), [&](const auto& method) {
      return method.median <= resolution;
    });
    return text + fmt::format(" {} methods are at the optimum as far as rounding lets see.", tied);
  }
  const double ratio = second.median / std::max(best.median, resolution);
  text += std::isfinite(ratio) && ratio < 1e6
              ? fmt::format(" The next, {}, is {:.3g} times as far.", named(second), ratio)
              : fmt::format(" The next is {}, at {:.3g}.", named(second), second.median);
  const bool noisy = best.run->what.batch_size < result.plan.rows;
  if (best.seeds > 1 && second.seeds > 1) {
    const MedianInterval of_second = bootstrap_median(regrets_at_best(second));
    text += of_second.low <= of_best.high
                ? " Their intervals overlap: these seeds do not tell the two apart."
                : " Their intervals do not overlap.";
  } else if (noisy) {
    text += " There is one seed: small differences may be chance.";
  }
  return text;
}

std::string sweep_page(const SweepResult& result, const SweepSetting& setting,
                       const RunFacts& facts) {
  const std::vector<RankedMethod> ranking = rank_methods(result);
  const SweepView view{result, ranking};
  const PerformanceProfile profile = profile_of(view);
  Page page("Schedules side by side",
            fmt::format("{}: {}, target {}", setting.data,
                        rows_text(setting.rows, setting.features), setting.target));
  const bool any = !ranking.empty() && std::isfinite(ranking.front().median);
  page.lead(sweep_conclusion(result), any ? "good" : "bad");
  page.section("Ranking");
  page.table(ranking_table(view, profile));
  page.note(
      "Regret is the objective on all training rows minus its optimum, which was computed first. "
      "A method counts by the median over its seeds at the rate that served it best; the interval "
      "is the percentile bootstrap of that median. The profile score is the mean, over factors "
      "from 1 to 4, of the share of targets reached within that factor of the fastest method's "
      "epochs.");
  page.section("Curves");
  page.begin_charts();
  page.chart("Regret, every method at its best rate", regret_chart(view),
             "Medians over seeds; bands are quartiles. Values below the resolution are drawn at "
             "it. Bytes are those of the features that the run's steps read, were it alone.");
  page.chart("Regret at every rate, one method at a time", every_rate_chart(view),
             "A curve ends where its runs diverged, or rose to a thousand times the first regret.");
  page.chart("Final regret against the learning rate", sensitivity_chart(view),
             "\xC3\x97 at the top: a run diverged at that rate. L bounds the curvature of the "
             "whole objective.");
  page.chart("The rate itself, at the best base rate", rate_chart(view));
  if (profile.problems() > 0) {
    page.chart("Performance profile", profile_chart(view, profile),
               fmt::format("Of {} targets (shares of the first regret, by seed) that some method "
                           "reached.",
                           profile.problems()));
  }
  page.end_charts();
  page.section("Time to target");
  page.table(time_table(view));
  add_settings(page, result, setting);
  return page.html(facts);
}

}  // namespace steepest::report
