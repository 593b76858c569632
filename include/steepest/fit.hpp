// SPDX-License-Identifier: Apache-2.0
// Fitting: a data set and options in, a model and an honest account of the run out.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "steepest/checkpoint.hpp"
#include "steepest/constraint.hpp"
#include "steepest/dataset.hpp"
#include "steepest/device.hpp"
#include "steepest/engine.hpp"
#include "steepest/inference.hpp"
#include "steepest/metrics.hpp"
#include "steepest/model.hpp"
#include "steepest/objective.hpp"
#include "steepest/path.hpp"
#include "steepest/precision.hpp"
#include "steepest/row_source.hpp"
#include "steepest/schedule.hpp"
#include "steepest/storage.hpp"
#include "steepest/termination.hpp"
#include "steepest/update_rule.hpp"

namespace steepest {

/// Options of a fit; nullopt and 0 mean automatic where so noted.
struct FitOptions {
  std::optional<RowLoss> loss;       ///< nullopt: squared for numbers, softmax for classes
  std::optional<double> l2;          ///< nullopt: 0 for numbers, 1 / sum of weights for classifiers
  double label_smoothing = 0.0;      ///< of classifiers, in [0, 1): see SoftmaxLoss
  double l1 = 0.0;                   ///< >= 0; coefficients become exactly 0
  Constraint constraint;             ///< on the coefficients reported
  std::optional<UpdateRule> rule;    ///< nullopt: lbfgs or accelerated (full batch), gradient
  std::optional<Schedule> schedule;  ///< nullopt: constant (full batch), cosine (mini-batch, adam)
  std::optional<double> learning_rate;  ///< nullopt: from the curvature, or of an adaptive rule

  /// Whether steps go along P g, P the inverse of a bound on the Hessian made once from the second
  /// moments of the features, instead of along the gradient g. nullopt: in full-batch runs with
  /// rule, schedule and rate automatic, where there are at most 2,000 features.
  std::optional<bool> precondition;

  double clip_norm = 0.0;  ///< gradients with a longer 2-norm are shortened to it; 0: never

  std::int64_t batch_size = 0;               ///< rows a step; 0: full batch
  std::int64_t epochs = 0;                   ///< budget; 0: 20,000 (full batch) or 100 (mini-batch)
  double max_seconds = 0.0;                  ///< budget of training since this start; 0: none
  std::optional<double> tolerance_gradient;  ///< nullopt: 1e-6 to 1e-8 of the target's deviation
  std::optional<double> tolerance_loss;
  std::optional<double> tolerance_step;
  double tolerance_gap = 0.0;  ///< converged when objective - optimum is proved to be no larger
  std::optional<std::int64_t> patience;
  bool standardize = true;
  bool intercept = true;

  /// Give constant columns the coefficient 0 instead of refusing them; without an intercept all but
  /// the first that is not 0, which stands for one.
  bool drop_constant = false;
  std::uint64_t seed = 0;
  bool shuffle_rows = false;  ///< one by one; otherwise short rows of large data go in small groups
  DeviceChoice device;
  int threads = 0;                                    ///< 0: every processor
  std::int64_t memory_bytes = std::int64_t{1} << 30;  ///< for rows that are streamed, > 0
  Precision precision = Precision::automatic;
  Storage storage = Storage::automatic;  ///< of features in memory
  Engine engine = Engine::automatic;     ///< of a GPU
  bool diagnostics = false;              ///< fill FitResult::diagnostics
  CheckpointOptions checkpoint;

  /// Standard errors, see Inference. Needs l2 = 0, which is then what nullopt stands for, and at
  /// most 5,000 coefficients; linear models need more rows (sum of weights) than coefficients.
  bool inference = false;

  /// Where training begins, instead of at 0: a model of the same features, targets and classes.
  std::shared_ptr<const Model> initial;

  /// Rows of the same schema that are not trained on; they are left as they are.
  std::shared_ptr<RowSource> validation;

  /// Ends a run as Reason::validation once the mean loss on `validation` has not been below its
  /// least so often in a row, counted in steps (full batch) or epochs (mini-batch), >= 1. That run,
  /// and one that a budget ends, keeps the point where it was least.
  std::optional<std::int64_t> stop_on_validation;

