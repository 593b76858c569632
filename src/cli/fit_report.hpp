// SPDX-License-Identifier: Apache-2.0
// What fit tells: for people, for machines, and step by step.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "src/cli/metrics_json.hpp"
#include "steepest/fit.hpp"

namespace steepest::cli {

/// A finished run of the command.
struct FitRun {
  std::vector<std::string> paths;
  std::int64_t rows = 0;
  std::int64_t rows_rejected = 0;
  std::int64_t bytes_read = 0;
  double read_seconds = 0.0;
  CheckpointOptions checkpoint;
  double total_seconds = 0.0;         ///< of the command, up to the report
  bool streamed = false;              ///< rows did not fit in memory
  std::vector<double> class_weights;  ///< in the order of the classes; empty: none
  std::string target_note;            ///< why the model is what it is, where that was automatic
  std::string model_path;             ///< empty when none was written
  FitResult result;
  std::optional<Metrics> validation;
};

/// Says how an automatic choice of model came about, and how to overrule it. Empty otherwise.
[[nodiscard]] std::string target_note(const RowSource& data, bool automatic);

[[nodiscard]] Json fit_json(const FitRun& run);

/// A page of aligned lines on stdout.
void print_fit(const FitRun& run);

/// CSV: step,epoch,seconds,learning_rate,mean_loss,penalty,objective,gradient_max_norm, and
/// validation_loss where it was measured.
void write_history(const FitResult& result, const std::string& path);

}  // namespace steepest::cli
