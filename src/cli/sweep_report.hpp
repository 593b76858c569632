// SPDX-License-Identifier: Apache-2.0
// What sweep tells: a ranking for people, all runs for machines, and every curve.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "src/cli/command.hpp"
#include "steepest/sweep.hpp"

namespace steepest::cli {

/// What a sweep was run on.
struct SweepInput {
  std::vector<std::string> paths;
  std::string target;
  std::int64_t rows = 0;
  std::int64_t features = 0;
  std::int64_t outputs = 0;
  std::int64_t bytes_read = 0;
  double read_seconds = 0.0;
  std::int64_t epochs = 0;
  CheckpointOptions checkpoint;
  std::string flags;  ///< what else fit has to be told, each with a space in front
};

/// A schedule, rule and batch size at the rate that served it best.
struct RankedMethod {
  const SweepRun* run = nullptr;  ///< one of its runs at that rate
  double median = 0.0;            ///< suboptimality over the seeds; infinite where all diverged
  double lower_quartile = 0.0;
  double upper_quartile = 0.0;
  std::int64_t seeds = 0;
  std::int64_t runs = 0;      ///< at all rates
  std::int64_t diverged = 0;  ///< of them
};

/// Best first; equal ones in the order of the plan. A rate counts by its median over seeds, a
/// diverged run as infinite.
[[nodiscard]] std::vector<RankedMethod> rank_methods(const SweepResult& result);

/// The options with which `fit` makes the same run, alone.
[[nodiscard]] std::string fit_options(const SweepCase& what, const SweepResult& result,
                                      const SweepInput& input);

[[nodiscard]] Json sweep_json(const SweepResult& result, const SweepInput& input);

[[nodiscard]] Json plan_json(const SweepPlan& plan, const SweepInput& input);

void print_sweep(const SweepResult& result, const SweepInput& input);

void print_plan(const SweepPlan& plan, const SweepInput& input);

/// CSV, one line a point: run,schedule,learning_rate,batch_size,rule,seed,step,epoch,seconds,
/// objective,suboptimality,learning_rate_now,validation_loss (empty where it was not measured).
void write_curves(const SweepResult& result, const std::string& path);

}  // namespace steepest::cli
