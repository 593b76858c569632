// SPDX-License-Identifier: Apache-2.0
#include "src/cli/composite_options.hpp"

#include "src/train/option_text.hpp"
#include "steepest/error.hpp"

namespace steepest::cli {

void CompositeOptions::add_to(FitOptions& options) const {
  options.l1 = l1.empty() ? 0.0 : parse_option_number("--l1", l1);
  options.constraint = parse_constraint(constraint);
  if (!clip_norm.empty()) {
    options.clip_norm = parse_option_number("--clip-norm", clip_norm);
    if (!(options.clip_norm > 0.0)) {
      throw OptionError("--clip-norm must be a number above 0");
    }
  }
}

void add_composite_options(CLI::App& app, CompositeOptions& options) {
  app.add_option("--l1", options.l1, "L1 penalty: coefficients become exactly 0; default 0");
  app.add_option("--constraint", options.constraint,
                 "of the coefficients as reported: " + join_choices(constraint_names()))
      ->default_str("none");
  app.add_option("--clip-norm", options.clip_norm,
                 "shorten gradients whose 2-norm is larger; default: never");
}

}  // namespace steepest::cli
