// SPDX-License-Identifier: Apache-2.0
#include "kernels/line_trials.hpp"

#include <algorithm>

#include "kernels/update_elements.hpp"

namespace steepest::kernels {

bool searches_lines(const BankState& bank) {
  return bank.quasi_newton.empty() &&
         std::all_of(bank.plans.begin(), bank.plans.end(),
                     [](const ModelPlan& plan) { return searches(plan.schedule.kind); });
}

TrialLine trial_line_of(const BankState& bank, std::int64_t model) {
  const std::int64_t each = bank.shape.elements_per_model();
  const auto copy = [&](const std::vector<double>& all) {
    const auto first = all.begin() + model * each;
    return std::vector<double>(first, first + each);
  };
  return {copy(bank.old_points), copy(bank.old_gradients),
          bank.states[static_cast<std::size_t>(model)].learning_rate};
}

bool take_back_trial(const LineValue& value, std::int64_t model, ThreadPool& pool,
                     BankState& bank) {
  ModelState& state = bank.states[static_cast<std::size_t>(model)];
  const ModelPlan& plan = bank.plans[static_cast<std::size_t>(model)];
  const ModelArrays arrays(bank, model);
  const std::int64_t stride = bank.shape.stride();
  const std::int64_t elements = bank.shape.elements_per_model();
  RateSums sums;
  double slope = value.slope;
  for (std::int64_t e = 0; e < elements; ++e) {
    const double now = arrays.now[e];
    add_element(now, 0.0, arrays.old_point[e], 0.0, {}, sums);
    if (e % stride != bank.shape.features) {
      sums.penalty += plan.penalty.value(now);
      slope += plan.penalty.derivative(now) * arrays.old_gradient[e];
    }
  }
  if (schedules::is_low_enough(plan.schedule, state.schedule, value.mean_loss + sums.penalty, slope,
                               plan.objective_rounding)) {
    return false;
  }
  const RateChoice choice = shorter_trial(plan.schedule, state.schedule, sums);
  retreat(arrays, choice.rate, elements, pool, arrays.next);
  finish_retreat(choice, state);
  return true;
}

}  // namespace steepest::kernels
