// SPDX-License-Identifier: Apache-2.0
#include "src/report/sweep_charts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

namespace steepest::report {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr int colours = 10;             // of the palette
constexpr double exploded = 1000.0;     // times the first regret: what is above hides all else
constexpr std::size_t shown_first = 8;  // curves not hidden at the beginning

// Medians and quartiles over the seeds, point by point of the longest curve.
class GroupCurve {
 public:
  GroupCurve(const SweepView& view, const RateRuns& group, std::size_t most_points)
      : view_(view), group_(group), highest_(exploded * view.first_regret()) {
    const auto longest = std::max_element(
        group.runs.begin(), group.runs.end(),
        [](const SweepRun* a, const SweepRun* b) { return a->curve.size() < b->curve.size(); });
    for (const std::size_t i : thinned((*longest)->curve.size(), most_points)) {
      points_.push_back((*longest)->curve[i]);
    }
  }

  [[nodiscard]] Series series(const std::string& name, std::size_t colour) const {
    Series series;
    series.name = name;
    series.colour = static_cast<int>(colour);
    series.xs["step"] = column([](const SweepPoint& p) { return static_cast<double>(p.step); });
    series.xs["epoch"] = column([](const SweepPoint& p) { return p.epoch; });
    series.xs["bytes"] = column([](const SweepPoint& p) { return p.bytes_read; });
    series.xs["seconds"] = column([](const SweepPoint& p) { return p.seconds; });
    const double floor = std::max(view_.result.optimum.resolution, 0.0);
    add_bands(series, "regret", [&](const SweepPoint& p) {
      return std::max(p.objective - view_.result.optimum.objective, floor);
    });
    if (view_.validated()) {
      const double best = view_.result.optimum.validation_loss;
      add_bands(series, "validation_loss", [](const SweepPoint& p) { return p.validation_loss; });
      add_bands(series, "validation_regret",
                [best](const SweepPoint& p) { return p.validation_loss - best; });
    }
    if (colour >= colours) {
      series.more["dash"] = true;
    }
    return series;
  }

  [[nodiscard]] Json column(const std::function<double(const SweepPoint&)>& value) const {
    std::vector<double> values;
    values.reserve(points_.size());
    for (const SweepPoint& point : points_) {
      values.push_back(value(point));
    }
    return numbers(values);
  }

 private:
  void add_bands(Series& series, const char* key,
                 const std::function<double(const SweepPoint&)>& value) const {
    std::vector<double> low;
    std::vector<double> middle;
    std::vector<double> high;
    for (const SweepPoint& point : points_) {
      std::vector<double> values;
      for (const SweepRun* run : group_.runs) {
        const auto found =
            std::lower_bound(run->curve.begin(), run->curve.end(), point.step,
                             [](const SweepPoint& p, std::int64_t step) { return p.step < step; });
        const bool there = found != run->curve.end() && found->step == point.step;
        const bool shown = there && found->objective - view_.result.optimum.objective <= highest_;
        const double measured = shown ? value(*found) : infinity;
        values.push_back(std::isfinite(measured) ? measured : infinity);
      }
      std::sort(values.begin(), values.end());
      low.push_back(quantile(values, 0.25));
      middle.push_back(quantile(values, 0.5));
      high.push_back(quantile(values, 0.75));
    }
    series.ys[key] = numbers(middle);
    if (group_.runs.size() > 1) {
      series.low[key] = numbers(low);
      series.high[key] = numbers(high);
    }
  }

