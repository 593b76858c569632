// SPDX-License-Identifier: Apache-2.0
// What is fitted, as given on the command line: what fit, sweep and find-rate share.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "src/cli/command.hpp"
#include "steepest/fit.hpp"
#include "steepest/read.hpp"

namespace steepest::cli {

/// Texts as given; add_to() checks them.
struct ProblemOptions {
  std::string model = "auto";
  std::string loss;
  std::string l2;
  std::string precision = "auto";
  std::string storage = "auto";
  std::string shuffle = "auto";
  std::string constant = "error";
  bool no_standardize = false;
  bool no_intercept = false;

  /// Sets loss, l2, shuffle_rows, standardize, intercept, drop_constant, precision, storage, and of
  /// the global options seed, device and threads. Throws OptionError.
  void add_to(FitOptions& options, const GlobalOptions& global) const;

  /// What --model and --loss say of the target together. Throws OptionError.
  [[nodiscard]] TargetKind target_kind() const;
};

/// Adds --model, --loss, --l2, --precision, --storage, --shuffle, --constant, --no-standardize
/// and --no-intercept.
void add_problem_options(CLI::App& app, ProblemOptions& options);

/// A number, or nothing for "" and "auto". Throws OptionError.
[[nodiscard]] std::optional<double> optional_number(std::string_view option,
                                                    const std::string& text);

/// Throws OptionError.
[[nodiscard]] std::int64_t count_at_least_one(std::string_view option, const std::string& text);

/// Throws OptionError unless there is a target, or a folder that knows its own.
void require_target(const ReadOptions& read, std::string_view command);

}  // namespace steepest::cli
