// SPDX-License-Identifier: Apache-2.0
// Vector and matrix scaling: calibration with a factor a class, or a matrix, and intercepts.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "steepest/calibrate.hpp"
#include "steepest/score_scaling.hpp"

namespace steepest {

struct AffineOptions {
  ScalingMethod method = ScalingMethod::matrix;  ///< vector or matrix

  /// lambda >= 0 of the penalty lambda / (K (K - 1)) sum_{i != j} W_ij^2 + lambda / K sum_k b_k^2
  /// on the mean NLL (ODIR: Kull, Perello-Nieto, Kaengsepp, Silva Filho, Song, Flach 2019, "Beyond
  /// temperature scaling", section 3; one lambda for both). The diagonal goes free. nullopt: the
  /// one of 8 powers of ten, 10^4 to 10^-3, with the least NLL on the rows held out.
  std::optional<double> penalty;

  /// Share of the rows, chosen by the seed, that the penalty is chosen on, in (0, 1).
  double valid_fraction = 0.2;

  /// Input, bad rows, storage, threads, device and seed. Its curve, and of its bootstrap the
  /// interval of T and of the ECE before, are those of the temperature. A smoothing is refused.
  CalibrationOptions temperature;
};

/// One penalty tried.
struct PenaltyTrial {
  double penalty = 0.0;
  double nll = 0.0;  ///< mean, on the rows held out
  std::int64_t passes = 0;
  bool converged = false;
};

/// NLL of rows held out, all of scalings fitted to the other rows.
struct HeldOutNll {
  std::int64_t rows = 0;
  double before = 0.0;       ///< of the logits as they are
  double temperature = 0.0;  ///< scaled by the temperature
  double affine = 0.0;       ///< by the vector or matrix with the penalty chosen

  /// Whether the larger scaling is worse than the temperature where it was not fitted.
  [[nodiscard]] bool overfits() const { return affine > temperature; }
};

struct AffineCalibration {
  ScoreScaling scaling;     ///< fitted to all rows
  Calibration temperature;  ///< of all rows: where the search starts
  double penalty = 0.0;
  std::vector<PenaltyTrial> trials;    ///< descending penalties; empty where it was given
  std::optional<HeldOutNll> held_out;  ///< where it was chosen
  CalibrationMetrics after;            ///< of all rows

  /// Of a bootstrap, where asked for: the scaling stays what it is, rows are drawn.
  std::optional<BootstrapInterval> ece_after;
  double gradient_max_norm = 0.0;  ///< at the end, of the objective by the scaled parameters
  double gradient_tolerance = 0.0;
  bool converged = false;
  std::int64_t passes = 0;  ///< over the rows, of the last search
  DeviceInfo device;
  std::vector<std::string> warnings;  ///< one sentence each, those of the temperature left out
};

/// Minimises mean NLL + penalty from the temperature's solution by L-BFGS; the objective is convex.
/// Loads all rows as float32. A matrix takes the losses and gradients of the trainer's own backend,
/// on the device asked for; a vector is computed on the CPU, in double.
///
/// Throws OptionError for K > 2,000 classes with a matrix, a smoothing, or a fraction or penalty
/// out of range; InputError where the temperature has no solution, for masked classes (-inf), and
/// where rows do not fit the storage's memory; otherwise as calibrate_temperature().
[[nodiscard]] AffineCalibration calibrate_affine(const LogitRows& rows,
                                                 const AffineOptions& options,
                                                 const ReadProgress& progress = {});

/// Rows as a scaling leaves them, read from `rows`, which must outlive it, as float64. Reading a
/// row with a masked class (-inf) through a matrix throws InputError.
[[nodiscard]] std::unique_ptr<LogitRows> scaled_logits(const LogitRows& rows, ScoreScaling scaling);

}  // namespace steepest
