// SPDX-License-Identifier: Apache-2.0
#include "kernels/update.hpp"

#include <algorithm>

namespace steepest::kernels {
namespace {

// Elements one task handles: fixed, so that sums over elements are added in the same order always.
constexpr std::int64_t elements_per_task = 8192;

UpdateSums update_range(const Partials& partials, std::int64_t rows, UpdateMode mode,
                        std::int64_t model, std::int64_t begin, std::int64_t end,
                        const StepFactors& factors, BankState& bank) {
  const BankShape& shape = bank.shape;
  const ModelPlan& plan = bank.plans[static_cast<std::size_t>(model)];
  const ModelState& state = bank.states[static_cast<std::size_t>(model)];
  const std::int64_t offset = model * shape.elements_per_model();
  const double* now = bank.parameters[state.current].data() + offset;
  double* next = bank.parameters[1 - state.current].data() + offset;
  double* velocity = bank.velocities.data() + offset;
  const double scale = 1.0 / static_cast<double>(rows);
  UpdateSums sums;
  for (std::int64_t e = begin; e < end; ++e) {
    double total = 0.0;
    for (std::int64_t p = 0; p < partials.partitions; ++p) {
      total += partials.gradient[static_cast<std::size_t>(p * shape.elements() + offset + e)];
    }
    const bool is_intercept = e % shape.stride() == shape.features;
    const double after =
        update_element(plan, factors, mode, is_intercept, total * scale, now[e], velocity[e], sums);
    if (mode != UpdateMode::evaluate) {
      next[e] = after;
    }
  }
  return sums;
}

double mean_loss_of(const Partials& partials, std::int64_t rows, std::int64_t models,
                    std::int64_t model) {
  double total = 0.0;
  for (std::int64_t p = 0; p < partials.partitions; ++p) {
    total += partials.loss[static_cast<std::size_t>(p * models + model)];
  }
  return total / static_cast<double>(rows);
}

}  // namespace

BankState BankState::at_start(const BankShape& shape, std::vector<ModelPlan> plans,
                              const std::vector<double>& initial) {
  BankState bank;
  const auto elements = static_cast<std::size_t>(shape.elements());
  bank.shape = shape;
  bank.plans = std::move(plans);
  bank.states.resize(static_cast<std::size_t>(shape.models));
  bank.parameters[0] = initial.empty() ? std::vector<double>(elements, 0.0) : initial;
  bank.parameters[1].assign(elements, 0.0);
  bank.velocities.assign(elements, 0.0);
  return bank;
}

void update(const Partials& partials, std::int64_t rows, UpdateMode mode, ThreadPool& pool,
            BankState& bank) {
  const std::int64_t elements = bank.shape.elements_per_model();
  const std::int64_t tasks = (elements + elements_per_task - 1) / elements_per_task;
  std::vector<UpdateSums> sums(static_cast<std::size_t>(tasks));
  for (std::int64_t model = 0; model < bank.shape.models; ++model) {
    ModelState& state = bank.states[static_cast<std::size_t>(model)];
    const ModelPlan& plan = bank.plans[static_cast<std::size_t>(model)];
    if (state.reason != Reason::running && mode != UpdateMode::evaluate) {
      continue;
    }
    const StepFactors factors = step_factors(plan, state);
    pool.for_each(tasks, [&](std::int64_t task, int /*worker*/) {
      const std::int64_t begin = task * elements_per_task;
      const std::int64_t end = std::min(elements, begin + elements_per_task);
      sums[static_cast<std::size_t>(task)] =
          update_range(partials, rows, mode, model, begin, end, factors, bank);
    });
    for (std::int64_t task = 1; task < tasks; ++task) {
      sums[0].add(sums[static_cast<std::size_t>(task)]);
    }
    finish_update(plan, factors, mode, mean_loss_of(partials, rows, bank.shape.models, model),
                  sums[0], state);
  }
}

}  // namespace steepest::kernels