  const SweepView& view_;
  const RateRuns& group_;
  double highest_;  // regret that is shown
  std::vector<SweepPoint> points_;
};

std::vector<Axis> effort_axes() {
  return {{"epoch", "epochs", true},
          {"step", "steps", true},
          {"bytes", "bytes read", true},
          {"seconds", "seconds, shared by the bank", true}};
}

std::vector<Axis> quality_axes(const SweepView& view) {
  std::vector<Axis> axes{{"regret", "objective \xE2\x88\x92 optimum", true}};
  if (view.validated()) {
    axes.push_back({"validation_loss", "validation loss"});
    axes.push_back({"validation_regret", "validation loss \xE2\x88\x92 that of the optimum"});
  }
  return axes;
}

std::vector<Guide> quality_guides(const SweepView& view) {
  const SweepOptimum& optimum = view.result.optimum;
  std::vector<Guide> guides;
  if (view.validated()) {
    guides.push_back({'y', "the optimum", {{"validation_loss", number(optimum.validation_loss)}}});
  }
  if (optimum.resolution > 0.0) {
    guides.push_back({'y', "resolution", {{"regret", number(optimum.resolution)}}});
  }
  return guides;
}

// Points of a curve, so that a page of many curves stays small.
std::size_t points_a_curve(std::size_t curves) {
  constexpr std::size_t all = 30000;
  return std::clamp<std::size_t>(all / std::max<std::size_t>(1, curves), 24, 200);
}

std::string rate_text(const RateRuns& group) {
  const SweepCase& what = group.runs.front()->what;
  return is_over_curvature(what) ? fmt::format("{:.4g}/L", what.rate.value)
                                 : fmt::format("{:.4g}", group.learning_rate());
}

}  // namespace

double SweepView::first_regret() const {
  double first = 0.0;
  for (const SweepRun& run : result.runs) {
    if (!run.curve.empty() && run.curve.front().step == 0) {
      first = std::max(first, run.curve.front().objective - result.optimum.objective);
    }
  }
  return first;
}

bool SweepView::validated() const { return std::isfinite(result.optimum.validation_loss); }

Json regret_chart(const SweepView& view) {
  std::vector<Series> series;
  for (std::size_t m = 0; m < view.ranking.size(); ++m) {
    const RankedMethod& method = view.ranking[m];
    const GroupCurve curve(view, method.rates[method.best], points_a_curve(view.ranking.size()));
    series.push_back(
        curve.series(fmt::format("{}, rate {}", method_text(method.run->what, view.result),
                                 rate_text(method.rates[method.best])),
                     m));
    if (m >= shown_first) {
      series.back().more["hidden"] = true;
    }
  }
  return line_chart(effort_axes(), quality_axes(view), series, quality_guides(view));
}

Json every_rate_chart(const SweepView& view) {
  std::size_t curves = 0;
  for (const RankedMethod& method : view.ranking) {
    curves += method.rates.size();
  }
  std::vector<Series> series;
  Json groups = Json::array();
  for (std::size_t m = 0; m < view.ranking.size(); ++m) {
    const RankedMethod& method = view.ranking[m];
    groups.push_back(method_text(method.run->what, view.result));
    for (std::size_t r = 0; r < method.rates.size(); ++r) {
      const GroupCurve curve(view, method.rates[r], points_a_curve(curves));
      const char* const end = std::isfinite(method.rates[r].median) ? ""
                              : method.rates[r].diverged > 0        ? ", diverged"
                                                                    : ", ended early";
      series.push_back(curve.series(fmt::format("rate {}{}", rate_text(method.rates[r]), end), r));
      series.back().more["group"] = m;
    }
  }
  Json chart = line_chart(effort_axes(), quality_axes(view), series, quality_guides(view));
  chart["groups"] = groups;
  return chart;
}

Json sensitivity_chart(const SweepView& view) {
  const double curvature = view.result.largest_curvature;
  const double floor = std::max(view.result.optimum.resolution, 0.0);
  std::vector<Series> series;
  for (std::size_t m = 0; m < view.ranking.size(); ++m) {
    Series one;
    one.name = method_text(view.ranking[m].run->what, view.result);
    one.colour = static_cast<int>(m);
    std::vector<double> rates;
    std::vector<double> regrets;
    std::vector<double> low;
    std::vector<double> high;
    std::vector<double> lost;
    for (const RateRuns& group : view.ranking[m].rates) {
      rates.push_back(group.learning_rate());
      regrets.push_back(std::max(group.median, floor));
      low.push_back(std::max(group.lower_quartile, floor));
      high.push_back(std::max(group.upper_quartile, floor));
      if (group.diverged > 0) {
        lost.push_back(group.learning_rate());
      }
    }
    const auto scaled = [curvature](std::vector<double> values) {
      std::for_each(values.begin(), values.end(), [&](double& value) { value *= curvature; });
      return numbers(values);
    };
    one.xs = {{"rate", numbers(rates)}, {"rate_l", scaled(rates)}};
    one.ys["regret"] = numbers(regrets);
    if (view.ranking[m].seeds > 1) {
      one.low["regret"] = numbers(low);
      one.high["regret"] = numbers(high);
    }
    one.more["diverged"] = {{"rate", numbers(lost)}, {"rate_l", scaled(lost)}};
    if (m >= colours) {
      one.more["dash"] = true;
    }
    if (m >= shown_first) {
      one.more["hidden"] = true;
    }
    series.push_back(std::move(one));
  }
  return line_chart({{"rate", "learning rate", true}, {"rate_l", "learning rate \xC3\x97 L", true}},
                    {{"regret", "final objective \xE2\x88\x92 optimum", true}}, series,
                    {{'x', "1/L", {{"rate", number(1.0 / curvature)}, {"rate_l", 1}}},
                     {'x', "2/L", {{"rate", number(2.0 / curvature)}, {"rate_l", 2}}}});
}

