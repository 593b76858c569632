// SPDX-License-Identifier: Apache-2.0
// steepest portfolio: weights of least variance from a table of returns, or a covariance.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>
#include <memory>
#include <optional>

#include "src/cli/data_options.hpp"
#include "src/cli/page_options.hpp"
#include "src/cli/portfolio_report.hpp"
#include "src/report/portfolio_page.hpp"
#include "src/train/option_text.hpp"
#include "steepest/error.hpp"
#include "steepest/output_file.hpp"

namespace steepest::cli {
namespace {

struct PortfolioTexts {
  DataOptions data;
  bool covariance = false;
  std::string expected_returns;
  std::string target_return;
  std::string risk_aversion;
  std::string bounds = "0:1";
  std::string frontier;
  std::string tolerance = "1e-9";
  std::string steps = "100000";
  std::string plot = "auto";
  std::string output;
  std::string report;
};

struct Table {
  std::vector<std::string> names;
  std::int64_t rows = 0;
  std::vector<double> values;  // (rows, names)
};

Table read_table(const PortfolioTexts& given, const GlobalOptions& global) {
  ReadOptions read = given.data.to_read_options();
  read.threads = global.threads;
  ProgressBar bar("reading", !global.quiet);
  const Dataset data = read_dataset(read, reading_progress(bar));
  Table table;
  table.names = data.schema.feature_names();
  table.rows = data.rows();
  for (std::int64_t i = 0; i < table.rows; ++i) {
    const float* row = data.features.row(i);
    table.values.insert(table.values.end(), row, row + data.features.columns());
  }
  return table;
}

Assets assets_of(const Table& table, const PortfolioTexts& given) {
  const auto n = static_cast<std::int64_t>(table.names.size());
  Assets assets;
  if (given.covariance) {
    if (table.rows != n) {
      throw InputError(
          fmt::format("{}: a covariance has as many rows as columns, this table has {} "
                      "rows and {} columns{}",
                      given.data.paths.front(), table.rows, n,
                      table.rows + 1 == n ? "; --header no when there is no header" : ""));
    }
    assets.covariance = table.values;
  } else {
    assets = assets_of_returns(table.values, n);
  }
  if (!given.expected_returns.empty()) {
    assets.expected_returns.clear();
    for (const std::string_view text : split(given.expected_returns, ',')) {
      assets.expected_returns.push_back(parse_option_number("--expected-returns", text));
    }
  }
  const std::vector<std::string_view> ends = split(given.bounds, ':');
  if (ends.size() != 2) {
    throw OptionError(fmt::format("--bounds \"{}\" is not LOW:HIGH, as in 0:0.4", given.bounds));
  }
  assets.low = parse_option_number("--bounds", ends[0]);
  assets.high = parse_option_number("--bounds", ends[1]);
  constexpr double widest = 1e6;
  if (std::fabs(assets.low) > widest || std::fabs(assets.high) > widest) {
    throw OptionError(
        fmt::format("--bounds \"{}\": weights of more than 1e6 in size sum to 1 by "
                    "rounding only",
                    given.bounds));
  }
  return assets;
}

void require_one_objective(const PortfolioTexts& given) {
  const int count = (given.target_return.empty() ? 0 : 1) + (given.risk_aversion.empty() ? 0 : 1) +
                    (given.frontier.empty() ? 0 : 1);
  if (count > 1) {
    throw OptionError("--target-return, --risk-aversion and --frontier: give one of them");
  }
}

std::string objective_text(const PortfolioTexts& given) {
  if (!given.target_return.empty()) {
    return fmt::format("least variance with an expected return of {} or more", given.target_return);
  }
  if (!given.risk_aversion.empty()) {
    return fmt::format("largest expected return - {}/2 * variance", given.risk_aversion);
  }
  return given.frontier.empty() ? "least variance" : "least variance for each expected return";
}

Portfolio solve(const Assets& assets, const PortfolioTexts& given,
                const PortfolioOptions& options) {
  if (!given.target_return.empty()) {
    return with_target_return(assets, parse_option_number("--target-return", given.target_return),
                              options);
  }
  if (!given.risk_aversion.empty()) {
    return best_utility(assets, parse_option_number("--risk-aversion", given.risk_aversion),
                        options);
  }
  return minimum_variance(assets, options);
}

void warn_of_rank(const Table& table, const PortfolioTexts& given, const GlobalOptions& global) {
  const auto n = static_cast<std::int64_t>(table.names.size());
  if (!given.covariance && table.rows <= n) {
    print_warnings({fmt::format("{} rows of returns tell {} assets apart only in part: some "
                                "portfolios have no variance at all, and weights may not be unique",
                                table.rows, n)},
                   global);
  }
}

// The frontier is drawn wherever returns are known, asked for or not.
void write_report(const PortfolioTexts& given, const PortfolioView& view,
                  const std::vector<Portfolio>& portfolios, const PortfolioOptions& options,
                  const GlobalOptions& global) {
  constexpr std::int64_t drawn = 30;
  std::vector<Portfolio> chosen;
  std::vector<Portfolio> frontier;
  if (given.frontier.empty()) {
    chosen = portfolios;
    if (!view.assets.expected_returns.empty()) {
      frontier = efficient_frontier(view.assets, drawn, options);
    }
  } else {
    frontier = portfolios;
  }
  const std::string data = fmt::format("{}", fmt::join(given.data.paths, " "));
  report::write_page(
      report::portfolio_page({data, view.names, view.objective}, view.assets, chosen, frontier,
                             run_facts(global, list_devices().front(), given.data.paths, {})),
      given.report);
}

int run_portfolio(const PortfolioTexts& given, const GlobalOptions& global) {
  require_cpu(global, "portfolio");
  require_one_objective(given);
  PortfolioOptions options;
  options.tolerance = parse_option_number("--tolerance", given.tolerance);
  if (options.tolerance < 0.0) {
    throw OptionError("--tolerance must be 0 or more");
  }
  options.steps = parse_option_count("--steps", given.steps);
  const PlotStyle plot = parse_plot_style(given.plot);
  check_outputs({given.output, given.report, given.data.rejects}, given.data.paths);
  const Table table = read_table(given, global);
  const Assets assets = assets_of(table, given);
  check_assets(assets);
  warn_of_rank(table, given, global);
  const PortfolioView view{table.names, assets, given.covariance ? 0 : table.rows,
                           objective_text(given), plot};
  std::vector<Portfolio> portfolios;
  if (given.frontier.empty()) {
    portfolios.push_back(solve(assets, given, options));
  } else {
    portfolios =
        efficient_frontier(assets, parse_option_count("--frontier", given.frontier), options);
  }
  if (!given.output.empty()) {
    OutputFile file(given.output);
    file.write(portfolios_csv(view, portfolios));
    file.commit();
  }
  if (!given.report.empty()) {
    write_report(given, view, portfolios, options, global);
  }
  if (global.json) {
    print_json(given.frontier.empty() ? portfolio_json(view, portfolios.front())
                                      : frontier_json(view, portfolios));
  } else if (given.frontier.empty()) {
    print_portfolio(view, portfolios.front());
  } else {
    print_frontier(view, portfolios);
  }
  return exit_done;
}

}  // namespace

Command add_portfolio(CLI::App& parent, GlobalOptions& global) {
  CLI::App* app = parent.add_subcommand("portfolio", "Weights of least variance for assets");
  auto texts = std::make_shared<PortfolioTexts>();
  add_data_options(*app, texts->data, false);
  app->add_flag("--covariance", texts->covariance,
                "the table is a covariance, not returns: a column and a row an asset");
  app->add_option("--expected-returns", texts->expected_returns,
                  "one number an asset, as in 0.05,0.02; default: the mean of the returns");
  app->add_option("--target-return", texts->target_return,
                  "least variance with this expected return or more");
  app->add_option("--risk-aversion", texts->risk_aversion,
                  "largest expected return minus A/2 times the variance");
  app->add_option("--bounds", texts->bounds, "LOW:HIGH of every weight; 0:1 is long only")
      ->default_str("0:1");
  app->add_option("--frontier", texts->frontier,
                  "so many portfolios, from the least variance to the largest return");
  app->add_option("--tolerance", texts->tolerance,
                  "ends when the objective is this near to the optimum, relatively")
      ->default_str("1e-9");
  app->add_option("--steps", texts->steps, "most steps of projected gradient")
      ->default_str("100000");
  app->add_option("--plot", texts->plot, "of the frontier: auto, unicode, plain or none")
      ->default_str("auto");
  add_report_option(*app, texts->report);
  app->add_option("-o,--output", texts->output, "CSV of the weights, a line a portfolio");
  app->footer(
      "Example: steepest portfolio returns.csv --ignore date\n"
      "         steepest portfolio covariance.csv --covariance --bounds 0:0.4\n"
      "         steepest portfolio returns.csv --frontier 20 -o frontier.csv");
  return {app, [texts, &global] { return run_portfolio(*texts, global); }};
}

}  // namespace steepest::cli
