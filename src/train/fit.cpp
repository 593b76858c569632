// SPDX-License-Identifier: Apache-2.0
// One fit from a data set to a model: plan, scale, find the rate, run, fold back, measure.
#include "steepest/fit.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "kernels/backend.hpp"
#include "kernels/host_steps.hpp"
#include "kernels/state_archive.hpp"
#include "src/train/checkpoint.hpp"
#include "src/train/continuation.hpp"
#include "src/train/curvature.hpp"
#include "src/train/doctor.hpp"
#include "src/train/feasible_set.hpp"
#include "src/train/fit_certificate.hpp"
#include "src/train/fit_metrics.hpp"
#include "src/train/fit_outcome.hpp"
#include "src/train/fit_plan.hpp"
#include "src/train/fit_rate.hpp"
#include "src/train/fit_separation.hpp"
#include "src/train/fit_state.hpp"
#include "src/train/held_data.hpp"
#include "src/train/inference.hpp"
#include "src/train/newton_backend.hpp"
#include "src/train/path.hpp"
#include "src/train/path_choice.hpp"
#include "src/train/path_state.hpp"
#include "src/train/quantile_fit.hpp"
#include "src/train/run_identity.hpp"
#include "src/train/run_loop.hpp"
#include "src/train/scaling.hpp"
#include "src/train/separation.hpp"
#include "src/train/validation.hpp"
#include "src/train/warm_start.hpp"
#include "steepest/error.hpp"

namespace steepest {
namespace {

using namespace train;

class Fit {
 public:
  Fit(std::shared_ptr<RowSource> data, const FitOptions& options, const FitCallback& progress)
      : fit_(std::move(data), options), progress_(progress), checkpoints_(options.checkpoint) {}

  FitResult run() {
    const auto start = std::chrono::steady_clock::now();
    fit_.weights = fit_.data->rows() > 0 ? sum_weights(*fit_.data) : RowWeights{};
    fit_.plan = plan_fit(*fit_.data, fit_.weights, fit_.options);
    if (fit_.options.inference) {
      check_inference(fit_.plan, *fit_.data, fit_.weights, fit_.options.intercept);
    }
    if (fit_.options.initial != nullptr) {
      check_warm_start(*fit_.options.initial, fit_.data->schema());
    }
    prepare();
    find_checkpoint();
    choose_penalty();
    RunOutcome outcome =
        fit_.plan.may_choose_rule && std::holds_alternative<QuantileLoss>(fit_.plan.loss)
            ? run_quantile()
            : run_with_safe_rate();
    sharpen_bound(fit_, outcome);
    keep_outcome(fit_, std::move(outcome));
    measure_training(fit_);
    note_separation(fit_, separating_feature_);
    infer_errors(fit_);
    warn_of_target(fit_);
    fit_.result.resumable = checkpoints_.has_state();
    if (!checkpoints_.problem().empty()) {
      fit_.result.warnings.push_back("no checkpoint: " + checkpoints_.problem());
    }
    fit_.result.train_seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return std::move(fit_.result);
  }

