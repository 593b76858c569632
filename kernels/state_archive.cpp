// SPDX-License-Identifier: Apache-2.0
#include "kernels/state_archive.hpp"

#include <fmt/format.h>

#include <limits>
#include <utility>

#include "steepest/error.hpp"

namespace steepest::kernels {

StateArchive StateArchive::reading(std::string_view bytes, std::string source) {
  StateArchive archive(true, bytes);
  archive.source_ = std::move(source);
  return archive;
}

void StateArchive::raw(void* value, std::size_t size) {
  if (size == 0) {  // of an empty vector there is no address
    return;
  }
  if (!is_reading_) {
    written_.append(static_cast<const char*>(value), size);
    return;
  }
  if (unread_.size() < size) {
    fail("it is cut off");
  }
  std::memcpy(value, unread_.data(), size);
  unread_.remove_prefix(size);
}

void StateArchive::exchange(bool& value) {
  std::int64_t number = value ? 1 : 0;
  exchange_in(number, 0, 1);
  value = number == 1;
}

void StateArchive::exchange(std::string& text) {
  auto size = static_cast<std::int64_t>(text.size());
  exchange_in(size, 0, is_reading_ ? bytes_behind_count() : size);
  if (is_reading_) {
    text.assign(unread_.substr(0, static_cast<std::size_t>(size)));
    unread_.remove_prefix(static_cast<std::size_t>(size));
  } else {
    written_.append(text);
  }
}

void StateArchive::exchange_in(std::int64_t& value, std::int64_t low, std::int64_t high) {
  std::int64_t number = value;
  plain(number);
  if (number < low || number > high) {
    fail(fmt::format(
        "it holds {} where {} was expected", number,
        low == high ? fmt::format("{}", low) : fmt::format("a number from {} to {}", low, high)));
  }
  value = number;
}

void StateArchive::exchange(double* values, std::int64_t count) {
  raw(values, static_cast<std::size_t>(count) * sizeof(double));
}

void StateArchive::expect_end() const {
  if (!unread_.empty()) {
    fail(fmt::format("{} bytes more than expected", unread_.size()));
  }
}

void StateArchive::fail(std::string_view what) const {
  throw InputError(fmt::format("{}: not a state this run can go on from: {}", source_, what));
}

void exchange_state(StateArchive& archive, Evaluation& at) {
  archive.exchange(at.mean_loss);
  archive.exchange(at.penalty);
  archive.exchange(at.gradient_max_norm);
  archive.exchange(at.step_max_norm);
}

void exchange_state(StateArchive& archive, StoppingState& stopping) {
  archive.exchange(stopping.started);
  archive.exchange(stopping.first_objective);
  archive.exchange(stopping.best_objective);
  archive.exchange(stopping.previous_best);
  archive.exchange(stopping.flat_evaluations);
  archive.exchange(stopping.short_steps);
}

void exchange_state(StateArchive& archive, ScheduleState& state) {
  constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max() / 2;
  archive.exchange(state.started);
  archive.exchange(state.best);
  archive.exchange(state.flat);
  archive.exchange(state.factor);
  archive.exchange(state.gradient_squares);
  archive.exchange(state.batches);
  archive.exchange_in(state.measured, 0, most);
  archive.exchange(state.rate);
  archive.exchange(state.ratio);
  archive.exchange(state.distance);
  archive.exchange(state.numerator);
  archive.exchange(state.first_square);
  archive.exchange(state.trying);
  archive.exchange_in(state.refusals, 0, most);
  archive.exchange(state.base_square);
  archive.exchange_in(state.known, 0, most);
  archive.exchange(state.objectives, ScheduleTerms::max_memory);
}

void exchange_state(StateArchive& archive, ModelState& state) {
  archive.exchange_in(state.step, 0, std::numeric_limits<std::int64_t>::max() / 2);
  archive.exchange(state.reason, Reason::validation);
  std::int64_t current = state.current;
  archive.exchange_in(current, 0, 1);
  state.current = static_cast<std::int32_t>(current);
  archive.exchange(state.learning_rate);
  archive.exchange(state.clock.s);
  archive.exchange(state.clock.velocity_factor);
  exchange_state(archive, state.stopping);
  exchange_state(archive, state.schedule);
  exchange_state(archive, state.at);
  archive.exchange(state.rule_steps);
  archive.exchange(state.averaged_weight);
  archive.exchange(state.reports_current);
  archive.exchange(state.returns_from_detour);
}

void exchange_state(StateArchive& archive, BankState& bank) {
  for (std::size_t k = 0; k < bank.states.size(); ++k) {
    exchange_state(archive, bank.states[k]);
    const bool has_other = searches(bank.plans[k].schedule.kind) || !bank.second.empty();
    if (!bank.states[k].reports_current && !has_other) {
      archive.fail("it reports a point that its rule does not have");
    }
    if (bank.states[k].schedule.trying && !searches(bank.plans[k].schedule.kind)) {
      archive.fail("it is at a trial that its schedule does not make");
    }
  }
  archive.exchange(bank.parameters[0]);
  archive.exchange(bank.parameters[1]);
  archive.exchange(bank.velocities);
  archive.exchange(bank.gradients);
  archive.exchange(bank.directions);
  archive.exchange(bank.second);
  archive.exchange(bank.old_points);
  archive.exchange(bank.old_gradients);
  for (Lbfgs& memory : bank.quasi_newton) {
    memory.exchange(archive);
  }
}

}  // namespace steepest::kernels
