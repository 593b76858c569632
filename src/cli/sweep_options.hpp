// SPDX-License-Identifier: Apache-2.0
// The options of sweep and find-rate, from the command line or a JSON file.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "src/cli/checkpoint_options.hpp"
#include "src/cli/composite_options.hpp"
#include "src/cli/config_file.hpp"
#include "src/cli/data_options.hpp"
#include "src/cli/problem_options.hpp"
#include "src/cli/validation_options.hpp"
#include "steepest/sweep.hpp"

namespace steepest::cli {

/// Texts as given; to_sweep_options() checks them.
struct SweepCommandOptions {
  DataOptions data;
  MemoryOptions memory;
  ProblemOptions problem;
  CompositeOptions composite;
  ValidationOptions validation;
  std::string schedules = "constant,cosine,linear,inverse_sqrt,one_cycle,wsd";
  std::string learning_rates = "0.0625/L:4/L:log:7";
  std::string batch_sizes = "full";
  std::string rules = "auto";
  std::string seeds = "1";
  std::string epochs = "10";
  std::string points = "200";
  CheckpointArguments checkpoint;
  std::string config;
  std::string curves;
  std::string report;
  std::string best;
  std::string output;
  bool prune = false;
  bool dry_run = false;
};

/// Adds them all but those of the data, the problem and the validation.
void add_sweep_options(CLI::App& app, SweepCommandOptions& options);

/// Keys of --config that are not names of options: batch_sizes, and seeds, whose lists are no
/// counts.
[[nodiscard]] const std::vector<ConfigAlias>& sweep_config_aliases();

/// Throws OptionError.
[[nodiscard]] SweepOptions to_sweep_options(const SweepCommandOptions& given,
                                            const GlobalOptions& global);

/// "0.1", "0.5/L", "0.01:1:log:5", "0.1/L:4/L:lin:3", and lists of these. Throws OptionError.
[[nodiscard]] std::vector<SweepRate> parse_rates(std::string_view text);

}  // namespace steepest::cli