 private:
  void prepare() {
    fit_.given = fit_.plan;
    if (may_be_separable(fit_)) {
      separating_feature_ =
          find_separating_feature(*fit_.data, fit_.options.intercept, fit_.options.threads);
    }
    if (has_path()) {
      check_path(fit_.options, fit_.plan,
                 kernels::choose_device(fit_.options.device, fit_.options.threads).kind);
    }
    const std::vector<std::string> suspicions =
        examine(*fit_.data, fit_.options.standardize, fit_.options.intercept);
    FitOptions options = fit_.options;
    if (options.inference && options.precision == Precision::automatic) {
      options.precision = Precision::fp64;  // tests and intervals are read to many digits
    }
    HeldData held = hold_data(fit_.data, fit_.weights, options, fit_.plan.loss, fit_.plan.columns,
                              !fit_.plan.full_batch);
    fit_.set = feasible_set(
        fit_.options.constraint, held.scaling,
        fit_.options.drop_constant ? held.constant_columns : std::vector<std::int64_t>());
    if (checkpoints_.is_used()) {
      identity_ = fit_identity(fit_.options, fit_.plan, held);
    }
    fit_.result.device = held.device;
    fit_.result.precision = held.precision;
    fit_.result.warnings = std::move(held.warnings);
    fit_.result.warnings.insert(fit_.result.warnings.end(), suspicions.begin(), suspicions.end());
    fit_.feature_mean = std::move(held.feature_mean);
    fit_.feature_deviation = std::move(held.feature_deviation);
    fit_.feature_reach = std::move(held.feature_reach);
    fit_.scaling = std::move(held.scaling);
    fit_.plan = in_trained_units(fit_.plan, fit_.scaling);
    fit_.row_curvature = held.row_curvature;
    fit_.bytes = held.bytes;
    if (fit_.options.validation != nullptr && (has_path() || fit_.options.stop_on_validation)) {
      held.scaling = fit_.scaling;
      validation_ = std::make_unique<Validation>(fit_.options.validation, held, fit_.options, true);
    }
    fit_.backend = std::move(held.backend);
    fit_.rows = held.rows;
    fit_.features = held.features;
    const bool on_device = held.device.kind != DeviceKind::cpu;
    if (on_device && fit_.plan.full_batch &&
        (fit_.plan.rule.kind == RuleKind::lbfgs || !fit_.set.simplex.empty())) {
      fit_.backend = kernels::make_host_steps_backend(std::move(fit_.backend), fit_.rows,
                                                      fit_.features, fit_.options.threads);
    }
    if (fit_.plan.rule.kind == RuleKind::newton) {
      fit_.backend = make_newton_backend(std::move(fit_.backend), fit_.data, fit_.features,
                                         fit_.weights, fit_.scaling, fit_.options.threads);
    }
    if (fit_.options.initial != nullptr) {
      initial_ = warm_start(*fit_.options.initial, fit_.data->schema(), fit_.plan.loss,
                            fit_.options.intercept, fit_.scaling);
      for (const std::int64_t column : held.constant_columns) {
        for (std::int64_t c = 0; c < fit_.plan.columns; ++c) {
          initial_[static_cast<std::size_t>(c * (fit_.features + 1) + column)] = 0.0;
        }
      }
    }
  }

  [[nodiscard]] bool has_path() const {
    return !fit_.options.l2_path.empty() || fit_.options.folds > 0;
  }

  void choose_penalty() {
    if (!has_path()) {
      return;
    }
    if (stage_ == Stage::path) {
      train_path();
    } else {
      warn_of_path(*fit_.result.path, fit_.result.warnings);
    }
    fit_.plan.l2 =
        fit_.result.path->points[fit_.result.path->picked].l2;  // paths are of losses with one unit
    fit_.given.l2 = fit_.plan.l2;
    was_cut_ = fit_.result.path->cut;
  }

  void train_path() {
    const auto start = std::chrono::steady_clock::now();
    PathInput input{fit_.backend.get(), fit_.data.get(), &fit_.plan, &fit_.scaling, &fit_.options,
                    validation_.get(),  initial_,        fit_.rows,  fit_.features};
    input.checkpoints = &checkpoints_;
    input.exchange_outer = [this](kernels::StateArchive& archive) { exchange_state(archive); };
    std::optional<kernels::StateArchive> archive;
    if (resumed_) {
      archive = kernels::StateArchive::reading(*resumed_, checkpoints_.resumed_from());
      exchange_state(*archive);
      input.resumed = &*archive;
    }
    fit_.result.path = choose_l2(input, progress_, fit_.result.warnings);
    resumed_.reset();
    stage_ = Stage::run;
    path_seconds_ = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }

