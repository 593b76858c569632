// SPDX-License-Identifier: Apache-2.0
// A sweep: every combination of schedules, rates, batch sizes, rules and seeds, measured by its
// distance to the true optimum.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "steepest/fit.hpp"

namespace steepest {

/// A learning rate: a number, or a multiple of 1/L where L bounds the curvature of what a step of
/// the run's batch size sees.
struct SweepRate {
  double value = 1.0;           ///< > 0
  bool over_curvature = false;  ///< the rate is value / L
};

struct SweepOptions {
  std::vector<Schedule> schedules;        ///< their learning rates are not looked at
  std::vector<SweepRate> learning_rates;  ///< empty: 1/16 to 4 over L, in powers of 2
  std::vector<std::int64_t> batch_sizes;  ///< rows a step; 0: full batch. Empty: full batch
  std::vector<UpdateRule> rules;          ///< empty: that each schedule is for
  std::vector<std::uint64_t> seeds;       ///< empty: that of `problem`; full batch takes the first
  std::int64_t epochs = 10;               ///< of every run, >= 1
  std::int64_t most_points = 200;         ///< of a curve, >= 2

  /// Successive halving (Jamieson and Talwalkar 2016, arXiv 1502.07943): after an eighth, a quarter
  /// and half of the epochs, of what runs at each batch size, in whatever banks, the half with the
  /// higher objectives, medians over seeds, ends. It saves most of the work and misjudges schedules
  /// that fall late.
  bool prune = false;

  /// Folder where banks that wait for what `prune` decides lie in files without a name; empty: they
  /// wait in memory. A checkpoint holds all of them, and in memory while it is written.
  std::string cache_folder;

  /// Most score columns (outputs times models) of a bank, >= 1. On the CPU no result depends on it.
  std::int64_t bank_columns = 128;

  /// What is minimised, where and how exactly: loss, l2, l1, constraint, standardize, intercept,
  /// clip_norm, drop_constant, shuffle_rows, seed, device, threads, memory_bytes, precision, engine
  /// and checkpoint (whose steps are those of a bank) are taken from here. An automatic precision
  /// is fp64 on the CPU, because distances to an optimum need its digits.
  FitOptions problem;
};

/// One combination.
struct SweepCase {
  Schedule schedule;  ///< with the learning rate and the horizon it runs with
  UpdateRule rule;
  SweepRate rate;
  std::int64_t batch_size = 0;  ///< rows, n for full batch
  std::uint64_t seed = 0;
  std::int64_t bank = 0;  ///< cases of a bank share every read of the rows
};

/// What a sweep will do.
struct SweepPlan {
  std::vector<SweepCase> cases;  ///< rates over L still 0
  std::int64_t banks = 0;
  std::int64_t rows = 0;
  double passes = 0.0;             ///< reads of all rows by all banks, evaluations among them
  double passes_one_by_one = 0.0;  ///< of the same cases, each in a bank of its own
  std::vector<std::string> warnings;
};

/// A point of a run's curve. Full batch: the learning rate is that of the step from the point, else
/// of the step to it; at both ends it is that of the only step there is.
struct SweepPoint {
  std::int64_t step = 0;
  double epoch = 0.0;
  double seconds = 0.0;  ///< the run's share of its bank's time so far
  double learning_rate = 0.0;
  double objective = 0.0;  ///< on all training rows
  double validation_loss =
      0.0;  ///< mean loss on the validation rows; NaN where it was not measured

