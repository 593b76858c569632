// SPDX-License-Identifier: Apache-2.0
#include "kernels/moment_steps.hpp"

#include <algorithm>

namespace steepest::kernels {
namespace {

// Second moments take about as long as one pass over the rows for so many columns.
constexpr std::int64_t columns_a_pass = 16;

// An end, and the first of the evaluations that may become one by the loss's tolerance.
bool is_doubtful(const ModelPlan& plan, const ModelState& before, const ModelState& now) {
  const bool first_flat = plan.tolerances.loss > 0.0 && before.stopping.flat_evaluations == 0 &&
                          now.stopping.flat_evaluations > 0;
  return before.reason != now.reason || first_flat;
}

}  // namespace

bool moments_pay(std::int64_t columns, std::int64_t rows, std::int64_t passes) {
  return columns <= most_moment_columns && columns <= 2 * rows &&
         (columns + columns_a_pass - 1) / columns_a_pass <= passes;
}

bool takes_moments(const BankState& bank) {
  return bank.quasi_newton.empty() &&
         std::none_of(bank.plans.begin(), bank.plans.end(),
                      [](const ModelPlan& plan) { return finds_rate(plan.schedule.kind); });
}

std::vector<char> evaluate_on_moments(std::int64_t rows, ThreadPool& pool,
                                      NormalEquations& equations, BankState& bank,
                                      Partials& partials) {
  const std::vector<ModelState> before = bank.states;
  equations.pass(bank, true, pool, partials);
  update(partials, rows, UpdateMode::evaluate, pool, bank);
  std::vector<char> evaluated(before.size(), 0);
  for (std::size_t k = 0; k < before.size(); ++k) {
    if (before[k].reason == Reason::running && bank.states[k].reason == Reason::running &&
        !equations.faded(partials, static_cast<std::int64_t>(k))) {
      evaluated[k] = 1;
    } else {
      bank.states[k] = before[k];
    }
  }
  return evaluated;
}

void MomentSteps::step(const std::vector<ModelState>& before, std::int64_t rows,
                       const RowPass& row_pass, ThreadPool& pool, NormalEquations& equations,
                       BankState& bank, Partials& partials) {
  velocities_before_ = bank.velocities;
  second_before_ = bank.second;
  equations.pass(bank, false, pool, partials);
  doubtful_.clear();
  faded_.resize(before.size());
  for (std::size_t k = 0; k < before.size(); ++k) {
    faded_[k] = static_cast<char>(equations.faded(partials, static_cast<std::int64_t>(k)));
  }
  update(partials, rows, UpdateMode::judged_step, pool, bank);
  for (std::size_t k = 0; k < before.size(); ++k) {
    if (before[k].reason == Reason::running &&
        (faded_[k] != 0 || is_doubtful(bank.plans[k], before[k], bank.states[k]))) {
      doubtful_.push_back(static_cast<std::int64_t>(k));
    }
  }
  if (!doubtful_.empty()) {
    step_on_rows(before, rows, row_pass, pool, equations, bank, partials);
  }
}

void MomentSteps::step_on_rows(const std::vector<ModelState>& before, std::int64_t rows,
                               const RowPass& row_pass, ThreadPool& pool,
                               NormalEquations& equations, BankState& bank, Partials& partials) {
  std::vector<ModelState> kept = bank.states;
  for (ModelState& state : bank.states) {
    state.reason = Reason::interrupted;  // sits this update out
  }
  const std::int64_t each = bank.shape.elements_per_model();
  for (const std::int64_t k : doubtful_) {
    const auto model = static_cast<std::size_t>(k);
    bank.states[model] = before[model];
    std::copy_n(velocities_before_.begin() + k * each, each, bank.velocities.begin() + k * each);
    if (!bank.second.empty()) {
      std::copy_n(second_before_.begin() + k * each, each, bank.second.begin() + k * each);
    }
  }
  row_pass(doubtful_);
  for (const std::int64_t k : doubtful_) {
    equations.anchor(bank, partials, k);
  }
  update(partials, rows, UpdateMode::judged_step, pool, bank);
  for (const std::int64_t k : doubtful_) {
    kept[static_cast<std::size_t>(k)] = bank.states[static_cast<std::size_t>(k)];
  }
  bank.states = std::move(kept);
}

}  // namespace steepest::kernels
