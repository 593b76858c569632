// SPDX-License-Identifier: Apache-2.0
// A run of run_loop.hpp while it goes: what it remembers, and what it does at each turn.
#pragma once

#include <chrono>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "kernels/backend.hpp"
#include "kernels/state_archive.hpp"
#include "src/train/run_loop.hpp"

namespace steepest::train {

[[nodiscard]] Evaluation in_objective_units(const Evaluation& at, const Scaling& scaling);

// Of full-batch runs: how often the point is noted that a run which diverges goes back to.
constexpr std::int64_t steps_between_good = 256;

class Run {
 public:
  Run(kernels::Backend& backend, const kernels::ModelPlan& model, const FitPlan& plan,
      const Scaling& scaling, const RunLimits& limits, const FitCallback& progress)
      : backend_(backend),
        model_(model),
        plan_(plan),
        scaling_(scaling),
        limits_(limits),
        progress_(progress) {}

  RunOutcome to_end();

 private:
  using Clock = std::chrono::steady_clock;

  // Where a run that diverges goes back to.
  struct GoodPoint {
    std::vector<double> parameters;
    std::int64_t step = 0;
    double objective = std::numeric_limits<double>::infinity();
    double gradient = std::numeric_limits<double>::infinity();  // its largest element
  };

  // Seconds since the run began, those of the processes it goes on from too.
  [[nodiscard]] double run_seconds() const;

  // What counts towards the budget of time.
  [[nodiscard]] double seconds_of_start(double now) const {
    return now - seconds_before_start_ + limits_.seconds_before;
  }

  // Of run_loop.cpp.
  void note_steps(double began, double ended);
  void note(std::int64_t step, double rate, const Evaluation& at, double seconds);
  static std::int64_t next_portion(std::int64_t steps, double seconds);
  void judge_from_outside(double now);
  bool is_certified(std::int64_t turn);
  bool is_overfitted(std::int64_t step);

  // Of run_state.cpp: checkpoints.
  void exchange_parameters(kernels::StateArchive& archive, std::vector<double>& parameters) const;
  void exchange_good_point(kernels::StateArchive& archive, GoodPoint& point) const;
  void exchange_state(kernels::StateArchive& archive);
  void resume(const std::string& state);
  void save(bool ended);
  void save_if_due();

  // Of run_rollback.cpp: divergence.
  void note_good_point();
  [[nodiscard]] bool goes_in_circles(const Evaluation& now) const;
  [[nodiscard]] bool has_risen(const Evaluation& now) const;
  bool rolls_back();

  // Of run_outcome.cpp: what is told.
  void put_back_best(Reason reason);
  [[nodiscard]] FitProgress describe(const kernels::ModelState& state) const;
  RunOutcome finish();
  [[nodiscard]] std::string inequality(Reason reason, const Evaluation& last) const;
  [[nodiscard]] double first_objective() const;

  kernels::Backend& backend_;
  const kernels::ModelPlan& model_;
  const FitPlan& plan_;
  const Scaling& scaling_;
  const RunLimits& limits_;
  const FitCallback& progress_;
  Clock::time_point start_ = Clock::now();
  double seconds_before_start_ = 0.0;  // of processes that the run goes on from
  StoppingState stopping_;
  GoodPoint start_point_;
  GoodPoint good_;
  std::int64_t rolled_back_to_ = -1;
  double largest_gradient_ = 0.0;  // at the points looked at
  std::int64_t next_certificate_ = 0;
  double validation_loss_ = std::numeric_limits<double>::quiet_NaN();  // at validated_step_
  std::int64_t validated_step_ = -1;
  double best_validation_loss_ = 0.0;  // at best_parameters_
  std::int64_t best_step_ = 0;
  std::vector<double> best_parameters_;
  std::vector<double> last_validated_;
  std::int64_t worse_turns_ = 0;
  std::vector<std::vector<kernels::StepRecord>> records_;
  RunOutcome outcome_;
};

}  // namespace steepest::train
