// SPDX-License-Identifier: Apache-2.0
// The input options of CLI.md, from command line to ReadOptions.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "src/cli/command.hpp"
#include "src/cli/progress_bar.hpp"
#include "steepest/read.hpp"

namespace steepest::cli {

/// Texts as given; to_read_options() checks them.
struct DataOptions {
  std::vector<std::string> paths;
  std::string targets;
  std::string features;
  std::string ignore;
  std::string categorical;
  std::string weight;
  std::string delimiter;
  std::string header = "auto";
  std::string quote = "\"";
  std::string escape = "none";
  std::string comment = "auto";
  std::string decimal = "auto";
  std::string thousands = "none";
  std::int64_t skip_lines = 0;
  std::string missing_texts;
  std::string missing;
  std::string bad_rows = "error";
  std::string rejects;
  std::string unseen_levels = "error";

  /// With a model's schema, missing values are filled as they were when it was fitted, unless
  /// --missing says otherwise.
  [[nodiscard]] ReadOptions to_read_options(const Schema* known = nullptr) const;
};

/// Adds DATA... and the options above. `with_target` adds --target and --weight.
void add_data_options(CLI::App& app, DataOptions& options, bool with_target);

/// Throws OptionError where a file to be written is one that is read, which it would replace, or is
/// named twice. Empty texts are left out.
void check_outputs(const std::vector<std::string>& outputs, const std::vector<std::string>& inputs);

/// Where rows go, as given by --memory and --cache.
struct MemoryOptions {
  std::string memory;
  std::string cache;

  /// Most bytes that data may take: half of memory_limit() by default. Throws OptionError.
  [[nodiscard]] std::int64_t bytes() const;

  /// For the reader: what is left beside its buffers and the program, and a folder on a disk.
  [[nodiscard]] RowStorage storage() const;
};

/// Adds --memory and --cache.
void add_memory_options(CLI::App& app, MemoryOptions& options);

/// read_rows with a progress bar; ends the read with an exception when interrupted.
[[nodiscard]] ReadRows read_with_progress(const ReadOptions& options, const RowStorage& storage,
                                          const GlobalOptions& global,
                                          const Schema* known = nullptr);

/// A progress callback that draws on `bar` and throws Interrupted after a signal.
[[nodiscard]] ReadProgress reading_progress(ProgressBar& bar);

}  // namespace steepest::cli
