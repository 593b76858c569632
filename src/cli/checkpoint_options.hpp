// SPDX-License-Identifier: Apache-2.0
// --checkpoint, --checkpoint-every, --resume: for commands that run long.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "src/cli/command.hpp"
#include "steepest/checkpoint.hpp"

namespace steepest::cli {

struct CheckpointArguments {
  std::string folder;
  std::string every;
  bool resume = false;

  /// Throws OptionError for an interval that is none, and for --resume without a folder.
  [[nodiscard]] CheckpointOptions options() const;
};

void add_checkpoint_options(CLI::App& app, CheckpointArguments& arguments, bool has_steps = true);

/// What a run says of its checkpoints.
struct CheckpointFacts {
  std::string resumed_from;  ///< empty: it began anew
  bool resumable = false;    ///< whether the folder holds a state of it
};

/// The "checkpoint" object of `--json`: null without a folder.
[[nodiscard]] Json checkpoint_json(const CheckpointOptions& options, const CheckpointFacts& facts);

/// Lines of the report: what the run went on from, and, where it was cut short, how to go on.
void print_checkpoint(const CheckpointOptions& options, const CheckpointFacts& facts,
                      bool was_cut_short);

}  // namespace steepest::cli