  /// Bytes of features that the run's steps have read, were it alone: what is stored of a row, for
  /// every row of every step; of second moments, 8 a number a step, after one read of all rows.
  /// Reads that only measure are left out.
  double bytes_read = 0.0;
};

struct SweepRun {
  SweepCase what;
  Reason reason = Reason::running;  ///< epochs: done; diverged; interrupted, also where pruned
  bool pruned = false;              ///< ended by SweepOptions::prune
  std::int64_t steps = 0;
  double epochs = 0.0;
  double seconds = 0.0;           ///< its share of the bank's time
  double final_objective = 0.0;   ///< where it diverged: the value that said so, perhaps not finite
  double best_objective = 0.0;    ///< the lowest it was seen at; infinite before it began
  double suboptimality = 0.0;     ///< final_objective - optimum, >= 0; not finite where it diverged
  double validation_loss = 0.0;   ///< of the last point, likewise
  std::vector<SweepPoint> curve;  ///< at most SweepOptions::most_points + 2
};

/// The smallest objective known.
struct SweepOptimum {
  double objective = 0.0;
  double gradient_max_norm = 0.0;
  bool converged = false;
  std::string method;            ///< one sentence: how it was found, and what says that it is one
  double validation_loss = 0.0;  ///< of the parameters found; NaN without validation rows
  double resolution = 0.0;       ///< suboptimalities below this are rounding
  double seconds = 0.0;
};

struct SweepResult {
  DeviceInfo device;
  Precision precision = Precision::fp64;
  Engine engine = Engine::automatic;  ///< that took the steps; automatic on the CPU
  std::string loss;
  double l2 = 0.0;
  double l1 = 0.0;
  Constraint constraint;
  double largest_curvature = 0.0;  ///< L of the whole objective, in the scale of training
  SweepPlan plan;
  SweepOptimum optimum;
  std::vector<SweepRun> runs;  ///< in the order of the plan
  double seconds = 0.0;
  bool interrupted = false;
  std::string resumed_from;  ///< the checkpoint it went on from; empty: none
  bool resumable = false;    ///< its folder holds a checkpoint of the sweep
  std::vector<std::string> warnings;
};

/// A run that has not diverged, and the lowest objective it was seen at.
struct SweepStanding {
  std::string what;  ///< described
  double objective = 0.0;
};

/// Where a sweep is.
struct SweepProgress {
  std::int64_t runs = 0;
  std::int64_t done = 0;
  std::int64_t diverged = 0;
  std::int64_t running = 0;
  std::int64_t pruned = 0;
  double fraction = 0.0;  ///< of the epochs of all runs
  std::string best;       ///< the run with the lowest objective so far, described; may be empty
  double best_objective = 0.0;
  double optimum = 0.0;
  std::vector<SweepStanding> leaders;  ///< the best runs so far, at most five, best first
};

/// Return false to stop: runs end as interrupted.
using SweepCallback = std::function<bool(const SweepProgress&)>;

/// Expands options to cases and banks. Schedules slowest, then rates, batch sizes, rules, seeds.
/// Throws OptionError for options that contradict each other or the data, InputError for data that
/// cannot be fitted.
[[nodiscard]] SweepPlan plan_sweep(const RowSource& data, const SweepOptions& options);

/// Runs a sweep. The cases that share batch size and seed are trained as one bank (or a few, where
/// one would be too wide), so that each batch is read once for all of them. On the CPU a run has
/// the bits it has alone, however cases are grouped and for any number of threads; on a GPU it
/// depends on the grouping to rounding, because the products of cuBLAS are cut by their shapes. A
/// run that diverges ends there and stops no other. `validation` rows, if any, have the schema of
/// the data; the mean loss on them is measured at the points of the curves. Takes both. Throws as
/// plan_sweep(), and DeviceError.
[[nodiscard]] SweepResult sweep(std::shared_ptr<RowSource> data, const SweepOptions& options,
                                const SweepCallback& progress = {},
                                const std::shared_ptr<RowSource>& validation = nullptr);

/// "cosine:minimum=0, nesterov:0.9, rate 0.125/L, batch 64, seed 1".
[[nodiscard]] std::string describe(const SweepCase& what, std::int64_t rows);

/// Evenly spaced in the logarithm, or on a line; count >= 1, 0 < low <= high.
[[nodiscard]] std::vector<double> spaced(double low, double high, std::int64_t count,
                                         bool logarithmic);

}  // namespace steepest
