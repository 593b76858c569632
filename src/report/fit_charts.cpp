// SPDX-License-Identifier: Apache-2.0
#include "src/report/fit_charts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace steepest::report {
namespace {

constexpr std::size_t most_points = 600;

// Columns of a history, thinned.
class HistoryColumns {
 public:
  explicit HistoryColumns(const std::vector<HistoryPoint>& history)
      : history_(history), indexes_(thinned(history.size(), most_points)) {}

  template <class Value>
  [[nodiscard]] Json of(Value value) const {
    std::vector<double> values;
    values.reserve(indexes_.size());
    for (const std::size_t i : indexes_) {
      values.push_back(value(history_[i]));
    }
    return numbers(values);
  }

  [[nodiscard]] Series series(const std::string& name) const {
    Series series;
    series.name = name;
    series.xs["step"] = of([](const HistoryPoint& p) { return static_cast<double>(p.step); });
    series.xs["epoch"] = of([](const HistoryPoint& p) { return p.epoch; });
    series.xs["seconds"] = of([](const HistoryPoint& p) { return p.seconds; });
    return series;
  }

 private:
  const std::vector<HistoryPoint>& history_;
  std::vector<std::size_t> indexes_;
};

// Few steps are drawn on a line, which has a place for step 0.
std::vector<Axis> effort_axes(const FitResult& result) {
  constexpr std::int64_t few = 40;
  const bool log = std::ssize(result.history) > few;
  return {{"step", "steps", log}, {"epoch", "epochs", log}, {"seconds", "seconds", log}};
}

double objective_of(const HistoryPoint& point) { return point.mean_loss + point.penalty; }

}  // namespace

Json objective_chart(const FitResult& result) {
  const HistoryColumns columns(result.history);
  double lowest = result.at.objective();
  for (const HistoryPoint& point : result.history) {
    const double objective = objective_of(point);
    lowest = std::isfinite(objective) ? std::min(lowest, objective) : lowest;
  }
  Series series = columns.series("objective");
  series.ys["objective"] = columns.of(objective_of);
  series.ys["above"] =
      columns.of([lowest](const HistoryPoint& p) { return objective_of(p) - lowest; });
  series.ys["mean_loss"] = columns.of([](const HistoryPoint& p) { return p.mean_loss; });
  series.ys["rate"] = columns.of([](const HistoryPoint& p) { return p.learning_rate; });
  return line_chart(effort_axes(result),
                    {{"objective", "objective", true},
                     {"above", "objective \xE2\x88\x92 the lowest seen", true},
                     {"mean_loss", "mean loss", true},
                     {"rate", "learning rate", true}},
                    {series});
}

Json gradient_chart(const FitResult& result) {
  const HistoryColumns columns(result.history);
  Series series = columns.series("largest derivative");
  series.colour = 2;
  series.ys["gradient"] = columns.of([](const HistoryPoint& p) { return p.gradient_max_norm; });
  std::vector<Guide> guides;
  if (result.tolerances.gradient > 0.0) {
    guides.push_back({'y', "tolerance", {{"gradient", number(result.tolerances.gradient)}}});
  }
  return line_chart(effort_axes(result), {{"gradient", "largest derivative", true}}, {series},
                    guides);
}

Json coefficient_chart(const Model& model) {
  constexpr std::size_t most_shown = 25;
  constexpr int line_height = 22;
  const std::vector<std::string> names = model.schema.feature_names();
  const auto width = static_cast<std::size_t>(model.features());
  const auto outputs = static_cast<std::size_t>(model.outputs());
  const std::size_t shown = std::min(width, most_shown);
  Json categories = Json::array();
  std::vector<Series> series;
  for (std::size_t o = 0; o < outputs; ++o) {
    std::vector<std::size_t> order(width);
    std::iota(order.begin(), order.end(), std::size_t{0});
    const auto effect = [&](std::size_t j) {
      return model.coefficients[o * width + j] * model.feature_scale[j];
    };
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      return std::fabs(effect(a)) > std::fabs(effect(b));
    });
    order.resize(shown);
    Json labels = Json::array();
    Series one;
    one.name = "per deviation";
    one.ys["y"] = Json::array();
    one.more = {{"group", o}, {"notes", Json::array()}};
    for (const std::size_t j : order) {
      labels.push_back(names[j]);
      one.ys["y"].push_back(number(effect(j)));
      one.more["notes"].push_back(fmt::format("coefficient {:.6g}, deviation {:.6g}",
                                              model.coefficients[o * width + j],
                                              model.feature_scale[j]));
    }
    categories.push_back(std::move(labels));
    series.push_back(std::move(one));
  }
  Json chart = bar_chart("", {"y", "coefficient \xC3\x97 deviation of the feature"}, {}, series);
  chart["horizontal"] = true;
  chart["height"] = 90 + line_height * static_cast<int>(std::max<std::size_t>(shown, 4));
  chart["categories"] = outputs > 1 ? categories : categories[0];
  if (outputs > 1) {
    chart["groups"] = model.output_names();
  }
  return chart;
}

