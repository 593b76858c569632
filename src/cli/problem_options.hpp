// SPDX-License-Identifier: Apache-2.0
// What is fitted, as given on the command line: what fit, sweep and find-rate share.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "src/cli/command.hpp"
#include "steepest/fit.hpp"
#include "steepest/read.hpp"
#include "steepest/row_source.hpp"

namespace steepest::cli {

/// Texts as given; add_to() checks them.
struct ProblemOptions {
  std::string model = "auto";
  std::string loss;
  std::string l2;
  std::string class_weight;
  std::string label_smoothing;
  std::string precision = "auto";
  std::string storage = "auto";
  std::string engine = "auto";
  std::string shuffle = "auto";
  std::string constant = "error";
  bool no_standardize = false;
  bool no_intercept = false;

  /// Sets loss, l2, label_smoothing, shuffle_rows, standardize, intercept, drop_constant,
  /// precision, storage, engine, and of the global options seed, device and threads. Throws
  /// OptionError.
  void add_to(FitOptions& options, const GlobalOptions& global) const;

  /// Multiplies the weights of the rows to fit by what --class-weight says; for each class, in the
  /// order of the schema, by what: empty where it was not given. Throws OptionError, InputError.
  [[nodiscard]] std::vector<double> weigh(std::shared_ptr<RowSource>& rows) const;

  /// The file that --class-weight names; empty where it names none.
  [[nodiscard]] std::string class_weight_path() const {
    return class_weight == "balanced" ? "" : class_weight;
  }

  /// What --model and --loss say of the target together. Throws OptionError.
  [[nodiscard]] TargetKind target_kind() const;
};

/// Adds --model, --loss, --l2, --class-weight, --label-smoothing, --precision, --storage,
/// --engine, --shuffle, --constant, --no-standardize and --no-intercept.
void add_problem_options(CLI::App& app, ProblemOptions& options);

/// A number, or nothing for "" and "auto". Throws OptionError.
[[nodiscard]] std::optional<double> optional_number(std::string_view option,
                                                    const std::string& text);

/// Throws OptionError.
[[nodiscard]] std::int64_t count_at_least_one(std::string_view option, const std::string& text);

/// Throws OptionError unless there is a target, or a folder that knows its own.
void require_target(const ReadOptions& read, std::string_view command);

}  // namespace steepest::cli
