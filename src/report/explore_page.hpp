// SPDX-License-Identifier: Apache-2.0
// The page of an exploration: a function, and the path down it.
#pragma once

#include <string>
#include <vector>

#include "src/report/page.hpp"
#include "steepest/explore.hpp"

namespace steepest::report {

/// What an exploration does not tell.
struct ExploreSetting {
  std::string expression;
  std::vector<std::string> variables;  ///< one or two
  RealFunction function;
  std::string verdict;  ///< in a sentence
};

[[nodiscard]] std::string explore_page(const Exploration& run, const ExploreSetting& setting,
                                       const RunFacts& facts);

}  // namespace steepest::report
