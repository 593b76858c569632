// SPDX-License-Identifier: Apache-2.0
// Optima found before, so that a sweep on the same data need not look for them again.
#pragma once

#include <optional>
#include <string>

#include "src/train/checkpoint.hpp"
#include "src/train/held_data.hpp"
#include "steepest/sweep.hpp"

namespace steepest::train {

/// What the optimum of a problem depends on: its options, and a digest of the rows. Beside what
/// problem_identity() tells, the loss and its gradient on all rows at fixed parameters of no
/// pattern, to the bit: a pass over the rows. Starts a bank of its own on the backend.
[[nodiscard]] RunIdentity optimum_identity(RunIdentity problem, HeldData& held,
                                           const FitPlan& plan);

/// A folder of optima: $XDG_CACHE_HOME/steepest, or $HOME/.cache/steepest. A store that has no
/// folder, or cannot write to it, keeps nothing and says nothing.
class OptimumStore {
 public:
  /// Shorter searches are not worth a file.
  static constexpr double least_seconds = 0.5;

  OptimumStore();
  explicit OptimumStore(std::string folder) : folder_(std::move(folder)) {}

  /// Whether anything was ever kept: if not, no identity is worth its pass.
  [[nodiscard]] bool is_empty() const;

  /// The optimum kept for exactly this problem by this version of the program; its `seconds` are 0
  /// and `method` names the file.
  [[nodiscard]] std::optional<SweepOptimum> find(const RunIdentity& problem) const;

  /// Keeps an optimum that was converged to and took least_seconds at least.
  void keep(const RunIdentity& problem, const SweepOptimum& optimum) const;

 private:
  [[nodiscard]] std::string path_of(const RunIdentity& problem) const;

  std::string folder_;  // empty: none
};

}  // namespace steepest::train
