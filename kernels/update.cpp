// SPDX-License-Identifier: Apache-2.0
#include "kernels/update.hpp"

#include <algorithm>

#include "kernels/symmetric_product.hpp"
#include "kernels/update_elements.hpp"

namespace steepest::kernels {
namespace {

// Elements one task handles: fixed, so that sums over elements are added in the same order always.
constexpr std::int64_t elements_per_task = 8192;

// Fixed ranges of elements, on all threads; returns their sums added in order.
template <class Body>
UpdateSums sum_over_elements(std::int64_t elements, ThreadPool& pool, Body body) {
  const std::int64_t tasks = (elements + elements_per_task - 1) / elements_per_task;
  if (tasks <= 1) {  // a small model's step allocates nothing and wakes no thread
    UpdateSums sums;
    body(0, elements, sums);
    return sums;
  }
  std::vector<UpdateSums> sums(static_cast<std::size_t>(tasks));
  pool.for_each(tasks, [&](std::int64_t task, int /*worker*/) {
    const std::int64_t end = std::min(elements, (task + 1) * elements_per_task);
    body(task * elements_per_task, end, sums[static_cast<std::size_t>(task)]);
  });
  for (std::int64_t task = 1; task < tasks; ++task) {
    sums[0].add(sums[static_cast<std::size_t>(task)]);
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

}  // namespace

BankState BankState::at_start(const BankShape& shape, std::vector<ModelPlan> plans,
                              const std::vector<double>& initial,
                              std::vector<double> preconditioner) {
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
  bank.preconditioner = std::move(preconditioner);
  return bank;
}

void update(const Partials& partials, std::int64_t rows, UpdateMode mode, ThreadPool& pool,
            BankState& bank) {
  for (std::int64_t model = 0; model < bank.shape.models; ++model) {
    ModelState& state = bank.states[static_cast<std::size_t>(model)];
    const ModelPlan& plan = bank.plans[static_cast<std::size_t>(model)];
    if (state.reason != Reason::running && mode != UpdateMode::evaluate) {
      continue;
    }
    const StepFactors factors = step_factors(plan, state);
    const ModelArrays arrays(bank, model);
    UpdateSums sums = reduce_gradient(partials, rows, model, arrays, pool, bank);
    if (mode != UpdateMode::evaluate) {
      if (!bank.preconditioner.empty()) {
        const std::int64_t stride = bank.shape.stride();
        symmetric_product(bank.preconditioner.data(), stride, stride, arrays.gradient,
                          bank.shape.outputs, stride, pool,
                          bank.directions.data() + model * bank.shape.elements_per_model());
      }
      sums.add(sum_over_elements(bank.shape.elements_per_model(), pool,
                                 [&](std::int64_t begin, std::int64_t end, UpdateSums& part) {
                                   step_elements(plan, factors, arrays, begin, end, part);
                                 }));
    }
    finish_update(plan, factors, mode, mean_loss_of(partials, rows, bank.shape.models, model), sums,
                  state);
  }
}

}  // namespace steepest::kernels
