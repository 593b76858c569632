// SPDX-License-Identifier: Apache-2.0
#include "src/report/portfolio_page.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace steepest::report {
namespace {

constexpr std::size_t most_assets = 25;  // of a chart; the table has more

Series point_series(const std::string& name, int colour) {
  Series series;
  series.name = name;
  series.colour = colour;
  series.xs["volatility"] = Json::array();
  series.ys["return"] = Json::array();
  series.more = {{"line", false}, {"notes", Json::array()}};
  return series;
}

void add_point(Series& series, double volatility, double expected_return, const std::string& note) {
  series.xs["volatility"].push_back(number(volatility));
  series.ys["return"].push_back(number(expected_return));
  series.more["notes"].push_back(note);
}

Json frontier_chart(const PortfolioSetting& setting, const Assets& assets,
                    const std::vector<Portfolio>& chosen, const std::vector<Portfolio>& frontier) {
  Series line = point_series("efficient frontier", 0);
  line.more["line"] = true;
  for (const Portfolio& portfolio : frontier) {
    add_point(line, portfolio.volatility, *portfolio.expected_return, "");
  }
  Series single = point_series("assets", 1);
  const auto n = static_cast<std::size_t>(assets.count());
  for (std::size_t i = 0; i < n; ++i) {
    add_point(single, std::sqrt(std::max(0.0, assets.covariance[i * n + i])),
              assets.expected_returns[i], setting.names[i]);
  }
  std::vector<Series> series{line, single};
  if (!chosen.empty()) {
    series.push_back(point_series("this portfolio", 2));
    series.back().more["mark"] = "square";
    add_point(series.back(), chosen.front().volatility, *chosen.front().expected_return, "");
  }
  return line_chart({{"volatility", "volatility"}}, {{"return", "expected return"}}, series);
}

Json weight_bars(const PortfolioSetting& setting, const Portfolio& portfolio) {
  constexpr int line_height = 24;
  std::vector<std::size_t> order = by_weight({portfolio});
  order.resize(std::min(order.size(), most_assets));
  Series weight;
  Series risk;
  weight.name = "weight";
  risk.name = "share of the variance";
  risk.colour = 1;
  weight.ys["y"] = Json::array();
  risk.ys["y"] = Json::array();
  std::vector<std::string> names;
  for (const std::size_t i : order) {
    names.push_back(setting.names[i]);
    weight.ys["y"].push_back(number(portfolio.weights[i]));
    risk.ys["y"].push_back(number(portfolio.risk_shares[i]));
  }
  Json chart = bar_chart("", {"y", "share"}, names, {weight, risk});
  chart["horizontal"] = true;
  chart["narrow"] = true;
  chart["height"] = 80 + line_height * static_cast<int>(std::max<std::size_t>(names.size(), 4));
  return chart;
}

Json weight_curves(const PortfolioSetting& setting, const std::vector<Portfolio>& frontier) {
  constexpr std::size_t shown_first = 8;
  std::vector<std::size_t> order = by_weight(frontier);
  order.resize(std::min(order.size(), most_assets));
  std::vector<Series> series;
  for (std::size_t k = 0; k < order.size(); ++k) {
    Series one;
    one.name = setting.names[order[k]];
    one.colour = static_cast<int>(k);
    one.xs["return"] = Json::array();
    one.ys["weight"] = Json::array();
    for (const Portfolio& portfolio : frontier) {
      one.xs["return"].push_back(number(*portfolio.expected_return));
      one.ys["weight"].push_back(number(portfolio.weights[order[k]]));
    }
    one.more = {{"dash", k >= 10}, {"hidden", k >= shown_first}};
    series.push_back(std::move(one));
  }
  return line_chart({{"return", "expected return"}}, {{"weight", "weight"}}, series);
}

void add_weight_table(Page& page, const PortfolioSetting& setting, const Portfolio& portfolio) {
  constexpr std::size_t most_rows = 200;
  Table table;
  table.head = {"asset", "weight", "share of the variance"};
  table.is_number = {false, true, true};
  std::vector<std::size_t> order = by_weight({portfolio});
  const std::size_t left_out = order.size() - std::min(order.size(), most_rows);
  order.resize(order.size() - left_out);
  for (const std::size_t i : order) {
    table.rows.push_back({setting.names[i], fmt::format("{:.6f}", portfolio.weights[i]),
                          fmt::format("{:.6f}", portfolio.risk_shares[i])});
  }
  if (left_out > 0) {
    table.caption = fmt::format("{} assets of smaller weight are left out.", left_out);
  }
  page.section("Weights");
  page.table(table);
}

std::string result_text(const Portfolio& portfolio) {
  return fmt::format("{}{}: {}.",
                     portfolio.expected_return
                         ? fmt::format("Expected return {:.6g}, volatility {:.6g}. ",
                                       *portfolio.expected_return, portfolio.volatility)
                         : fmt::format("Volatility {:.6g}. ", portfolio.volatility),
                     portfolio.termination.converged() ? "Converged" : "Stopped, not converged",
                     portfolio.termination.inequality);
}

}  // namespace

std::vector<std::size_t> by_weight(const std::vector<Portfolio>& portfolios) {
  std::vector<double> largest(portfolios.front().weights.size(), 0.0);
  for (const Portfolio& portfolio : portfolios) {
    for (std::size_t i = 0; i < largest.size(); ++i) {
      largest[i] = std::max(largest[i], std::fabs(portfolio.weights[i]));
    }
  }
  std::vector<std::size_t> order(largest.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return largest[a] > largest[b]; });
  return order;
}

std::string portfolio_page(const PortfolioSetting& setting, const Assets& assets,
                           const std::vector<Portfolio>& chosen,
                           const std::vector<Portfolio>& frontier, const RunFacts& facts) {
  Page page(chosen.empty() ? "Efficient frontier" : "Portfolio",
            fmt::format("{}: {} assets; {}", setting.data, assets.count(), setting.objective));
  if (!chosen.empty()) {
    page.lead(result_text(chosen.front()), chosen.front().termination.converged() ? "good" : "bad");
  } else {
    const auto solved = std::count_if(frontier.begin(), frontier.end(),
                                      [](const Portfolio& p) { return p.termination.converged(); });
    page.lead(fmt::format("{} of {} portfolios converged.", solved, frontier.size()),
              solved == std::ssize(frontier) ? "good" : "bad");
  }
  page.section("Return and risk");
  page.begin_charts();
  if (!frontier.empty()) {
    page.chart("Efficient frontier", frontier_chart(setting, assets, chosen, frontier),
               "Least variance for every expected return.");
    page.chart("Weights along the frontier", weight_curves(setting, frontier));
  }
  if (!chosen.empty()) {
    page.chart("Weights and shares of risk", weight_bars(setting, chosen.front()));
  }
  page.end_charts();
  if (!chosen.empty()) {
    add_weight_table(page, setting, chosen.front());
  }
  page.section("What was run");
  page.facts({{"objective", setting.objective},
              {"bounds", fmt::format("{:g} to {:g} a weight", assets.low, assets.high)}});
  return page.html(facts);
}

}  // namespace steepest::report
