// SPDX-License-Identifier: Apache-2.0
// The one virtual interface: hold this data, run these steps, give me the state. The inner loop
// belongs to the backend, so that a GPU runs thousands of steps without a word from the host.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "kernels/bank.hpp"
#include "steepest/device.hpp"
#include "steepest/engine.hpp"
#include "steepest/feature_matrix.hpp"
#include "steepest/objective.hpp"
#include "steepest/precision.hpp"
#include "steepest/proximal.hpp"
#include "steepest/row_source.hpp"
#include "steepest/storage.hpp"

namespace steepest::kernels {

class StateArchive;

/// Rows as they are trained on, owned by the backend once held.
struct TrainingData {
  FeatureMatrix features;            ///< (n, d), in the units of the input
  std::vector<double> mean;          ///< d: subtracted from each feature
  std::vector<double> scale;         ///< d: then divided by, > 0
  std::vector<double> targets;       ///< (n, C) row-major, already scaled; or empty
  std::vector<std::int32_t> labels;  ///< n in [0, classes); or empty
  std::vector<double> weights;       ///< n with mean 1, or empty for all 1

  /// Whether every feature is a whole number from 0 to 255. Their means and scales are such as
  /// byte_mean and byte_scale give.
  bool bytes = false;
  Storage storage = Storage::automatic;  ///< uint8 only where `bytes`
};

/// Rows that are read anew for every pass, because they do not all fit in memory.
struct StreamedData {
  std::shared_ptr<const RowSource> rows;
  std::vector<double> mean;         ///< d: subtracted from each feature
  std::vector<double> scale;        ///< d: then divided by, > 0
  std::vector<double> target_mean;  ///< C, of regression: subtracted from each target
  double target_scale = 1.0;        ///< then divided by, > 0
  bool bytes = false;               ///< see TrainingData
  double weight_mean = 0.0;         ///< what weights are divided by; 0: all rows count alike
  std::int64_t memory_bytes = 0;    ///< most that buffers may take
};

/// Which rows a model of a bank sees.
struct RowMask {
  std::int32_t fold = -1;  ///< -1: all rows
  bool only = false;       ///< the rows of `fold` alone, instead of all others

  /// Weights of the rows seen are multiplied by it, so that their sum over all n rows is n.
  double weight = 1.0;

  [[nodiscard]] bool sees(std::int32_t fold_of_row) const {
    return fold < 0 || (fold_of_row == fold) == only;
  }
};

/// What to train on the data held.
struct BankPlan {
  RowLoss loss;
  std::int64_t outputs = 1;       ///< score columns a model, C
  std::vector<ModelPlan> models;  ///< K
  std::int64_t batch_size = 0;    ///< rows a step; n or more means full batch
  std::uint64_t seed = 0;         ///< of the row order
  std::int64_t together = 1;      ///< neighbours that it keeps together, see RowOrder
  std::vector<double> initial;    ///< (columns, d + 1) within bounds, or empty for zeros
  std::int64_t most_steps = 0;    ///< that will be asked for: does work done once pay?

  /// Whether squared loss may be stepped (full batch) or evaluated between epochs (mini-batches) on
  /// second moments instead of on rows, where that is cheaper. What a run ends with is evaluated on
  /// the rows all the same.
  bool allow_normal_equations = true;

  /// P, (d + 1, d + 1) symmetric positive semidefinite: each output's gradient g moves the
  /// parameters along P g instead of g. Empty: along g. On the CPU there may be M of them, one
  /// after the other, M a divisor of K: model k takes number k * M / K.
  std::vector<double> preconditioner;

  /// (d + 1): of each output's parameters, for models that are bounded. Empty: none.
  std::vector<Bound> bounds;

  /// a, d long, > 0, for models on the simplex: each output's coefficients b satisfy b >= 0 and
  /// sum_j a_j b_j = 1. Empty: none. CPU, and host_steps.hpp.
  std::vector<double> simplex;

  /// Step that the run starts at, as one that goes on does; velocities and means start from 0.
  std::int64_t first_step = 0;

  /// Full batch on the CPU only: the fold of every row (n), and the rows each model sees (K). Both
  /// empty: every model sees all rows.
  std::shared_ptr<const std::vector<std::uint8_t>> folds;
  std::vector<RowMask> masks;
};

/// A mean loss over all rows, and its gradient: (C, d + 1).
struct LossAndGradient {
  double mean_loss = 0.0;
  std::vector<double> gradient;
};

/// A mean loss on a line of parameters, and the inner product of its gradient with the direction.
struct LineValue {
  double mean_loss = 0.0;
  double slope = 0.0;
};

class Backend {
 public:
  Backend() = default;
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;
  virtual ~Backend() = default;

  [[nodiscard]] virtual DeviceInfo device() const = 0;

  /// That of the steps: fp64, fp32, or of a GPU tf32 and bf16.
  [[nodiscard]] virtual Precision precision() const = 0;

  /// How features are held at the moment.
  [[nodiscard]] virtual Storage storage() const { return Storage::float32; }

  /// What takes the steps of a GPU; automatic on the CPU.
  [[nodiscard]] virtual Engine engine() const { return Engine::automatic; }