  /// Penalties to choose from instead of `l2`, each >= 0: by the mean loss on `validation`, or,
  /// with `folds` >= 2, by cross-validation. Then the model is fitted to all rows with the one
  /// picked.
  std::vector<double> l2_path;
  std::int64_t folds = 0;                ///< 0: none; at most 255. Made by seed, even over classes
  bool pick_one_standard_error = false;  ///< instead of the best: see PathResult
};

/// A point of a run's history: the objective on all rows, at every step of a full-batch run and at
/// the end of every epoch of a mini-batch run. `learning_rate` is that of the step from (full
/// batch) or to (mini-batch) the point.
struct HistoryPoint {
  std::int64_t step = 0;
  double epoch = 0.0;
  double seconds = 0.0;
  double learning_rate = 0.0;
  double mean_loss = 0.0;
  double penalty = 0.0;
  double gradient_max_norm = 0.0;
  double validation_loss = std::numeric_limits<double>::quiet_NaN();  ///< NaN: not measured
};

/// Where a run is, told to FitOptions' caller now and then.
struct FitProgress {
  std::int64_t step = 0;
  double epoch = 0.0;
  std::int64_t epochs = 0;  ///< the budget
  double objective = 0.0;
  double gradient_max_norm = 0.0;
  double gradient_tolerance = 0.0;
  double first_gradient_max_norm = 0.0;
};

/// Return false to stop the run: it ends as interrupted, with the model as it is.
using FitCallback = std::function<bool(const FitProgress&)>;

struct FitResult {
  Model model;
  DeviceInfo device;
  Precision precision = Precision::fp64;
  Storage storage = Storage::float32;  ///< of features during the last steps
  Engine engine = Engine::automatic;   ///< that took the steps; automatic on the CPU
  UpdateRule rule;
  bool preconditioned = false;
  bool normal_equations = false;  ///< steps took second moments, not rows; rows judged the end
  Schedule schedule;
  double largest_curvature =
      0.0;  ///< the bound L on the Hessian the automatic rate is from; 0: not needed
  std::int64_t batch_size = 0;
  Tolerances tolerances;  ///< in the units of the objective
  Evaluation at;          ///< of the final parameters on all training rows, objective's units
  Termination termination;
  std::optional<double> gap_bound;  ///< on objective - optimum: see docs/math.md
  std::string gap_note;             ///< why there is no bound; empty where there is one
  std::int64_t steps = 0;
  double epochs = 0.0;
  double train_seconds = 0.0;  ///< of the whole fit: statistics, preparation, steps, metrics
  std::vector<HistoryPoint> history;
  std::optional<LinearMetrics> linear;  ///< on the training rows
  std::optional<SoftmaxMetrics> softmax;
  std::string resumed_from;                ///< the checkpoint the run went on from; empty: none
  bool resumable = false;                  ///< its folder holds a checkpoint of the run
  std::optional<Inference> inference;      ///< where asked for, and the run was not cut short
  std::optional<PathResult> path;          ///< where asked for
  std::optional<Diagnostics> diagnostics;  ///< where it was asked for, on the training rows
  std::vector<std::string> warnings;       ///< one sentence each
};

/// Fits one model. Takes the data: features may be standardized in place.
/// Throws OptionError for options that contradict each other or the data, InputError for data that
/// cannot be fitted (a constant column, one class, as many classes as rows), DeviceError.
/// Ends as diverged, not by an exception, when the objective explodes at a rate the caller gave; an
/// automatic rate is halved and the run goes on from the last parameters known to be good.
///
/// With l1 or a constraint steps end in a proximal map, and what is called the gradient's norm is
/// that of the smallest subgradient: 0 exactly at an optimum.
[[nodiscard]] FitResult fit(Dataset data, const FitOptions& options,
                            const FitCallback& progress = {});

/// As above, of rows that may lie in files. A source in memory is used up; of any other, no more
/// than FitOptions::memory_bytes are held at a time, and the result is the same to the bit.
[[nodiscard]] FitResult fit(std::shared_ptr<RowSource> data, const FitOptions& options,
                            const FitCallback& progress = {});

}  // namespace steepest