Json rate_chart(const SweepView& view) {
  std::vector<Series> series;
  for (std::size_t m = 0; m < view.ranking.size(); ++m) {
    const RankedMethod& method = view.ranking[m];
    const GroupCurve curve(view, method.rates[method.best], points_a_curve(view.ranking.size()));
    Series one;
    one.name = method_text(method.run->what, view.result);
    one.colour = static_cast<int>(m);
    one.xs["step"] = curve.column([](const SweepPoint& p) { return static_cast<double>(p.step); });
    one.xs["epoch"] = curve.column([](const SweepPoint& p) { return p.epoch; });
    one.ys["rate"] = curve.column([](const SweepPoint& p) { return p.learning_rate; });
    if (m >= colours) {
      one.more["dash"] = true;
    }
    if (m >= shown_first) {
      one.more["hidden"] = true;
    }
    series.push_back(std::move(one));
  }
  const double curvature = view.result.largest_curvature;
  return line_chart({{"epoch", "epochs"}, {"step", "steps"}}, {{"rate", "learning rate", true}},
                    series,
                    {{'y', "1/L", {{"rate", number(1.0 / curvature)}}},
                     {'y', "2/L", {{"rate", number(2.0 / curvature)}}}});
}

const std::vector<double>& target_shares() {
  static const std::vector<double> shares{0.1, 0.01, 0.001, 0.0001};
  return shares;
}

PerformanceProfile profile_of(const SweepView& view) {
  std::size_t seeds = 1;
  for (const RankedMethod& method : view.ranking) {
    seeds = std::max(seeds, method.rates[method.best].runs.size());
  }
  const double first = view.first_regret();
  std::vector<std::vector<double>> costs;
  for (const double share : target_shares()) {
    for (std::size_t s = 0; s < seeds; ++s) {
      std::vector<double> problem;
      for (const RankedMethod& method : view.ranking) {
        const auto& runs = method.rates[method.best].runs;  // a full batch has one for all seeds
        problem.push_back(epochs_to(*runs[std::min(s, runs.size() - 1)],
                                    view.result.optimum.objective, share * first));
      }
      costs.push_back(std::move(problem));
    }
  }
  return PerformanceProfile(costs);
}

Json profile_chart(const SweepView& view, const PerformanceProfile& profile) {
  constexpr int points = 65;
  constexpr double most = 16.0;
  std::vector<Series> series;
  for (std::size_t m = 0; m < view.ranking.size(); ++m) {
    Series one;
    one.name = method_text(view.ranking[m].run->what, view.result);
    one.colour = static_cast<int>(m);
    std::vector<double> taus;
    std::vector<double> shares;
    for (int i = 0; i < points; ++i) {
      taus.push_back(std::pow(most, static_cast<double>(i) / (points - 1)));
      shares.push_back(profile.at(m, taus.back() * (1.0 + 1e-12)));
    }
    one.xs["tau"] = numbers(taus);
    one.ys["share"] = numbers(shares);
    one.more = {{"stepped", true}};
    if (m >= colours) {
      one.more["dash"] = true;
    }
    if (m >= shown_first) {
      one.more["hidden"] = true;
    }
    series.push_back(std::move(one));
  }
  return line_chart({{"tau", "epochs, as a multiple of the fastest", true}},
                    {{"share", "share of targets reached", false, 0.0, 1.05}}, series,
                    {{'x', "4", {{"tau", 4}}}});
}

}  // namespace steepest::report
