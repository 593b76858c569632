// SPDX-License-Identifier: Apache-2.0
// Descents one after another, each on another loss from where the last one ended: the way to a loss
// whose slope changes too fast for a first step by way of losses where it does not.
#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

#include "kernels/backend.hpp"
#include "src/train/run_loop.hpp"

namespace steepest::train {

/// What the descents have in common. `plan` is in trained units.
struct ContinuationPlan {
  kernels::Backend& backend;
  const FitPlan& plan;
  const Scaling& scaling;
  const std::vector<double>& preconditioner;
  bool intercept = true;
  double max_seconds = 0.0;  ///< of all; 0: none
};

class Continuation {
 public:
  Continuation(const ContinuationPlan& plan, const FitCallback& progress)
      : plan_(plan), progress_(progress) {}

  /// Starts a bank of one on the backend at the parameters reached.
  void start(const RowLoss& loss, double rate, double gradient_tolerance = 0.0);

  /// Descends until no derivative is above the tolerance, for at most 300 epochs. False when a
  /// budget of the whole, the caller or a divergence ended it: see reason().
  [[nodiscard]] bool descend(const RowLoss& loss, double rate, double gradient_tolerance);

  [[nodiscard]] Reason reason() const { return reason_; }
  [[nodiscard]] const std::vector<double>& parameters() const { return parameters_; }
  void set_parameters(std::vector<double> parameters) { parameters_ = std::move(parameters); }
  [[nodiscard]] std::int64_t steps() const { return steps_; }
  void count_step() { ++steps_; }
  [[nodiscard]] double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

  /// Of all descents: each evaluation is that of the loss it was made with.
  [[nodiscard]] std::vector<HistoryPoint>& history() { return history_; }

 private:
  const ContinuationPlan plan_;
  const FitCallback& progress_;
  kernels::ModelPlan model_;  // last started
  std::vector<double> parameters_;
  std::vector<HistoryPoint> history_;
  std::int64_t steps_ = 0;
  Reason reason_ = Reason::running;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace steepest::train
