// SPDX-License-Identifier: Apache-2.0
// What portfolio prints: weights, frontiers, JSON, CSV.
#pragma once

#include <string>
#include <vector>

#include "src/cli/command.hpp"
#include "src/cli/text_canvas.hpp"
#include "steepest/portfolio.hpp"

namespace steepest::cli {

struct PortfolioView {
  std::vector<std::string> names;  ///< of the assets
  const Assets& assets;
  std::int64_t rows = 0;  ///< of returns; 0 when a covariance was given
  std::string objective;  ///< in words
  PlotStyle plot = PlotStyle::none;
};

void print_portfolio(const PortfolioView& view, const Portfolio& portfolio);
[[nodiscard]] Json portfolio_json(const PortfolioView& view, const Portfolio& portfolio);

void print_frontier(const PortfolioView& view, const std::vector<Portfolio>& portfolios);
[[nodiscard]] Json frontier_json(const PortfolioView& view,
                                 const std::vector<Portfolio>& portfolios);

/// A line a portfolio: expected return (where known), volatility, a column of weight an asset.
[[nodiscard]] std::string portfolios_csv(const PortfolioView& view,
                                         const std::vector<Portfolio>& portfolios);

}  // namespace steepest::cli
