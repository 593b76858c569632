// SPDX-License-Identifier: Apache-2.0
// A path of penalties: how it is asked for, and what came of it.
#pragma once

#include <string>
#include <vector>

#include "src/cli/command.hpp"
#include "steepest/fit.hpp"
#include "steepest/path.hpp"

namespace steepest::cli {

/// Texts as given.
struct PathOptions {
  std::string folds;
  std::string pick = "best";

  /// Sets l2_path where `l2` is LO:HI:log|lin:COUNT, else nothing; folds and the pick. Returns
  /// whether `l2` was such a path. Throws OptionError.
  [[nodiscard]] bool add_to(FitOptions& options, const std::string& l2) const;
};

/// Adds --folds and --pick.
void add_path_options(CLI::App& app, PathOptions& options);

/// The "path" object.
[[nodiscard]] Json path_json(const PathResult& path);

/// A table on stdout, one line a penalty.
void print_path(const PathResult& path);

}  // namespace steepest::cli
