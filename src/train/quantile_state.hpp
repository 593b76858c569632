// SPDX-License-Identifier: Apache-2.0
// Where the rounds of programs of a quantile fit are, between two iterations of one: what a
// checkpoint holds of them.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "kernels/state_archive.hpp"
#include "src/train/pinball_program.hpp"
#include "steepest/termination.hpp"

namespace steepest::train {

/// A round solves a program an output, and proves how near their solutions are.
struct QuantileState {
  static constexpr std::int64_t most_rounds = 8;

  std::int64_t round = 0;               ///< that runs, or is next
  std::int64_t count = 0;               ///< of rows in its programs, at most
  std::vector<PinballSolution> solved;  ///< its programs, by output
  std::optional<PinballIterations> at;  ///< of the next of them; empty: not begun
  std::int64_t iterations = 0;          ///< of all programs of all rounds
  bool is_over = false;                 ///< no round is left
  Reason end = Reason::running;         ///< why it ended before its last stage
  std::optional<double> as_held;  ///< gap proved by the last round, trained units: QuantileProof
  std::optional<double> as_came;  ///< likewise; empty where it is not known
  std::optional<double> subgradient;  ///< its largest element, trained units
};

/// Whether what a state holds of this output's program has its numbers of rows and parameters.
[[nodiscard]] bool is_of(const PinballProgram& program, std::int64_t output,
                         const QuantileState& state);

/// Both ways; throws InputError for a state that no fit with so many outputs leaves.
void exchange_state(kernels::StateArchive& archive, std::int64_t outputs, QuantileState& state);

}  // namespace steepest::train
