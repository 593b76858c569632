// SPDX-License-Identifier: Apache-2.0
// Descents one after another, each on another loss from where the last one ended: the way to a loss
// whose slope changes too fast for a first step by way of losses where it does not.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "kernels/backend.hpp"
#include "kernels/state_archive.hpp"
#include "src/train/checkpoint.hpp"
#include "src/train/run_loop.hpp"

namespace steepest::train {

/// What the descents have in common. `plan` is in trained units.
struct ContinuationPlan {
  kernels::Backend& backend;
  const FitPlan& plan;
  const Scaling& scaling;
  const std::vector<double>& preconditioner;
  bool intercept = true;
  double max_seconds = 0.0;  ///< of all in this start; 0: none
  std::int64_t features = 0;

  /// As in RunLimits: where each descent is saved, and the state to go on from, which is that of a
  /// descent or of what comes after them all.
  CheckpointFolder* checkpoints = nullptr;
  std::function<void(kernels::StateArchive&)> exchange_outer{};
  std::optional<std::string> resumed{};
};

class Continuation {
 public:
  /// Where there is a state to go on from, all is as it was then.
  Continuation(ContinuationPlan plan, const FitCallback& progress);

  /// No more descents come: those that were called for before are over in the state saved.
  void end_descents() { is_over_ = true; }
  [[nodiscard]] bool is_over() const { return is_over_; }

  /// For checkpoints, what is remembered between descents: see kernels/state_archive.hpp.
  void exchange_state(kernels::StateArchive& archive);

  /// Starts a bank of one on the backend at the parameters reached.
  void start(const RowLoss& loss, double rate, double gradient_tolerance = 0.0);

  /// Descends, or has descended before the state it goes on from was saved, until no derivative is
  /// above the tolerance, for at most 300 epochs. False when a budget of the whole, the caller or a
  /// divergence ended it: see reason().
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
  ContinuationPlan plan_;
  const FitCallback& progress_;
  kernels::ModelPlan model_;   // last started
  std::int64_t descents_ = 0;  // called for in this process
  std::int64_t descent_ = 0;   // that runs, or is next
  bool is_over_ = false;
  std::vector<double> parameters_;
  std::vector<HistoryPoint> history_;
  std::int64_t steps_ = 0;
  Reason reason_ = Reason::running;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace steepest::train
