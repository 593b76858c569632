// SPDX-License-Identifier: Apache-2.0
// Compiled once for every instruction set by Highway; the best one is chosen at run time.
#include "kernels/update_elements.hpp"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/update_elements.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
// After foreach_target.h
#include <hwy/highway.h>

#include "kernels/element_ranges.hpp"
#include "kernels/tile_blocks-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace steepest::kernels::HWY_NAMESPACE {
namespace {

using D = Tag<double>;
using V = hn::VFromD<D>;

HWY_INLINE double total_of_parts(const GradientParts& parts, std::int64_t e) {
  double total = 0.0;
  for (std::int64_t p = 0; p < parts.partitions; ++p) {
    total += parts.first[p * parts.part + e];
  }
  return total * parts.scale;
}

// Coefficients [begin, end), no intercept among them.
HWY_INLINE void reduce_coefficients(const ModelPlan& plan, const GradientParts& parts,
                                    const ModelArrays& arrays, std::int64_t begin, std::int64_t end,
                                    UpdateSums& sums) {
  const D d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const V scale = hn::Set(d, parts.scale);
  const V l2 = hn::Set(d, plan.penalty.l2);
  const V half_l2 = hn::Set(d, 0.5 * plan.penalty.l2);
  V penalty = hn::Zero(d);
  V largest = hn::Zero(d);
  V squares = hn::Zero(d);
  std::int64_t e = begin;
  for (; e + lanes <= end; e += lanes) {
    V total = hn::LoadU(d, parts.first + e);
    for (std::int64_t p = 1; p < parts.partitions; ++p) {
      total = hn::Add(total, hn::LoadU(d, parts.first + p * parts.part + e));
    }
    const V parameter = hn::LoadU(d, arrays.now + e);
    const V gradient = hn::Add(hn::Mul(total, scale), hn::Mul(l2, parameter));
    hn::StoreU(gradient, d, arrays.gradient + e);
    penalty = hn::Add(penalty, hn::Mul(hn::Mul(half_l2, parameter), parameter));
    largest = hn::Max(largest, hn::Abs(gradient));
    squares = hn::Add(squares, hn::Mul(gradient, gradient));
  }
  UpdateSums part;
  part.penalty = hn::GetLane(hn::SumOfLanes(d, penalty));
  part.gradient_max = hn::GetLane(hn::MaxOfLanes(d, largest));
  part.gradient_square = hn::GetLane(hn::SumOfLanes(d, squares));
  for (; e < end; ++e) {
    arrays.gradient[e] =
        penalised_gradient(plan, false, total_of_parts(parts, e), arrays.now[e], {}, part);
  }
  sums.add(part);
}

// Any elements of a model whose subgradients are not its gradient.
HWY_INLINE void reduce_proximal(const ModelPlan& plan, const GradientParts& parts,
                                const ModelArrays& arrays, std::int64_t stride, std::int64_t begin,
                                std::int64_t end, UpdateSums& sums) {
  for (std::int64_t e = begin; e < end; ++e) {
    arrays.gradient[e] =
        penalised_gradient(plan, e % stride == stride - 1, total_of_parts(parts, e), arrays.now[e],
                           arrays.bound_of(e, stride), sums);
  }
}

}  // namespace

void reduce_on_target(const ModelPlan& plan, const GradientParts& parts, const ModelArrays& arrays,
                      std::int64_t stride, std::int64_t begin, std::int64_t end, UpdateSums& sums) {
  if (plan.is_proximal()) {
    reduce_proximal(plan, parts, arrays, stride, begin, end, sums);
    return;
  }
  while (begin < end) {
    const std::int64_t intercept = begin / stride * stride + stride - 1;
    const std::int64_t stop = std::min(end, intercept);
    reduce_coefficients(plan, parts, arrays, begin, stop, sums);
    begin = stop;
    if (begin < end) {
      arrays.gradient[begin] =
          penalised_gradient(plan, true, total_of_parts(parts, begin), arrays.now[begin], {}, sums);
      ++begin;
    }
  }
}

