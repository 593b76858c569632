// SPDX-License-Identifier: Apache-2.0
#include "src/cli/portfolio_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "src/cli/csv_field.hpp"
#include "src/cli/progress_bar.hpp"
#include "src/report/portfolio_page.hpp"
#include "steepest/version.hpp"

namespace steepest::cli {
namespace {

// Never "-0.0000".
std::string weight_text(double weight) {
  constexpr double smallest = 5e-5;
  return fmt::format("{:.4f}", std::fabs(weight) < smallest ? 0.0 : weight);
}

std::string return_text(const Portfolio& portfolio) {
  return portfolio.expected_return
             ? fmt::format("expected return {:.6g}   ", *portfolio.expected_return)
             : "";
}

void print_head(const PortfolioView& view) {
  print_line("data",
             view.rows > 0
                 ? fmt::format("{} assets, {} rows of returns", format_count(view.assets.count()),
                               format_count(view.rows))
                 : fmt::format("covariance of {} assets", format_count(view.assets.count())));
  print_line("objective", fmt::format("{}; weights in [{:g}, {:g}] that sum to 1", view.objective,
                                      view.assets.low, view.assets.high));
}

Json body_json(const Portfolio& portfolio) {
  Json json;
  json["weights"] = portfolio.weights;
  json["expected_return"] =
      portfolio.expected_return ? Json(*portfolio.expected_return) : Json(nullptr);
  json["variance"] = portfolio.variance;
  json["volatility"] = portfolio.volatility;
  json["risk_shares"] = portfolio.risk_shares;
  json["risk_tolerance"] = portfolio.risk_tolerance;
  json["gap_bound"] = portfolio.gap;
  json["kkt_violation"] = portfolio.kkt_violation;
  json["steps"] = portfolio.steps;
  json["termination"] = {{"reason", portfolio.termination.converged() ? "gap" : "steps"},
                         {"converged", portfolio.termination.converged()},
                         {"inequality", portfolio.termination.inequality}};
  return json;
}

Json head_json(const PortfolioView& view) {
  Json json{{"command", "portfolio"}, {"version", version}};
  json["data"] = {{"rows", view.rows}, {"assets", view.names}};
  json["objective"] = view.objective;
  json["bounds"] = {view.assets.low, view.assets.high};
  return json;
}

std::string plot_frontier(const PortfolioView& view, const std::vector<Portfolio>& portfolios) {
  const std::size_t n = view.names.size();
  double low_x = HUGE_VAL;
  double high_x = -HUGE_VAL;
  double low_y = HUGE_VAL;
  double high_y = -HUGE_VAL;
  const auto add = [&](double x, double y) {
    low_x = std::min(low_x, x);
    high_x = std::max(high_x, x);
    low_y = std::min(low_y, y);
    high_y = std::max(high_y, y);
  };
  std::vector<std::pair<double, double>> assets;
  for (std::size_t i = 0; i < n; ++i) {
    assets.emplace_back(std::sqrt(std::max(0.0, view.assets.covariance[i * n + i])),
                        view.assets.expected_returns[i]);
    add(assets.back().first, assets.back().second);
  }
  for (const Portfolio& portfolio : portfolios) {
    add(portfolio.volatility, *portfolio.expected_return);
  }
  constexpr double margin = 0.05;
  const double wide = high_x > low_x ? margin * (high_x - low_x) : 1.0;
  const double tall = high_y > low_y ? margin * (high_y - low_y) : 1.0;
  TextCanvas canvas({low_x - wide, high_x + wide}, {low_y - tall, high_y + tall}, view.plot);
  for (std::size_t k = 1; k < portfolios.size(); ++k) {
    canvas.line(portfolios[k - 1].volatility, *portfolios[k - 1].expected_return,
                portfolios[k].volatility, *portfolios[k].expected_return);
  }
  for (const auto& [x, y] : assets) {
    canvas.mark(x, y, "+");
  }
  const std::string_view point = path_marks(view.plot).step;
  for (const Portfolio& portfolio : portfolios) {
    canvas.mark(portfolio.volatility, *portfolio.expected_return, point);
  }
  return fmt::format("{}{} portfolios  + assets; expected return over volatility\n",
                     canvas.render(), point);
}

}  // namespace

void print_portfolio(const PortfolioView& view, const Portfolio& portfolio) {
  constexpr std::size_t shown = 30;
  print_head(view);
  const std::vector<std::size_t> order = report::by_weight({portfolio});
  std::size_t widest = std::string_view("asset").size();
  for (std::size_t k = 0; k < std::min(shown, order.size()); ++k) {
    widest = std::max(widest, view.names[order[k]].size());
  }
  fmt::print("\n{:<{}}  {:>9}  {:>11}\n", "asset", widest, "weight", "risk share");
  for (std::size_t k = 0; k < std::min(shown, order.size()); ++k) {
    fmt::print("{:<{}}  {:>9}  {:>11}\n", view.names[order[k]], widest,
               weight_text(portfolio.weights[order[k]]),
               weight_text(portfolio.risk_shares[order[k]]));
  }
  if (order.size() > shown) {
    fmt::print("{:<{}}  ({} more: see --json or -o)\n", "...", widest, order.size() - shown);
  }
  fmt::print("\n");
  print_line("portfolio",
             fmt::format("{}variance {:.6g}   volatility {:.6g}", return_text(portfolio),
                         portfolio.variance, portfolio.volatility));
  print_line("result",
             fmt::format("{}: {}",
                         portfolio.termination.converged() ? "converged" : "stopped, not converged",
                         portfolio.termination.inequality));
}

Json portfolio_json(const PortfolioView& view, const Portfolio& portfolio) {
  Json json = head_json(view);
  json.update(body_json(portfolio));
  return json;
}

void print_frontier(const PortfolioView& view, const std::vector<Portfolio>& portfolios) {
  constexpr std::size_t columns = 6;
  constexpr std::size_t width = 9;
  print_head(view);
  std::vector<std::size_t> order = report::by_weight(portfolios);
  const std::size_t left_out = order.size() - std::min(order.size(), columns);
  order.resize(order.size() - left_out);
  fmt::print("\n{:>12}  {:>12}", "return", "volatility");
  for (const std::size_t i : order) {
    fmt::print("  {:>{}}", view.names[i], std::max(width, view.names[i].size()));
  }
  fmt::print("\n");
  for (const Portfolio& portfolio : portfolios) {
    fmt::print("{:>12.6g}  {:>12.6g}", *portfolio.expected_return, portfolio.volatility);
    for (const std::size_t i : order) {
      fmt::print("  {:>{}}", weight_text(portfolio.weights[i]),
                 std::max(width, view.names[i].size()));
    }
    fmt::print("\n");
  }
  if (left_out > 0) {
    fmt::print("({} more assets: see --json or -o)\n", left_out);
  }
  if (view.plot != PlotStyle::none) {
    fmt::print("\n{}", plot_frontier(view, portfolios));
  }
  const auto solved = std::count_if(portfolios.begin(), portfolios.end(),
                                    [](const Portfolio& p) { return p.termination.converged(); });
  fmt::print("\n");
  print_line("result", fmt::format("{} of {} portfolios converged", solved, portfolios.size()));
}

Json frontier_json(const PortfolioView& view, const std::vector<Portfolio>& portfolios) {
  Json json = head_json(view);
  json["frontier"] = Json::array();
  for (const Portfolio& portfolio : portfolios) {
    json["frontier"].push_back(body_json(portfolio));
  }
  return json;
}

std::string portfolios_csv(const PortfolioView& view, const std::vector<Portfolio>& portfolios) {
  const bool returns = portfolios.front().expected_return.has_value();
  std::string text = returns ? "expected_return,volatility" : "volatility";
  for (const std::string& name : view.names) {
    text += "," + csv_field(name);
  }
  text += '\n';
  for (const Portfolio& portfolio : portfolios) {
    text += returns ? fmt::format("{},{}", *portfolio.expected_return, portfolio.volatility)
                    : fmt::format("{}", portfolio.volatility);
    for (const double weight : portfolio.weights) {
      text += fmt::format(",{}", weight);
    }
    text += '\n';
  }
  return text;
}

}  // namespace steepest::cli
