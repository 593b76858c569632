// SPDX-License-Identifier: Apache-2.0
// The optimum of quantile regression, and a proof of how near it is.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "kernels/backend.hpp"
#include "kernels/state_archive.hpp"
#include "src/train/certificate.hpp"
#include "src/train/checkpoint.hpp"
#include "src/train/run_loop.hpp"

namespace steepest::train {

/// Width of the first smoothing, in deviations of the target.
inline constexpr double widest_smoothing = 1.0;

/// A quantile regression on the data a backend holds. `plan` is in trained units; its rule and its
/// schedule's rate are those of the smoothing of width widest_smoothing.
struct QuantileRun {
  kernels::Backend& backend;
  const RowSource& data;  ///< targets and weights of the rows held; the features are the backend's
  const RowWeights& weights;
  const Scaling& scaling;
  const FitPlan& plan;
  double level = 0.5;
  const std::vector<double>& preconditioner;
  std::int64_t rows = 0;      ///< n
  std::int64_t features = 0;  ///< d
  bool intercept = true;
  CertifiedPoint point{};      ///< of the features: see describe_point()
  double max_seconds = 0.0;    ///< 0: none
  double tolerance_gap = 0.0;  ///< in the objective's units; 0: 1e-8 of the objective (fp64)

  /// As in RunLimits. Descents are saved in mid-way, the programs behind them between two
  /// iterations, each of which is a step for the interval of checkpoints.
  CheckpointFolder* checkpoints = nullptr;
  std::function<void(kernels::StateArchive&)> exchange_outer{};
  std::optional<std::string> resumed{};
};

/// Runs it to the end: descents on ever narrower smoothings of the loss, each from where the last
/// one ended (the history is theirs), then the linear or quadratic program of the rows whose error
/// may still change its sign, all others being linear (Portnoy and Koenker 1997), and again while a
/// sign was wrong. Its dual solution, one number in [level - 1, level] a row, is a lower bound on
/// the objective: the end is Reason::gap where the bound is within the tolerance, else
/// Reason::rounding. The gradient norm reported is that of the dual's epsilon-subgradient.
///
/// Memory: a number a row, and up to 40 million features. Ends early, without a bound, as
/// interrupted or by epochs or seconds. Deterministic.
[[nodiscard]] RunOutcome run_quantile_fit(const QuantileRun& run, const FitCallback& progress);

}  // namespace steepest::train
