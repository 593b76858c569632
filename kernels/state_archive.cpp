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
  archive.exchange(state.schedule.started);
  archive.exchange(state.schedule.best);
  archive.exchange(state.schedule.flat);
  archive.exchange(state.schedule.factor);
  archive.exchange(state.schedule.gradient_squares);
  archive.exchange(state.schedule.batches);
  exchange_state(archive, state.at);
  archive.exchange(state.rule_steps);
  archive.exchange(state.averaged_weight);
  archive.exchange(state.reports_current);
  archive.exchange(state.returns_from_detour);
}

void exchange_state(StateArchive& archive, BankState& bank) {
  for (ModelState& state : bank.states) {
    exchange_state(archive, state);
    if (!state.reports_current && bank.second.empty()) {
      archive.fail("it reports a point that its rule does not have");
    }
  }
  archive.exchange(bank.parameters[0]);
  archive.exchange(bank.parameters[1]);
  archive.exchange(bank.velocities);
  archive.exchange(bank.gradients);
  archive.exchange(bank.directions);
  archive.exchange(bank.second);
  for (Lbfgs& memory : bank.quasi_newton) {
    memory.exchange(archive);
  }
}

}  // namespace steepest::kernels
