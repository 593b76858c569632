// SPDX-License-Identifier: Apache-2.0
#include "src/report/chart.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <set>

namespace steepest::report {
namespace {

Json axes_json(const std::vector<Axis>& axes) {
  Json json = Json::array();
  for (const Axis& axis : axes) {
    Json entry{{"key", axis.key}, {"label", axis.label}, {"log", axis.logarithmic}};
    if (axis.low < axis.high) {
      entry["min"] = number(axis.low);
      entry["max"] = number(axis.high);
    }
    json.push_back(std::move(entry));
  }
  return json;
}

void add(Json& json, const char* key, const Json& value) {
  if (!value.empty()) {
    json[key] = value;
  }
}

}  // namespace

Json number(double value) {
  if (!std::isfinite(value)) {
    return nullptr;
  }
  const std::string digits = fmt::format("{:.6g}", value);
  const double rounded = std::strtod(digits.c_str(), nullptr);
  constexpr double whole = 1e15;
  if (rounded == std::floor(rounded) && std::fabs(rounded) < whole) {
    return static_cast<std::int64_t>(rounded);
  }
  return rounded;
}

Json numbers(const std::vector<double>& values) {
  Json json = Json::array();
  for (const double value : values) {
    json.push_back(number(value));
  }
  return json;
}

Json line_chart(const std::vector<Axis>& x, const std::vector<Axis>& y,
                const std::vector<Series>& series, const std::vector<Guide>& guides) {
  Json json{{"type", "line"}, {"x", axes_json(x)}, {"y", axes_json(y)}};
  json["series"] = Json::array();
  for (const Series& one : series) {
    Json entry{{"name", one.name}, {"colour", one.colour}, {"ys", one.ys}};
    add(entry, "xs", one.xs);
    add(entry, "low", one.low);
    add(entry, "high", one.high);
    entry.update(one.more);
    json["series"].push_back(std::move(entry));
  }
  json["guides"] = Json::array();
  for (const Guide& guide : guides) {
    json["guides"].push_back(
        {{"axis", std::string(1, guide.axis)}, {"label", guide.label}, {"values", guide.values}});
  }
  return json;
}

Json bar_chart(const std::string& x, const Axis& y, const std::vector<std::string>& categories,
               const std::vector<Series>& series) {
  Json json{{"type", "bar"}, {"x", axes_json({{"x", x}})}, {"y", axes_json({y})}};
  json["categories"] = categories;
  json["series"] = Json::array();
  for (const Series& one : series) {
    Json entry{{"name", one.name}, {"colour", one.colour}, {"values", one.ys.at("y")}};
    entry.update(one.more);
    json["series"].push_back(std::move(entry));
  }
  return json;
}

std::vector<std::size_t> thinned(std::size_t count, std::size_t most) {
  std::set<std::size_t> chosen;
  if (count <= most) {
    for (std::size_t i = 0; i < count; ++i) {
      chosen.insert(i);
    }
    return {chosen.begin(), chosen.end()};
  }
  chosen = {0, count - 1};
  const std::size_t half = std::max<std::size_t>(1, (most - 2) / 2);
  const auto end = static_cast<double>(count - 1);
  for (std::size_t i = 1; i <= half; ++i) {
    const double share = static_cast<double>(i) / static_cast<double>(half + 1);
    chosen.insert(static_cast<std::size_t>(std::lround(share * end)));
    chosen.insert(static_cast<std::size_t>(std::lround(std::pow(end, share))));
  }
  return {chosen.begin(), chosen.end()};
}

}  // namespace steepest::report
