// SPDX-License-Identifier: Apache-2.0
#include "src/train/quantile_state.hpp"

#include <iterator>
#include <limits>

namespace steepest::train {
namespace {

using kernels::StateArchive;

void exchange(StateArchive& archive, std::optional<double>& value) {
  bool is_there = value.has_value();
  double number = value.value_or(0.0);
  archive.exchange(is_there);
  archive.exchange(number);
  value = is_there ? std::optional(number) : std::nullopt;
}

template <class Numbers>
void exchange_numbers(StateArchive& archive, Numbers& numbers) {
  std::vector<double> values(numbers.data(), numbers.data() + numbers.size());
  archive.exchange_all(values, [](StateArchive& part, double& value) { part.exchange(value); });
  numbers = Eigen::Map<const Numbers>(values.data(), std::ssize(values));
}

void exchange_parameters(StateArchive& archive, Eigen::VectorXd& parameters) {
  exchange_numbers(archive, parameters);
  if (archive.is_reading() && !parameters.allFinite()) {
    archive.fail("its programs have no parameters to go on from");
  }
}

void exchange_solution(StateArchive& archive, PinballSolution& solution) {
  exchange_parameters(archive, solution.parameters);
  exchange_numbers(archive, solution.duals);
  exchange_numbers(archive, solution.residual);
}

void exchange_iterations(StateArchive& archive, PinballIterations& at) {
  archive.exchange_in(at.done, 0, PinballIterations::most);
  archive.exchange_in(at.idle, 0, PinballIterations::most);
  archive.exchange(at.size);
  archive.exchange(at.best);
  exchange_parameters(archive, at.parameters);
  exchange_numbers(archive, at.above);
  exchange_numbers(archive, at.below);
  exchange_numbers(archive, at.duals);
  exchange_solution(archive, at.kept);
}

}  // namespace

bool is_of(const PinballProgram& program, std::int64_t output, const QuantileState& state) {
  const Eigen::Index rows = program.rows.rows();
  const Eigen::Index p = program.rows.cols();
  const auto fits = [&](const auto& at) {
    return at.parameters.size() == p && at.duals.size() == rows;
  };
  const auto fits_whole = [&](const PinballSolution& solution) {
    return fits(solution) && solution.residual.size() == p;
  };
  if (output < std::ssize(state.solved)) {
    return fits_whole(state.solved[static_cast<std::size_t>(output)]);
  }
  return !state.at || (fits(*state.at) && state.at->above.size() == rows &&
                       state.at->below.size() == rows && fits_whole(state.at->kept));
}

void exchange_state(StateArchive& archive, std::int64_t outputs, QuantileState& state) {
  archive.exchange_in(state.round, 0, QuantileState::most_rounds);
  archive.exchange_in(state.count, 0, std::numeric_limits<std::int64_t>::max() / 4);
  archive.exchange_all(state.solved, exchange_solution);
  if (std::ssize(state.solved) > outputs) {
    archive.fail("it has more programs than there are outputs");
  }
  bool is_begun = state.at.has_value();
  archive.exchange(is_begun);
  if (is_begun) {
    exchange_iterations(archive, archive.is_reading() ? state.at.emplace() : *state.at);
  }
  archive.exchange_in(state.iterations, 0, (state.round + 1) * outputs * PinballIterations::most);
  archive.exchange(state.is_over);
  archive.exchange(state.end, Reason::validation);
  exchange(archive, state.as_held);
  exchange(archive, state.as_came);
  exchange(archive, state.subgradient);
}

}  // namespace steepest::train
