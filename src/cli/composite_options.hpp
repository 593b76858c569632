// SPDX-License-Identifier: Apache-2.0
// What an objective and its search space have beside loss and l2: --l1 and --constraint; and how
// long the gradients may be that are stepped along: --clip-norm.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "steepest/fit.hpp"

namespace steepest::cli {

struct CompositeOptions {
  std::string l1;
  std::string constraint = "none";
  std::string clip_norm;

  /// Throws OptionError for a number that is none, a length that is not above 0, and a constraint
  /// that is not known.
  void add_to(FitOptions& options) const;
};

void add_composite_options(CLI::App& app, CompositeOptions& options);

}  // namespace steepest::cli
