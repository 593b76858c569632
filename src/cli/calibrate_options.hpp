// SPDX-License-Identifier: Apache-2.0
// What `calibrate` was asked for, checked before anything is read.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "src/cli/command.hpp"
#include "src/cli/data_options.hpp"
#include "steepest/affine_calibration.hpp"
#include "steepest/calibrate.hpp"
#include "steepest/model.hpp"

namespace steepest::cli {

struct CalibrateOptions {
  DataOptions data;
  MemoryOptions memory;
  std::string labels;
  std::string input = "logits";
  std::string method;  ///< empty: temperature
  double smoothing = 0.0;
  bool smooth_labels = false;
  std::string penalty = "auto";
  std::optional<double> valid_fraction;
  std::string group;
  std::string use;
  std::int64_t bootstrap = 0;
  std::string apply;
  std::string apply_as = "probs";
  std::string bins;
  std::string into;
  std::string report;
  std::string output;

  /// Whether DATA is one .npy file, by its name or its first bytes.
  [[nodiscard]] bool is_npy() const;
  [[nodiscard]] ScalingMethod scaling_method() const {
    return method.empty() ? ScalingMethod::temperature : parse_scaling_method(method);
  }
  [[nodiscard]] bool has_labels() const { return !labels.empty() || !data.targets.empty(); }
  [[nodiscard]] CalibratedOutput apply_output() const;

  /// Where the model with the calibration goes; empty: nowhere.
  [[nodiscard]] const std::string& model_output() const { return output.empty() ? into : output; }

  /// Throws OptionError for options that contradict each other, and for outputs that are inputs.
  void check() const;

  /// `rows` of logits, for --smooth-labels.
  [[nodiscard]] CalibrationOptions calibration(const LogitRows& rows,
                                               const GlobalOptions& global) const;
  [[nodiscard]] AffineOptions affine(const LogitRows& rows, const GlobalOptions& global) const;
};

void add_calibrate_options(CLI::App& app, CalibrateOptions& options);

/// The model of --into. `columns` are the names of the columns of logits, where they have some.
/// Throws InputError unless it is a softmax model of so many classes, in the order of the columns
/// where these are named after them, and OptionError for numbers that went through its calibration
/// already.
[[nodiscard]] Model model_to_calibrate(const CalibrateOptions& options, std::int64_t classes,
                                       const std::vector<std::string>& columns);

}  // namespace steepest::cli