  void find_checkpoint() {
    stage_ = has_path() ? Stage::path : Stage::run;
    resumed_ = checkpoints_.open(std::move(identity_), fit_.result.warnings);
    fit_.result.resumed_from = checkpoints_.resumed_from();
    if (resumed_) {
      kernels::StateArchive archive =
          kernels::StateArchive::reading(*resumed_, checkpoints_.resumed_from());
      exchange_state(archive);
      path_seconds_ = 0.0;
    }
  }

  // What a fit remembers beside its run.
  void exchange_state(kernels::StateArchive& archive) {
    archive.exchange(stage_, Stage::run);
    if (has_path() && stage_ != Stage::path) {
      if (archive.is_reading()) {
        fit_.result.path.emplace();
        fit_.result.path->folds = fit_.options.folds;
        fit_.result.path->points.resize(path_penalties(fit_.options, fit_.plan).size());
      }
      train::exchange_state(archive, *fit_.result.path);
    } else if (!has_path() && stage_ == Stage::path) {
      archive.fail("it is of a path");
    }
    archive.exchange(fit_.plan.schedule.learning_rate);
    archive.exchange_all(rate_warnings_, [](kernels::StateArchive& part, std::string& warning) {
      part.exchange(warning);
    });
    archive.exchange_in(path_steps_, 0, fit_.plan.epochs);
    archive.exchange(path_seconds_);
    archive.exchange_all(path_history_, exchange_point);
  }

  RunOutcome run_with_safe_rate() {
    if (!fit_.options.learning_rate || fit_.plan.preconditioned) {
      fit_.result.largest_curvature = curvature_bound(fit_);
    }
    double& rate = fit_.plan.schedule.learning_rate;
    rate = fit_.options.learning_rate.value_or(automatic_rate(fit_));
    if (resumed_) {
      kernels::StateArchive archive =
          kernels::StateArchive::reading(*resumed_, checkpoints_.resumed_from());
      const double seconds = path_seconds_;  // the budget of time is that of this start
      exchange_state(archive);
      path_seconds_ = seconds;
    }
    const Reason path_end = fit_.plan.may_choose_rule && (!resumed_ || stage_ == Stage::descents)
                                ? narrow_huber(rate)
                                : Reason::running;
    const FitCallback stop = [](const FitProgress& /*now*/) { return false; };
    was_cut_ = was_cut_ || path_end == Reason::interrupted || path_end == Reason::seconds;
    RunOutcome outcome = run_once(was_cut_ ? stop : progress_);
    if (!path_history_.empty()) {
      put_before(outcome);
    }
    fit_.result.warnings.insert(fit_.result.warnings.end(), rate_warnings_.begin(),
                                rate_warnings_.end());
    return outcome;
  }

  // After a divergence at an automatic rate: on from a good point with half of it.
  bool restart(const std::vector<double>& parameters, std::int64_t step) {
    constexpr std::size_t most_halvings = 30;
    if (rate_warnings_.size() == most_halvings) {
      return false;
    }
    double& rate = fit_.plan.schedule.learning_rate;
    rate_warnings_.push_back(fmt::format(
        "the automatic rate {:.3g} diverged: going on from step {} with half of it", rate, step));
    rate /= 2;
    fit_.bank.models.front().schedule.learning_rate = rate;
    fit_.bank.initial = parameters;
    fit_.bank.first_step = step;
    fit_.backend->start(fit_.bank);
    return true;
  }

