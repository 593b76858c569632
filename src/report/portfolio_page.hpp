// SPDX-License-Identifier: Apache-2.0
// The page of a portfolio, or of a frontier of them.
#pragma once

#include <string>
#include <vector>

#include "src/report/page.hpp"
#include "steepest/portfolio.hpp"

namespace steepest::report {

/// What was asked for.
struct PortfolioSetting {
  std::string data;                ///< files, as given
  std::vector<std::string> names;  ///< of the assets
  std::string objective;           ///< in words
};

/// Assets by the largest of their weights in all portfolios, of which there is one at least; in
/// input order among equals.
[[nodiscard]] std::vector<std::size_t> by_weight(const std::vector<Portfolio>& portfolios);

/// `chosen`: one portfolio, or none where a frontier was asked for. `frontier` may be empty, where
/// returns are not known.
[[nodiscard]] std::string portfolio_page(const PortfolioSetting& setting, const Assets& assets,
                                         const std::vector<Portfolio>& chosen,
                                         const std::vector<Portfolio>& frontier,
                                         const RunFacts& facts);

}  // namespace steepest::report