Json prediction_chart(const PredictionBins& bins) {
  const GrowingGrid& grid = bins.pairs;
  const std::int64_t n = grid.bins();
  std::int64_t first[2] = {n, n};
  std::int64_t last[2] = {0, 0};
  Json cells = Json::array();
  Series points;
  points.name = "rows";
  points.xs["target"] = Json::array();
  points.ys["prediction"] = Json::array();
  Json notes = Json::array();
  const auto middle = [&grid](std::int64_t bin) {
    return number(grid.lower() + grid.width() * (static_cast<double>(bin) + 0.5));
  };
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t j = 0; j < n; ++j) {
      const double weight = grid.weights()[static_cast<std::size_t>(i * n + j)];
      if (weight > 0.0) {
        cells.push_back({i, j, number(weight)});
        points.xs["target"].push_back(middle(i));
        points.ys["prediction"].push_back(middle(j));
        notes.push_back(fmt::format("{:.6g} rows", weight));
        first[0] = std::min(first[0], i);
        first[1] = std::min(first[1], j);
        last[0] = std::max(last[0], i);
        last[1] = std::max(last[1], j);
      }
    }
  }
  const auto edge = [&grid](std::int64_t bin) {
    return grid.lower() + grid.width() * static_cast<double>(bin);
  };
  const double low = std::min(edge(first[0]), edge(first[1]));
  const double high = std::max(edge(last[0] + 1), edge(last[1] + 1));
  points.more = {{"mark", "none"}, {"line", false}, {"notes", std::move(notes)}};
  Series diagonal;
  diagonal.name = "prediction = target";
  diagonal.colour = -1;
  diagonal.xs["target"] = {number(low), number(high)};
  diagonal.ys["prediction"] = {number(low), number(high)};
  diagonal.more = {{"dash", true}, {"mark", "none"}, {"quiet", true}, {"width", 1.5}};
  Json chart = line_chart({{"target", "target", false, edge(first[0]), edge(last[0] + 1)}},
                          {{"prediction", "prediction", false, edge(first[1]), edge(last[1] + 1)}},
                          {points, diagonal});
  chart["cells"] = {{"lower", grid.lower()}, {"width", grid.width()}, {"values", std::move(cells)}};
  return chart;
}

Json residual_chart(const PredictionBins& bins) {
  constexpr double tail = 0.001;
  constexpr std::size_t most_bars = 48;
  const std::vector<double>& weights = bins.residuals.weights();
  const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
  std::size_t first = 0;
  std::size_t last = weights.size() - 1;
  for (double sum = weights[first]; first < last && sum <= tail * total; sum += weights[first]) {
    ++first;
  }
  for (double sum = weights[last]; last > first && sum <= tail * total; sum += weights[last]) {
    --last;
  }
  const std::size_t joined = (last - first) / most_bars + 1;
  Series series;
  series.name = "rows";
  series.ys["y"] = Json::array();
  std::vector<std::string> categories;
  for (std::size_t i = first; i <= last; i += joined) {
    double sum = 0.0;
    for (std::size_t j = i; j < std::min(i + joined, weights.size()); ++j) {
      sum += weights[j];
    }
    const double at =
        bins.residuals.lower() +
        bins.residuals.width() * (static_cast<double>(i) + 0.5 * static_cast<double>(joined));
    categories.push_back(fmt::format("{:.4g}", at));
    series.ys["y"].push_back(number(sum));
  }
  return bar_chart("prediction \xE2\x88\x92 target", {"y", "rows"}, categories, {series});
}

Json path_chart(const PathResult& path) {
  const auto column = [&path](auto value) {
    std::vector<double> values;
    for (const PathPoint& point : path.points) {
      values.push_back(value(point));
    }
    return numbers(values);
  };
  const auto error = [](const PathPoint& point) { return point.standard_error.value_or(0.0); };
  const Json penalties = column([](const PathPoint& point) { return point.l2; });
  const bool logarithmic = std::all_of(path.points.begin(), path.points.end(),
                                       [](const PathPoint& point) { return point.l2 > 0.0; });
  Series held_out;
  held_out.name = path.folds > 0 ? "on folds left out" : "on validation rows";
  held_out.xs["l2"] = penalties;
  held_out.ys["loss"] = column([](const PathPoint& point) { return point.validation_loss; });
  if (path.folds > 0) {
    held_out.low["loss"] =
        column([&](const PathPoint& point) { return point.validation_loss - error(point); });
    held_out.high["loss"] =
        column([&](const PathPoint& point) { return point.validation_loss + error(point); });
  }
  Series training;
  training.name = "on the rows trained on";
  training.colour = 1;
  training.xs["l2"] = penalties;
  training.ys["loss"] = column([](const PathPoint& point) { return point.train_loss; });
  std::vector<Axis> axes = {{"loss", "mean loss", false}};
  if (path.points.front().degrees_of_freedom) {
    axes.push_back({"degrees", "degrees of freedom", false});
    held_out.ys["degrees"] = column(
        [](const PathPoint& point) { return point.degrees_of_freedom.value_or(std::nan("")); });
    training.ys["degrees"] = held_out.ys["degrees"];
  }
  std::vector<Guide> guides;
  const auto guide = [&](const char* label, std::size_t point) {
    guides.push_back({'x', label, {{"l2", number(path.points[point].l2)}}});
  };
  guide(path.picked == path.best ? "least, picked" : "least", path.best);
  if (path.folds > 0 && path.one_standard_error != path.best) {
    guide(path.picked == path.one_standard_error ? "one standard error, picked"
                                                 : "one standard error",
          path.one_standard_error);
  }
  return line_chart({{"l2", "l2", logarithmic}}, axes, {held_out, training}, guides);
}

}  // namespace steepest::report