  // Where a Huber loss is narrow beside the deviation of the target, most rows begin far out, where
  // its slope says nothing of how far: wider ones lead to it. Returns how the last one ended.
  Reason narrow_huber(double rate) {
    constexpr double wide = 1.0;
    constexpr double factor = 10.0;
    constexpr double flat = 1e-3;
    const auto* const huber = std::get_if<HuberLoss>(&fit_.plan.loss);
    if (huber == nullptr || huber->delta * factor > wide || fit_.options.epochs > 0 ||
        fit_.options.initial != nullptr || fit_.options.stop_on_validation) {
      return Reason::running;
    }
    Continuation path(
        {*fit_.backend, fit_.plan, fit_.scaling, fit_.preconditioner, fit_.options.intercept,
         fit_.options.max_seconds, fit_.features, &checkpoints_,
         [this](kernels::StateArchive& archive) { exchange_state(archive); }, resumed_},
        progress_);
    if (!resumed_) {
      path.set_parameters(initial_);
    }
    stage_ = Stage::descents;
    bool whole = true;
    for (double delta = wide; whole && delta > huber->delta * 2.0; delta /= factor) {
      whole = path.descend(HuberLoss{delta}, rate, flat * delta);
    }
    initial_ = path.parameters();
    path_steps_ = path.steps();
    path_seconds_ = path.seconds();
    path_history_ = std::move(path.history());
    stage_ = Stage::run;
    resumed_.reset();
    return path.reason();
  }

  // The way there counts, too.
  void put_before(RunOutcome& outcome) {
    outcome.state.step += path_steps_;
    const double before = path_history_.back().seconds;
    for (HistoryPoint& point : outcome.history) {
      point.step += path_steps_;
      point.seconds += before;
      point.epoch += static_cast<double>(path_steps_);
      path_history_.push_back(point);
    }
    outcome.history = std::move(path_history_);
    path_history_.clear();
  }

  // A loss with corners: by smoothing, see quantile_fit.hpp.
  RunOutcome run_quantile() {
    const auto& loss = std::get<QuantileLoss>(fit_.plan.loss);
    const HessianBound bound{fit_.features, fit_.options.intercept, 1.0 / widest_smoothing,
                             fit_.plan.l2};
    fit_.plan.preconditioned = fit_.options.precondition.value_or(true);
    if (fit_.plan.preconditioned) {
      fit_.hessian = make_preconditioner(*fit_.backend, fit_.rows, bound);
      fit_.result.preconditioned = fit_.hessian.has_value();
      fit_.preconditioner = fit_.hessian ? fit_.hessian->matrix : std::vector<double>();
    }
    fit_.result.largest_curvature = largest_eigenvalue(*fit_.backend, bound, fit_.preconditioner);
    fit_.plan.schedule.learning_rate = 1.0 / fit_.result.largest_curvature;
    choose_rule(fit_, false);
    QuantileRun run{*fit_.backend, *fit_.data, fit_.weights,       fit_.scaling,
                    fit_.plan,     loss.level, fit_.preconditioner};
    run.rows = fit_.rows;
    run.features = fit_.features;
    run.intercept = fit_.options.intercept;
    run.point = describe_point(fit_);
    run.max_seconds = fit_.options.max_seconds;
    run.tolerance_gap = fit_.options.tolerance_gap;
    stage_ = Stage::descents;
    run.checkpoints = &checkpoints_;
    run.exchange_outer = [this](kernels::StateArchive& archive) { exchange_state(archive); };
    run.resumed = std::move(resumed_);
    return run_quantile_fit(run, progress_);
  }