  /// Takes the data; all that follows sees it standardized: x <- (x - mean) / scale, rounded to
  /// float32, or to bfloat16 where that is asked for.
  virtual void hold(TrainingData data) = 0;

  /// As hold(TrainingData) of the same rows, with the same results to the bit, but reads them from
  /// their source: for every pass (CPU), or once into the device's memory (CUDA).
  virtual void hold(StreamedData data) = 0;

  /// out = S v / n for the second moment S = [X 1]^T diag(w) [X 1] of the data held; v and out are
  /// d + 1 long, the last element being the intercept's. Without intercept it is left out (0).
  virtual void second_moment_product(bool intercept, const double* v, double* out) = 0;

  /// S / n over `sample` rows chosen by a fixed shuffle (all of them when there are no more):
  /// (d + 1, d + 1), see kernels/second_moment.hpp.
  [[nodiscard]] virtual std::vector<double> second_moment(std::int64_t sample) = 0;

  /// Second moments of [x 1 y] over all rows, summed in double and divided by n, of data with
  /// numeric targets: (d + 1 + C, d + 1 + C), symmetric to the bit.
  [[nodiscard]] virtual std::vector<double> moments() = 0;

  /// Rows [first, first + count) of the data held, as they are trained on: (count, d) into `out`.
  virtual void trained_rows(std::int64_t first, std::int64_t count, float* out) = 0;

  /// Starts a bank on the data held, at step 0.
  virtual void start(BankPlan plan) = 0;

  /// Whether the bank started takes its steps on second moments of the data: on the CPU, or by
  /// engine moments.
  [[nodiscard]] virtual bool uses_normal_equations() const = 0;

  /// Takes up to `steps` steps; ends early when no model is running. Full-batch steps judge the
  /// tolerances; mini-batch steps only see values that are not finite. Appends one record a step
  /// and running model to history[model]. Throws DeviceError.
  virtual void run(std::int64_t steps, std::vector<std::vector<StepRecord>>& history) = 0;

  /// Writes or reads all that run(), evaluate() and stop() have changed since start(): see
  /// kernels/state_archive.hpp. What was read into a bank started by the same plan on the same data
  /// goes on to the same bits. Throws InputError for bytes that cannot be its state.
  virtual void exchange_state(StateArchive& archive) = 0;

  /// Evaluates every model on all rows at the parameters it reports, into ModelState::at.
  virtual void evaluate() = 0;

  /// Ends a model's run from outside: a budget, an epoch's verdict.
  virtual void stop(std::int64_t model, Reason reason) = 0;

  [[nodiscard]] virtual ModelState state(std::int64_t model) const = 0;

  /// (C, d + 1): the parameters a model reports, in the trained scale.
  [[nodiscard]] virtual std::vector<double> parameters(std::int64_t model) const = 0;

  /// The mean loss and its gradient, without penalty, where the parameters of a model of this bank
  /// are `parameters`, (C, d + 1), by a pass over all rows. Changes no state.
  [[nodiscard]] virtual LossAndGradient evaluate_at(const std::vector<double>& parameters) = 0;

  /// The mean loss, without penalty, where the parameters of a model of this bank are
  /// point - length * direction, (C, d + 1) both. Changes no state. A pass over all rows; on a GPU
  /// that is one for the first value on a line, and others cost what they read of scores that are
  /// kept, 2 n C numbers.
  [[nodiscard]] virtual LineValue evaluate_on_line(const std::vector<double>& point,
                                                   const std::vector<double>& direction,
                                                   double length);

  /// The features of `count` rows as they are trained on, by their indexes, which rise: (count, d).
  virtual void features(const std::int64_t* rows, std::int64_t count, double* out) = 0;

  /// Scores of rows [first, first + count) of the data held under a model: (count, C) into `out`.
  virtual void scores(std::int64_t model, std::int64_t first, std::int64_t count, double* out) = 0;
};

/// The arithmetic `automatic` stands for; see Precision.
[[nodiscard]] Precision resolve_precision(Precision asked, DeviceKind kind, std::int64_t columns);

/// threads >= 1, or 0 for every processor. Throws OptionError unless precision is fp64 or fp32.
[[nodiscard]] std::unique_ptr<Backend> make_cpu_backend(int threads, Precision precision);

/// Throws DeviceError with the reason when this build or this machine has no such device. What an
/// engine cannot take is an OptionError here or of start(): see docs/gpu.md.
[[nodiscard]] std::unique_ptr<Backend> make_cuda_backend(int ordinal, Precision precision,
                                                         Engine engine = Engine::automatic);

[[nodiscard]] DeviceInfo describe_cpu(int threads);

/// Every CUDA device; one unusable entry that says why when there is none.
[[nodiscard]] std::vector<DeviceInfo> describe_cuda_devices();

/// Turns what --device asked for into a device: automatic takes the first usable GPU, else the CPU.
/// Throws DeviceError when the device asked for by name cannot be used.
[[nodiscard]] DeviceInfo choose_device(const DeviceChoice& choice, int threads);

/// Throws OptionError for an engine that the device does not have.
[[nodiscard]] std::unique_ptr<Backend> make_backend(const DeviceInfo& device, int threads,
                                                    Precision precision,
                                                    Engine engine = Engine::automatic);

}  // namespace steepest::kernels
