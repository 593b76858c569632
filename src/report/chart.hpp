// SPDX-License-Identifier: Apache-2.0
// Descriptions of charts, as charts.js reads them: JSON without a number that is not finite.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace steepest::report {

using Json = nlohmann::ordered_json;

/// A way to measure an axis; a chart with several lets the reader choose.
struct Axis {
  std::string key;  ///< of the columns it shows
  std::string label;
  bool logarithmic = false;
  double low = 0.0;  ///< ends of the axis where low < high; automatic otherwise
  double high = 0.0;
};

/// A line at a value of an axis ('x' or 'y').
struct Guide {
  char axis = 'x';
  std::string label;
  Json values;  ///< axis key -> number
};

/// A curve, or points: `xs` and `ys` map axis keys to columns of equal length, null for a gap.
struct Series {
  std::string name;  ///< empty: not in the legend
  int colour = 0;    ///< of the palette; -1: muted
  Json xs = Json::object();
  Json ys = Json::object();
  Json low = Json::object();   ///< of a band, where there is one
  Json high = Json::object();  ///< likewise
  Json more = Json::object();  ///< other keys of charts.js: dash, line, mark, notes, hidden, ...
};

/// Six significant digits, null where not finite: what a page needs of a number.
[[nodiscard]] Json number(double value);
[[nodiscard]] Json numbers(const std::vector<double>& values);

[[nodiscard]] Json line_chart(const std::vector<Axis>& x, const std::vector<Axis>& y,
                              const std::vector<Series>& series,
                              const std::vector<Guide>& guides = {});

/// Bars over categories, each series a number or a pair [from, to] a category in ys["y"].
[[nodiscard]] Json bar_chart(const std::string& x, const Axis& y,
                             const std::vector<std::string>& categories,
                             const std::vector<Series>& series);

/// At most `most` indexes of [0, count), the first and the last among them, half of them evenly
/// spaced, half evenly in the logarithm.
[[nodiscard]] std::vector<std::size_t> thinned(std::size_t count, std::size_t most);

}  // namespace steepest::report
