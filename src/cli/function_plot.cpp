// SPDX-License-Identifier: Apache-2.0
#include "src/cli/function_plot.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace steepest::cli {
namespace {

// The smallest interval around values, and a margin.
class Range {
 public:
  void add(double value) {
    if (std::isfinite(value)) {
      low_ = std::min(low_, value);
      high_ = std::max(high_, value);
    }
  }
  [[nodiscard]] bool empty() const { return !(low_ <= high_); }
  [[nodiscard]] double low() const { return low_; }
  [[nodiscard]] double high() const { return high_; }

  [[nodiscard]] Interval widened(double share, double least) const {
    const double margin = std::max(share * (high_ - low_), high_ > low_ ? 0.0 : least);
    return {low_ - margin, high_ + margin};
  }

 private:
  double low_ = std::numeric_limits<double>::infinity();
  double high_ = -std::numeric_limits<double>::infinity();
};

Interval range_of(const std::vector<Point>& path, const std::vector<Point>& also,
                  std::size_t axis) {
  Range range;
  for (const auto* points : {&path, &also}) {
    for (const Point& at : *points) {
      range.add(at[axis]);
    }
  }
  return range.widened(0.15, 1.0);
}

void mark_path(TextCanvas& canvas, const std::vector<Point>& places, PlotStyle style) {
  const PathMarks marks = path_marks(style);
  for (std::size_t i = 1; i + 1 < places.size(); ++i) {
    canvas.mark(places[i][0], places[i][1], marks.step);
  }
  canvas.mark(places.front()[0], places.front()[1], marks.start);
  canvas.mark(places.back()[0], places.back()[1], marks.end);
}

std::string plot_curve(const RealFunction& f, const std::vector<Point>& path,
                       const std::vector<Point>& also, PlotStyle style) {
  constexpr int samples = TextCanvas::columns * 4;
  const Interval x = range_of(path, also, 0);
  std::vector<Point> curve;
  Range heights;
  for (int i = 0; i <= samples; ++i) {
    const double at = x.low + (x.high - x.low) * i / samples;
    curve.push_back({at, f({at})});
    heights.add(curve.back()[1]);
  }
  std::vector<Point> places;
  Range visited;
  for (const Point& at : path) {
    places.push_back({at[0], f(at)});
    visited.add(places.back()[1]);
  }
  if (heights.empty() || visited.empty()) {
    return "";
  }
  // The curve may rise steeply beside the path; the path keeps a third of the height at least.
  const double reach = visited.high() - visited.low();
  Range shown;
  shown.add(reach > 0.0 ? std::max(heights.low(), visited.low() - reach) : heights.low());
  shown.add(reach > 0.0 ? std::min(heights.high(), visited.high() + reach) : heights.high());
  shown.add(visited.low());
  shown.add(visited.high());
  const Interval y = shown.widened(0.05, 1.0);
  if (!std::isfinite(y.high - y.low) || !(y.low < y.high) || !(x.low < x.high)) {
    return "";
  }
  TextCanvas canvas(x, y, style);
  for (std::size_t i = 1; i < curve.size(); ++i) {
    if (std::isfinite(curve[i - 1][1]) && std::isfinite(curve[i][1])) {
      canvas.line(curve[i - 1][0], curve[i - 1][1], curve[i][0], curve[i][1]);
    }
  }
  mark_path(canvas, places, style);
  return canvas.render();
}

// Eight shades by rank, so that a steep wall does not hide a flat valley: dark is low.
std::string plot_map(const RealFunction& f, const std::vector<Point>& path,
                     const std::vector<Point>& also, PlotStyle style) {
  constexpr std::string_view shades = "#*+=-:. ";
  const Interval x = range_of(path, also, 0);
  const Interval y = range_of(path, also, 1);
  if (!(x.low < x.high) || !(y.low < y.high) || !std::isfinite(x.high - x.low) ||
      !std::isfinite(y.high - y.low)) {
    return "";
  }
  TextCanvas canvas(x, y, style);
  std::vector<double> values;
  for (int row = 0; row < TextCanvas::rows; ++row) {
    for (int column = 0; column < TextCanvas::columns; ++column) {
      values.push_back(f({canvas.x_of(column), canvas.y_of(row)}));
    }
  }
  std::vector<double> sorted;
  std::copy_if(values.begin(), values.end(), std::back_inserter(sorted),
               [](double value) { return std::isfinite(value); });
  std::sort(sorted.begin(), sorted.end());
  for (int row = 0; row < TextCanvas::rows; ++row) {
    for (int column = 0; column < TextCanvas::columns; ++column) {
      const double value = values[static_cast<std::size_t>(row) * TextCanvas::columns +
                                  static_cast<std::size_t>(column)];
      if (std::isfinite(value)) {
        const auto rank = static_cast<std::size_t>(
            std::lower_bound(sorted.begin(), sorted.end(), value) - sorted.begin());
        canvas.shade(column, row, shades[rank * shades.size() / sorted.size()]);
      }
    }
  }
  mark_path(canvas, path, style);
  return canvas.render();
}

}  // namespace

std::string plot_path(const RealFunction& f, const std::vector<Point>& path,
                      const std::vector<Point>& also, PlotStyle style) {
  if (style == PlotStyle::none || path.empty()) {
    return "";
  }
  const bool one = path.front().size() == 1;
  std::string picture = one ? plot_curve(f, path, also, style) : plot_map(f, path, also, style);
  if (!picture.empty()) {
    const PathMarks marks = path_marks(style);
    picture += fmt::format("{} start  {} steps  {} end{}\n", marks.start, marks.step, marks.end,
                           one ? "" : "; the darker, the lower");
  }
  return picture;
}

}  // namespace steepest::cli
