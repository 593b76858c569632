// SPDX-License-Identifier: Apache-2.0
// What a run does about divergence: notes good points, and goes back to them.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <variant>

#include "src/train/run.hpp"

namespace steepest::train {

// At the same steps in every run: ends of epochs, or every so many steps. A point is good while
// the objective falls.
void Run::note_good_point() {
  const kernels::ModelState state = backend_.state(0);
  constexpr double rounding = 1e-6;
  const std::int64_t every = plan_.full_batch ? steps_between_good : plan_.steps_per_epoch;
  if (!limits_.restart || state.reason != Reason::running || state.step % every != 0) {
    return;
  }
  if (state.step == 0) {
    start_point_.parameters = backend_.parameters(0);
    good_ = start_point_;
    return;
  }
  if (state.step <= good_.step) {
    return;
  }
  const double gradient = state.at.gradient_max_norm;
  largest_gradient_ = std::max(largest_gradient_, gradient);
  const bool falls =
      state.at.objective() <= good_.objective + rounding * std::fabs(good_.objective);
  if (plan_.full_batch && std::holds_alternative<PoissonLoss>(plan_.loss) &&
      !finds_rate(plan_.schedule.kind) &&
      (!falls || goes_in_circles(state.at) || has_risen(state.at))) {
    // Its curvature has no bound: steps may be too long for good without ever exploding.
    backend_.stop(0, Reason::diverged);
  } else if (falls) {
    good_ = {backend_.parameters(0), state.step, state.at.objective(), gradient};
  }
}

// Far from an optimum, neither the objective nor the gradient has fallen since the last good
// point.
bool Run::goes_in_circles(const Evaluation& now) const {
  constexpr double same = 0.9;
  constexpr double far = 1e-3;
  return now.objective() >= good_.objective * (1.0 - 1e-9) &&
         now.gradient_max_norm >= same * good_.gradient &&
         now.gradient_max_norm >= far * largest_gradient_;
}

// Steps that are too long swing about the optimum, high above where they have been.
bool Run::has_risen(const Evaluation& now) const {
  constexpr double much = 1e-3;
  double lowest = now.objective();
  for (const HistoryPoint& point : outcome_.history) {
    lowest = std::min(lowest, (point.mean_loss + point.penalty) / scaling_.loss_unit());
  }
  return !is_adaptive(plan_.rule.kind) && now.objective() > lowest + much * std::fabs(lowest);
}

// A second time from the same point, it was not good after all.
bool Run::rolls_back() {
  if (backend_.state(0).reason != Reason::diverged || !limits_.restart) {
    return false;
  }
  if (good_.step == rolled_back_to_) {
    good_ = start_point_;
  }
  rolled_back_to_ = good_.step;
  if (!limits_.restart(good_.parameters, good_.step)) {
    return false;
  }
  const auto later = [this](const HistoryPoint& point) {
    return point.step > good_.step || (plan_.full_batch && point.step == good_.step);
  };
  std::erase_if(outcome_.history, later);
  stopping_ = {};
  return true;
}

}  // namespace steepest::train
