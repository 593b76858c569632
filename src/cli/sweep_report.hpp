// SPDX-License-Identifier: Apache-2.0
// What sweep tells: a ranking for people, all runs for machines, and every curve.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "src/cli/command.hpp"
#include "src/report/sweep_ranking.hpp"
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
  Json flags = Json::object();  ///< what else fit has to be told, as --config says it
};

/// The options with which `fit` makes the same run, alone.
[[nodiscard]] std::string fit_options(const SweepCase& what, const SweepResult& result,
                                      const SweepInput& input);

/// The same for the best run, as a file for `fit --config`; null where no run ended well.
[[nodiscard]] Json best_config(const SweepResult& result, const SweepInput& input);

/// The command that makes the best run again; empty where no run ended well.
[[nodiscard]] std::string command_again(const SweepResult& result, const SweepInput& input);

[[nodiscard]] Json sweep_json(const SweepResult& result, const SweepInput& input);

[[nodiscard]] Json plan_json(const SweepPlan& plan, const SweepInput& input);

void print_sweep(const SweepResult& result, const SweepInput& input);

void print_plan(const SweepPlan& plan, const SweepInput& input);

/// CSV, one line a point: run,schedule,learning_rate,batch_size,rule,seed,step,epoch,seconds,
/// objective,suboptimality,learning_rate_now,validation_loss,bytes_read,validation_regret: the loss
/// minus that of the optimum's parameters; both validation columns empty where not measured.
void write_curves(const SweepResult& result, const std::string& path);

}  // namespace steepest::cli