  RunOutcome run_once(const FitCallback& progress) {
    kernels::ModelPlan model;
    model.rule = fit_.plan.rule;
    model.schedule = trained_schedule(fit_.plan.schedule, fit_.scaling);
    model.penalty.l2 = fit_.plan.l2;
    model.penalty.l1 = fit_.options.l1 / fit_.scaling.gradient_unit();
    model.clip_norm = fit_.options.clip_norm / fit_.scaling.gradient_unit();
    model.has_intercept = fit_.options.intercept;
    model.tolerances =
        plan_tolerances(fit_.options, fit_.plan.loss, fit_.result.precision, fit_.scaling,
                        fit_.preconditioner.empty() ? fit_.result.largest_curvature : 1.0);
    kernels::BankPlan& bank = fit_.bank;
    bank.loss = fit_.plan.loss;
    bank.outputs = fit_.plan.columns;
    bank.models = {model};
    bank.batch_size = fit_.plan.batch_size;
    bank.seed = fit_.options.seed;
    bank.together = fit_.plan.together;
    bank.most_steps = fit_.plan.epochs * fit_.plan.steps_per_epoch;
    bank.preconditioner = fit_.preconditioner;
    bank.initial = initial_;
    keep_to(fit_.set, fit_.features, bank);
    fit_.backend->start(bank);
    fit_.result.normal_equations = fit_.backend->uses_normal_equations();
    fit_.result.tolerances = model.tolerances;
    fit_.result.tolerances.gradient *= fit_.scaling.gradient_unit();
    fit_.result.tolerances.step *= fit_.scaling.coefficient_unit();
    const bool counts = std::holds_alternative<PoissonLoss>(fit_.plan.loss);
    const bool mean_needed = counts || (classifies(fit_.plan.loss) && fit_.options.intercept);
    if (mean_needed && (fit_.plan.l2 > 0.0 || fit_.plan.proximal)) {
      const std::vector<double> zeros(
          static_cast<std::size_t>(fit_.plan.columns * (fit_.features + 1)), 0.0);
      fit_.gradient_at_zero = fit_.backend->evaluate_at(zeros).gradient;
    }
    RunLimits limits;
    limits.epochs = std::max<std::int64_t>(1, fit_.plan.epochs - path_steps_);
    limits.max_seconds = fit_.options.max_seconds;
    limits.seconds_before = path_seconds_;
    limits.tolerance_gap = fit_.options.tolerance_gap;
    limits.gap = [this](bool thorough) { return certify(fit_, thorough); };
    if (!fit_.options.learning_rate) {
      limits.restart = [this](const std::vector<double>& parameters, std::int64_t step) {
        return restart(parameters, step);
      };
    }
    if (fit_.options.stop_on_validation) {
      limits.validation_loss = [&] {
        return validation_->mean_losses(*fit_.backend, bank).front();
      };
      limits.validation_patience = *fit_.options.stop_on_validation;
      limits.put_back = [&](const std::vector<double>& parameters) {
        bank.initial = parameters;
        fit_.backend->start(bank);
      };
    }
    limits.checkpoints = was_cut_ ? nullptr : &checkpoints_;
    limits.exchange_outer = [this](kernels::StateArchive& archive) { exchange_state(archive); };
    limits.resumed = resumed_;
    return run_to_end(*fit_.backend, model, fit_.plan, fit_.scaling, limits, progress);
  }

  // What a state was saved in: the choice of a penalty, the descents on wider losses before the
  // run (or in its place), or the run.
  enum class Stage : std::uint8_t { path, descents, run };

  FitState fit_;
  const FitCallback& progress_;
  Stage stage_ = Stage::run;
  std::vector<double> initial_;  // where a run starts; empty: at 0
  std::int64_t path_steps_ = 0;  // taken on the way there
  bool was_cut_ = false;         // by the caller: there is nothing to go on from yet
  double path_seconds_ = 0.0;
  std::vector<HistoryPoint> path_history_;
  std::string separating_feature_;  // a sentence's beginning; empty: none known
  std::unique_ptr<Validation> validation_;
  CheckpointFolder checkpoints_;
  RunIdentity identity_;
  std::optional<std::string> resumed_;  // the state to go on from
  std::vector<std::string> rate_warnings_;
};

}  // namespace

FitResult fit(std::shared_ptr<RowSource> data, const FitOptions& options,
              const FitCallback& progress) {
  return Fit(std::move(data), options, progress).run();
}

FitResult fit(Dataset data, const FitOptions& options, const FitCallback& progress) {
  return fit(std::make_shared<DatasetRows>(std::move(data)), options, progress);
}

}  // namespace steepest
