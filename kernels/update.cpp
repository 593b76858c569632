// SPDX-License-Identifier: Apache-2.0
#include "kernels/update.hpp"

#include <algorithm>

#include "kernels/element_ranges.hpp"
#include "kernels/symmetric_product.hpp"
#include "kernels/update_elements.hpp"
#include "steepest/projection.hpp"

namespace steepest::kernels {
namespace {

// Fixed ranges of elements, on all threads; returns their sums added in order.
template <class Sums = UpdateSums, class Body>
Sums sum_over_elements(std::int64_t elements, ThreadPool& pool, Body body) {
  const std::int64_t ranges = element_ranges(elements);
  if (ranges == 1) {  // a small model's step allocates nothing
    Sums sums;
    body(0, elements, sums);
    return sums;
  }
  std::vector<Sums> sums(static_cast<std::size_t>(ranges));
  for_element_ranges(elements, pool, [&](std::int64_t begin, std::int64_t end, std::int64_t range) {
    body(begin, end, sums[static_cast<std::size_t>(range)]);
  });
  for (std::int64_t range = 1; range < ranges; ++range) {
    sums[0].add(sums[static_cast<std::size_t>(range)]);
  }
  return sums[0];
}

UpdateSums reduce_gradient(const Partials& partials, std::int64_t rows, std::int64_t model,
                           const ModelArrays& arrays, ThreadPool& pool, const BankState& bank) {
  const BankShape& shape = bank.shape;
  GradientParts parts;
  parts.first = partials.gradient.data() + model * shape.elements_per_model();
  parts.partitions = partials.partitions;
  parts.part = shape.elements();
  parts.scale = 1.0 / static_cast<double>(rows);
  return sum_over_elements(shape.elements_per_model(), pool,
                           [&](std::int64_t begin, std::int64_t end, UpdateSums& sums) {
                             reduce_elements(bank.plans[static_cast<std::size_t>(model)], parts,
                                             arrays, shape.stride(), begin, end, sums);
                           });
}

double mean_loss_of(const Partials& partials, std::int64_t rows, std::int64_t models,
                    std::int64_t model) {
  double total = 0.0;
  for (std::int64_t p = 0; p < partials.partitions; ++p) {
    total += partials.loss[static_cast<std::size_t>(p * models + model)];
  }
  return total / static_cast<double>(rows);
}

// out = P v for one model's vectors.
void precondition(const BankState& bank, std::int64_t model, const double* v, ThreadPool& pool,
                  double* out) {
  const std::int64_t stride = bank.shape.stride();
  if (bank.preconditioner.empty()) {
    std::copy_n(v, bank.shape.elements_per_model(), out);
  } else {
    symmetric_product(bank.preconditioner_of(model), stride, stride, v, bank.shape.outputs, stride,
                      pool, out);
  }
}

// What is left of the gradient of a model on the simplex, output by output.
double simplex_gradient_max(const BankState& bank, const ModelArrays& arrays) {
  const BankShape& shape = bank.shape;
  double largest = 0.0;
  for (std::int64_t o = 0; o < shape.outputs; ++o) {
    const auto d = static_cast<std::size_t>(shape.features);
    const std::int64_t first = o * shape.stride();
    largest = std::max(largest, simplex_subgradient_max({arrays.gradient + first, d},
                                                        {arrays.now + first, d}, bank.simplex));
  }
  return largest;
}

// A step in two halves, with the projection of every output onto the simplex between.
UpdateSums step_on_simplex(const ModelPlan& plan, const StepFactors& factors,
                           const ModelArrays& arrays, BankState& bank) {
  const BankShape& shape = bank.shape;
  UpdateSums sums;
  double none = 0.0;
  const auto second = [&](std::int64_t e) -> double& {
    return arrays.second == nullptr ? none : arrays.second[e];
  };
  for (std::int64_t e = 0; e < shape.elements_per_model(); ++e) {
    const bool is_intercept = e % shape.stride() == shape.features;
    arrays.next[e] = forward_point(plan, factors, is_intercept, arrays.direction[e], arrays.now[e],
                                   arrays.velocity[e], second(e))
                         .point;
  }
  for (std::int64_t o = 0; o < shape.outputs; ++o) {
    project_onto_weighted_simplex(
        {arrays.next + o * shape.stride(), static_cast<std::size_t>(shape.features)}, bank.simplex);
  }
  for (std::int64_t e = 0; e < shape.elements_per_model(); ++e) {
    arrays.next[e] = finished_step(plan, factors, arrays.next[e], arrays.now[e], arrays.velocity[e],
                                   second(e), sums);
  }
  return sums;
}

// Elements [begin, end) of a rule that steps in halves.
void step_in_halves(const ModelPlan& plan, const StepFactors& factors, const ModelArrays& arrays,
                    std::int64_t stride, std::int64_t begin, std::int64_t end, UpdateSums& sums) {
  double none = 0.0;
  for (std::int64_t e = begin; e < end; ++e) {
    arrays.next[e] = stepped_parameter(plan, factors, e % stride == stride - 1,
                                       arrays.bound_of(e, stride), arrays.gradient[e],
                                       arrays.direction[e], arrays.now[e], arrays.velocity[e],
                                       arrays.second == nullptr ? none : arrays.second[e], sums);
  }
}

UpdateSums take_step(const ModelPlan& plan, const StepFactors& factors, const ModelArrays& arrays,
                     ThreadPool& pool, BankState& bank) {
  if (plan.on_simplex) {
    return step_on_simplex(plan, factors, arrays, bank);
  }
  const bool in_halves = steps_in_halves(plan);
  return sum_over_elements(bank.shape.elements_per_model(), pool,
                           [&](std::int64_t begin, std::int64_t end, UpdateSums& part) {
                             if (in_halves) {
                               step_in_halves(plan, factors, arrays, bank.shape.stride(), begin,
                                              end, part);
                             } else {
                               step_elements(plan, factors, arrays, begin, end, part);
                             }
                           });
}

// What a schedule that finds its rate asks of all elements, after the gradient was reduced.
RateSums measure(const ModelPlan& plan, const ModelState& state, const ModelArrays& arrays,
                 double penalty, ThreadPool& pool, const BankShape& shape) {
  const FadingSum fading = fading_sum(plan.schedule, plan.rule, state.schedule, state.step);
  const bool alone = arrays.old_point == nullptr;
  RateSums sums = sum_over_elements<RateSums>(
      shape.elements_per_model(), pool, [&](std::int64_t begin, std::int64_t end, RateSums& part) {
        for (std::int64_t e = begin; e < end; ++e) {
          add_element(arrays.now[e], arrays.gradient[e], alone ? 0.0 : arrays.old_point[e],
                      alone ? 0.0 : arrays.old_gradient[e], fading, part);
        }
      });
  sums.penalty = penalty;
  return sums;
}

// A step whose rate is found from its gradient, or one back.
void update_at_found_rate(const ModelPlan& plan, UpdateMode mode, double mean_loss,
                          const ModelArrays& arrays, UpdateSums sums, ThreadPool& pool,
                          BankState& bank, ModelState& state) {
  const std::int64_t elements = bank.shape.elements_per_model();
  const RateSums measured = measure(plan, state, arrays, sums.penalty, pool, bank.shape);
  const RateChoice choice = choose_rate(plan, state, mean_loss, measured);
  const StepFactors factors = step_factors(plan, state, choice);
  if (choice.retreats) {
    retreat(arrays, choice.rate, elements, pool, arrays.next);
  } else {
    sums.add(take_step(plan, factors, arrays, pool, bank));
  }
  const std::int64_t measured_before = state.schedule.measured;
  const bool by_passes = plan.schedule.kind == ScheduleKind::sgd_bb;
  finish_update(plan, factors, mode, mean_loss, sums, state, &choice);
  if (choice.retreats || state.reason != Reason::running || arrays.old_point == nullptr) {
    return;
  }
  for_element_ranges(elements, pool, [&](std::int64_t begin, std::int64_t end, std::int64_t) {
    for (std::int64_t e = begin; e < end; ++e) {
      if (by_passes) {
        remember_of_pass(plan.schedule, measured_before, choice.fading, arrays.now[e],
                         arrays.gradient[e], arrays.old_point[e], arrays.old_gradient[e],
                         arrays.second[e]);
      } else {
        remember_element(plan.schedule, measured_before == 0, choice.fading, arrays.now[e],
                         arrays.gradient[e], arrays.old_point[e], arrays.old_gradient[e]);
      }
    }
  });
}

// One evaluation of a quasi-Newton run: the next point to evaluate, or the end. A point that was
// refused is not judged.
void quasi_newton_update(const ModelPlan& plan, double mean_loss, const ModelArrays& arrays,
                         UpdateSums sums, ThreadPool& pool, BankState& bank, std::int64_t model) {
  ModelState& state = bank.states[static_cast<std::size_t>(model)];
  Lbfgs& memory = bank.quasi_newton[static_cast<std::size_t>(model)];
  const StepFactors factors = step_factors(plan, state, mean_loss);
  const Evaluation now = evaluation_of(mean_loss, sums);
  const auto metric = [&](const double* v, double* out) {
    precondition(bank, model, v, pool, out);
  };
  bool goes_on = false;
  if (memory.takes(now, arrays.gradient, pool)) {
    sums.step_max =
        memory.propose(now, arrays.now, arrays.gradient, metric, factors.rate, pool, arrays.next);
    finish_update(plan, factors, UpdateMode::judged_step, mean_loss, sums, state);
    goes_on = memory.has_way() || state.reason != Reason::running;
  } else {
    goes_on = memory.propose_shorter(metric, factors.rate, pool, arrays.next);
    state.current = 1 - state.current;
    state.step += 1;
    state.at = now;
  }
  state.learning_rate = memory.length();
  if (!goes_on) {
    bank.stop(model, Reason::rounding);
  }
}

}  // namespace

BankState BankState::at_start(const BankShape& shape, std::vector<ModelPlan> plans,
                              const std::vector<double>& initial,
                              std::vector<double> preconditioner, double objective_rounding) {
  BankState bank;
  const auto elements = static_cast<std::size_t>(shape.elements());
  bank.shape = shape;
  bank.plans = std::move(plans);
  bank.states.resize(static_cast<std::size_t>(shape.models));
  bank.parameters[0] = initial.empty() ? std::vector<double>(elements, 0.0) : initial;
  bank.parameters[1].assign(elements, 0.0);
  bank.velocities.assign(elements, 0.0);
  bank.gradients.assign(elements, 0.0);
  bank.directions.assign(preconditioner.empty() ? 0 : elements, 0.0);
  const auto is_quasi_newton = [](const ModelPlan& plan) {
    return plan.rule.kind == RuleKind::lbfgs;
  };
  if (std::any_of(bank.plans.begin(), bank.plans.end(), is_quasi_newton)) {
    for (const ModelPlan& plan : bank.plans) {
      bank.quasi_newton.emplace_back(is_quasi_newton(plan) ? shape.elements_per_model() : 0,
                                     plan.rule.pairs, objective_rounding, plan.tolerances.patience);
    }
  }
  bank.preconditioner = std::move(preconditioner);
  const bool remembering =
      std::any_of(bank.plans.begin(), bank.plans.end(),
                  [](const ModelPlan& plan) { return remembers(plan.schedule.kind); });
  bank.old_points.assign(remembering ? elements : 0, 0.0);
  bank.old_gradients.assign(remembering ? elements : 0, 0.0);
  bank.set_first_elements();
  return bank;
}

void BankState::set_first_elements() {
  const bool any_second = std::any_of(plans.begin(), plans.end(),
                                      [](const ModelPlan& plan) { return plan.has_second(); });
  second.assign(any_second ? parameters[0].size() : 0, 0.0);
  const std::int64_t each = shape.elements_per_model();
  for (std::int64_t i = 0; i < shape.elements(); ++i) {
    const ModelPlan& plan = plans[static_cast<std::size_t>(i / each)];
    const auto e = static_cast<std::size_t>(i);
    velocities[e] = first_velocity(plan, parameters[0][e]);
    if (any_second) {
      second[e] = first_second(plan, parameters[0][e]);
    }
  }
}

void BankState::stop(std::int64_t model, Reason reason) {
  ModelState& state = states[static_cast<std::size_t>(model)];
  state.reason = reason;
  if (quasi_newton.empty() || reason == Reason::gap) {
    return;
  }
  const Lbfgs& memory = quasi_newton[static_cast<std::size_t>(model)];
  if (memory.taken() != nullptr) {  // what was proposed since has not proved better
    std::copy_n(memory.taken(), shape.elements_per_model(),
                parameters[state.current].data() + model * shape.elements_per_model());
    state.at = memory.at_taken();
  }
}

void update(const Partials& partials, std::int64_t rows, UpdateMode mode, ThreadPool& pool,
            BankState& bank) {
  for (std::int64_t model = 0; model < bank.shape.models; ++model) {
    ModelState& state = bank.states[static_cast<std::size_t>(model)];
    const ModelPlan& plan = bank.plans[static_cast<std::size_t>(model)];
    if (state.reason != Reason::running && mode != UpdateMode::evaluate) {
      continue;
    }
    const double mean_loss = mean_loss_of(partials, rows, bank.shape.models, model);
    const ModelArrays arrays(bank, model, mode == UpdateMode::evaluate);
    UpdateSums sums = reduce_gradient(partials, rows, model, arrays, pool, bank);
    if (plan.on_simplex) {
      sums.gradient_max = std::max(sums.gradient_max, simplex_gradient_max(bank, arrays));
    }
    if (mode == UpdateMode::judged_step && plan.rule.kind == RuleKind::lbfgs) {
      quasi_newton_update(plan, mean_loss, arrays, sums, pool, bank, model);
      continue;
    }
    if (mode != UpdateMode::evaluate && finds_rate(plan.schedule.kind)) {
      update_at_found_rate(plan, mode, mean_loss, arrays, sums, pool, bank, state);
      continue;
    }
    StepFactors factors = step_factors(plan, state, mean_loss);
    if (mode != UpdateMode::evaluate) {
      factors.clip = clip_factor(plan, sums.gradient_square);
      if (!bank.preconditioner.empty()) {
        precondition(bank, model, arrays.gradient, pool,
                     bank.directions.data() + model * bank.shape.elements_per_model());
      }
      sums.add(take_step(plan, factors, arrays, pool, bank));
    }
    finish_update(plan, factors, mode, mean_loss, sums, state);
  }
}

bool any_trial(const BankState& bank) {
  return std::any_of(bank.states.begin(), bank.states.end(), [](const ModelState& state) {
    return state.reason == Reason::running && state.schedule.trying;
  });
}

void settle_trials(const Partials& partials, std::int64_t rows, ThreadPool& pool, BankState& bank) {
  for (std::int64_t model = 0; model < bank.shape.models; ++model) {
    ModelState& state = bank.states[static_cast<std::size_t>(model)];
    if (state.reason != Reason::running || !state.schedule.trying) {
      continue;
    }
    const ModelPlan& plan = bank.plans[static_cast<std::size_t>(model)];
    const ModelArrays arrays(bank, model);
    const double penalty = reduce_gradient(partials, rows, model, arrays, pool, bank).penalty;
    const RateSums measured = measure(plan, state, arrays, penalty, pool, bank.shape);
    const double objective = mean_loss_of(partials, rows, bank.shape.models, model) + penalty;
    if (!schedules::is_low_enough(plan.schedule, state.schedule, objective, measured.old_gradient,
                                  plan.objective_rounding)) {
      const RateChoice choice = shorter_trial(plan.schedule, state.schedule, measured);
      const std::int64_t elements = bank.shape.elements_per_model();
      state.schedule = choice.after;
      state.learning_rate = choice.gives_up ? 0.0 : choice.rate;
      retreat(arrays, state.learning_rate, elements, pool,
              bank.parameters[state.current].data() + model * elements);
      if (!choice.gives_up) {
        continue;
      }
      state.schedule.rate = plan.schedule.learning_rate;  // another batch may know better
    }
    state.schedule.trying = false;
    state.reports_current = true;
  }
}

}  // namespace steepest::kernels