void step_on_target(const ModelPlan& plan, const StepFactors& factors, const ModelArrays& arrays,
                    std::int64_t begin, std::int64_t end, UpdateSums& sums) {
  const D d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  const V rate = hn::Set(d, factors.rate);
  const V keep = hn::Set(d, factors.momentum.velocity);
  const V look_ahead = hn::Set(d, factors.momentum.look_ahead);
  const V clip = hn::Set(d, factors.clip);
  const bool ahead = looks_ahead(plan.rule.kind);
  V farthest = hn::Zero(d);
  V uphill = hn::Zero(d);
  std::int64_t e = begin;
  for (; e + lanes <= end; e += lanes) {
    const V descent = hn::Mul(rate, hn::Mul(clip, hn::LoadU(d, arrays.direction + e)));
    const V velocity = hn::Sub(hn::Mul(keep, hn::LoadU(d, arrays.velocity + e)), descent);
    const V parameter = hn::LoadU(d, arrays.now + e);
    const V next = ahead ? hn::Sub(hn::Add(parameter, hn::Mul(look_ahead, velocity)), descent)
                         : hn::Add(parameter, velocity);
    hn::StoreU(velocity, d, arrays.velocity + e);
    hn::StoreU(next, d, arrays.next + e);
    farthest = hn::Max(farthest, hn::Abs(hn::Sub(next, parameter)));
    uphill = hn::Add(uphill, hn::Mul(hn::LoadU(d, arrays.gradient + e), velocity));
  }
  UpdateSums part;
  part.step_max = hn::GetLane(hn::MaxOfLanes(d, farthest));
  part.uphill = hn::GetLane(hn::SumOfLanes(d, uphill));
  double none = 0.0;
  for (; e < end; ++e) {
    arrays.next[e] =
        stepped_parameter(plan, factors, false, {}, arrays.gradient[e], arrays.direction[e],
                          arrays.now[e], arrays.velocity[e], none, part);
  }
  sums.add(part);
}

}  // namespace steepest::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace steepest::kernels {

HWY_EXPORT(reduce_on_target);
HWY_EXPORT(step_on_target);

ModelArrays::ModelArrays(BankState& bank, std::int64_t model, bool reported) {
  const std::int64_t offset = model * bank.shape.elements_per_model();
  const std::int32_t current = bank.states[static_cast<std::size_t>(model)].current;
  now = reported ? bank.reported_of(model) : bank.parameters_of(model);
  next = bank.parameters[1 - current].data() + offset;
  velocity = bank.velocities.data() + offset;
  gradient = bank.gradients.data() + offset;
  direction = bank.preconditioner.empty() ? gradient : bank.directions.data() + offset;
  second = bank.second.empty() ? nullptr : bank.second.data() + offset;
  old_point = bank.old_points.empty() ? nullptr : bank.old_points.data() + offset;
  old_gradient = bank.old_gradients.empty() ? nullptr : bank.old_gradients.data() + offset;
  bounds = bank.plans[static_cast<std::size_t>(model)].is_bounded ? bank.bounds.data() : nullptr;
}

void reduce_elements(const ModelPlan& plan, const GradientParts& parts, const ModelArrays& arrays,
                     std::int64_t stride, std::int64_t begin, std::int64_t end, UpdateSums& sums) {
  HWY_DYNAMIC_DISPATCH(reduce_on_target)(plan, parts, arrays, stride, begin, end, sums);
}

void step_elements(const ModelPlan& plan, const StepFactors& factors, const ModelArrays& arrays,
                   std::int64_t begin, std::int64_t end, UpdateSums& sums) {
  HWY_DYNAMIC_DISPATCH(step_on_target)(plan, factors, arrays, begin, end, sums);
}

void retreat(const ModelArrays& arrays, double rate, std::int64_t elements, ThreadPool& pool,
             double* to) {
  for_element_ranges(elements, pool, [&](std::int64_t begin, std::int64_t end, std::int64_t) {
    for (std::int64_t e = begin; e < end; ++e) {
      to[e] = arrays.old_point[e] - rate * arrays.old_gradient[e];
    }
  });
}

}  // namespace steepest::kernels
#endif  // HWY_ONCE
