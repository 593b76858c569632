// SPDX-License-Identifier: Apache-2.0
// The update of one model by one block of threads, from the gradient in its shared memory, by the
// arithmetic of kernels/update.hpp.
#pragma once

#include <cuda_runtime.h>

#include "kernels/block_model.cuh"
#include "kernels/update.hpp"
#include "kernels/warp.cuh"

namespace steepest::kernels {

// The members of a plan that an element's update reads, so that they stay in registers.
__device__ inline ModelPlan element_plan(const ModelPlan& plan) {
  ModelPlan kept;
  kept.rule = plan.rule;
  kept.schedule.kind = plan.schedule.kind;
  kept.penalty = plan.penalty;
  kept.has_intercept = plan.has_intercept;
  kept.is_bounded = plan.is_bounded;
  return kept;
}

// Whether factors hang on what the step's own rows say.
__device__ inline bool needs_batch(const ModelPlan& plan) {
  return finds_rate(plan.schedule.kind) || plan.schedule.kind == ScheduleKind::risk_adaptive;
}

// What one thread does for its block is kept out of line, or its registers would be everyone's.

// What all elements share in the step, as far as it is known before the batch.
__device__ inline __attribute__((noinline)) void prepare_factors(const ModelPlan& plan,
                                                                 BlockScratch& scratch) {
  const ModelState& state = scratch.state;
  if (finds_rate(plan.schedule.kind)) {
    scratch.fading = fading_sum(plan.schedule, plan.rule, state.schedule, state.step);
  } else if (!needs_batch(plan)) {
    scratch.factors = step_factors(plan, state, 0.0);
  }
}

// Numbers that phases of a step add up over the block.
enum GradientWord { loss_word, penalty_word, square_word, max_word, first_rate_word };
enum StepWord { uphill_word, step_max_word, mapping_max_word };

__device__ inline double larger(double one, double other) { return other > one ? other : one; }

// What one thread's elements say of the gradient. `loss` is the sum of its rows'.
template <int words, class T>
__device__ void measure_gradient(const ModelBlock<T>& block, double scale, double loss) {
  constexpr bool finds = words > first_rate_word;
  const ModelPlan plan = element_plan(block.plan);
  const FadingSum fading = finds ? block.scratch.fading : FadingSum{};
  const double* const points = block.array(BlockArray::parameters);
  const double* const old_points = block.array(BlockArray::old_points);
  const double* const old_gradients = block.array(BlockArray::old_gradients);
  const T* const gradients = block.gradient();
  UpdateSums sums;
  RateSums rate;
  for (ElementWalk at(block); at.element < block.elements(); at.advance()) {
    const double point = points[at.element];
    const Bound bound = plan.is_bounded ? block.bank.bounds[at.column] : Bound{};
    const double gradient =
        penalised_gradient(plan, at.is_intercept(),
                           static_cast<double>(gradients[at.element]) * scale, point, bound, sums);
    if constexpr (finds) {
      const bool alone = old_points == nullptr;
      add_element(point, gradient, alone ? 0.0 : old_points[at.element],
                  alone ? 0.0 : old_gradients[at.element], fading, rate);
    }
  }
  double all[words] = {loss, sums.penalty, sums.gradient_square, sums.gradient_max};
  if constexpr (finds) {
    const double found[] = {rate.point_square, rate.moved_square,  rate.moved_gradient,
                            rate.moved_change, rate.change_square, rate.old_gradient,
                            rate.old_square,   rate.fading_norm};
    for (int i = 0; i < 8; ++i) {
      all[first_rate_word + i] = found[i];
    }
  }
  block_totals(
      all,
      [](int word, double one, double other) {
        return word == max_word ? larger(one, other) : one + other;
      },
      block.scratch.parts, block.scratch.total);
}

__device__ inline RateSums rate_sums(const double* total) {
  const double* const found = total + first_rate_word;
  RateSums sums;
  sums.penalty = total[penalty_word];
  sums.gradient_square = total[square_word];
  sums.point_square = found[0];
  sums.moved_square = found[1];
  sums.moved_gradient = found[2];
  sums.moved_change = found[3];
  sums.change_square = found[4];
  sums.old_gradient = found[5];
  sums.old_square = found[6];
  sums.fading_norm = found[7];
  return sums;
}

// By one thread, from what measure_gradient() added up: the factors that had to wait for it, and
// whether there is a step to take.
__device__ inline __attribute__((noinline)) void decide_step(const ModelPlan& plan, double scale,
                                                             BlockScratch& scratch) {
  scratch.mean_loss = scratch.total[loss_word] * scale;
  scratch.sums = {};
  scratch.sums.penalty = scratch.total[penalty_word];
  scratch.sums.gradient_square = scratch.total[square_word];
  scratch.sums.gradient_max = scratch.total[max_word];
  if (finds_rate(plan.schedule.kind)) {
    scratch.choice =
        choose_rate<false>(plan, scratch.state, scratch.mean_loss, rate_sums(scratch.total));
    scratch.factors = step_factors(plan, scratch.state, scratch.choice);
  } else {
    if (needs_batch(plan)) {
      scratch.factors = step_factors(plan, scratch.state, scratch.mean_loss);
    }
    scratch.factors.clip = clip_factor(plan, scratch.sums.gradient_square);
  }
  const Evaluation now = evaluation_of(scratch.mean_loss, scratch.sums);
  scratch.steps =
      plan.has_detours() || (is_finite(now.objective()) && is_finite(now.gradient_max_norm));
}

// The gradient of the objective by an element, as measure_gradient() had it.
template <class T>
__device__ double gradient_at(const ModelPlan& plan, const ElementWalk& at, const T* gradients,
                              double scale, double point, const Bound& bound) {
  UpdateSums known;
  return penalised_gradient(plan, at.is_intercept(),
                            static_cast<double>(gradients[at.element]) * scale, point, bound,
                            known);
}

// What a schedule shall know of one thread's elements; before the step, which is made in place.
template <class T>
__device__ void remember_elements(const ModelBlock<T>& block, double scale) {
  const ModelPlan plan = element_plan(block.plan);
  const bool first = block.scratch.state.schedule.measured == 0;
  const FadingSum fading = block.scratch.choice.fading;
  const T* const gradients = block.gradient();
  const double* const points = block.array(BlockArray::parameters);
  double* const old_points = block.array(BlockArray::old_points);
  double* const old_gradients = block.array(BlockArray::old_gradients);
  for (ElementWalk at(block); at.element < block.elements(); at.advance()) {
    const double point = points[at.element];
    const double gradient = gradient_at(plan, at, gradients, scale, point,
                                        plan.is_bounded ? block.bank.bounds[at.column] : Bound{});
    remember_element(plan.schedule, first, fading, point, gradient, old_points[at.element],
                     old_gradients[at.element]);
  }
}

// One thread's elements of the step, and what they add up to.
template <class T>
__device__ void step_elements(const ModelBlock<T>& block, double scale) {
  const ModelPlan plan = element_plan(block.plan);
  const StepFactors factors = block.scratch.factors;
  const std::int64_t padding = block.data.pitch - block.stride;
  const T* const gradients = block.gradient();
  const double* const points = block.array(BlockArray::parameters);
  double* const next = block.next();
  double* const velocities = block.array(BlockArray::velocities);
  double* const seconds = block.array(BlockArray::second);
  T* const weights = block.weights();
  UpdateSums sums;
  if (block.scratch.steps) {
    for (ElementWalk at(block); at.element < block.elements(); at.advance()) {
      const double point = points[at.element];
      const Bound bound = plan.is_bounded ? block.bank.bounds[at.column] : Bound{};
      const double gradient = gradient_at(plan, at, gradients, scale, point, bound);
      double velocity = velocities[at.element];
      double second = seconds != nullptr ? seconds[at.element] : 0.0;
      const double stepped = stepped_parameter(plan, factors, at.is_intercept(), bound, gradient,
                                               gradient, point, velocity, second, sums);
      next[at.element] = stepped;
      velocities[at.element] = velocity;
      weights[at.element + at.output * padding] = static_cast<T>(stepped);
      if (seconds != nullptr) {
        seconds[at.element] = second;
      }
    }
  }
  double all[4] = {sums.uphill, sums.step_max, sums.mapping_max, 0.0};
  block_totals(
      all,
      [](int word, double one, double other) {
        return word == uphill_word ? one + other : larger(one, other);
      },
      block.scratch.parts, block.scratch.total);
}

// By one thread: ends the step. `record` is null in all ranks of a cluster but one.
__device__ inline __attribute__((noinline)) void finish_step(const ModelPlan& plan,
                                                             BlockScratch& scratch,
                                                             StepRecord* record) {
  const std::int64_t step = scratch.state.step;
  const std::int32_t current = scratch.state.current;
  scratch.sums.uphill = scratch.total[uphill_word];
  scratch.sums.step_max = scratch.total[step_max_word];
  scratch.sums.mapping_max = scratch.total[mapping_max_word];
  finish_update(plan, scratch.factors, UpdateMode::blind_step, scratch.mean_loss, scratch.sums,
                scratch.state, finds_rate(plan.schedule.kind) ? &scratch.choice : nullptr);
  if (!plan.has_detours()) {
    scratch.state.current = current;  // stepped in place
  }
  if (record != nullptr) {
    *record = {step, scratch.state.learning_rate, scratch.state.at};
  }
}

}  // namespace steepest::kernels
