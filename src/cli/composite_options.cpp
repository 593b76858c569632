// SPDX-License-Identifier: Apache-2.0
#include "src/cli/composite_options.hpp"

#include "src/train/option_text.hpp"

namespace steepest::cli {

void CompositeOptions::add_to(FitOptions& options) const {
  options.l1 = l1.empty() ? 0.0 : parse_option_number("--l1", l1);
  options.constraint = parse_constraint(constraint);
}

void add_composite_options(CLI::App& app, CompositeOptions& options) {
  app.add_option("--l1", options.l1, "L1 penalty: coefficients become exactly 0; default 0");
  app.add_option("--constraint", options.constraint,
                 "of the coefficients as reported: " + join_choices(constraint_names()))
      ->default_str("none");
}

}  // namespace steepest::cli
