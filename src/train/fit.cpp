// SPDX-License-Identifier: Apache-2.0
// One fit from a data set to a model: plan, scale, find the rate, run, fold back, measure.
#include "steepest/fit.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "kernels/backend.hpp"
#include "kernels/state_archive.hpp"
#include "src/model/sum_in_blocks.hpp"
#include "src/train/certificate.hpp"
#include "src/train/checkpoint.hpp"
#include "src/train/continuation.hpp"
#include "src/train/curvature.hpp"
#include "src/train/doctor.hpp"
#include "src/train/feasible_set.hpp"
#include "src/train/fit_plan.hpp"
#include "src/train/held_data.hpp"
#include "src/train/inference.hpp"
#include "src/train/path.hpp"
#include "src/train/preconditioner.hpp"
#include "src/train/quantile_fit.hpp"
#include "src/train/regression_certificate.hpp"
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

// What passes know mean losses and gradients to, of losses of size 1.
constexpr double double_rounding = 1e-14;
constexpr double float_rounding = 2e-8;

class Fit {
 public:
  Fit(std::shared_ptr<RowSource> data, const FitOptions& options, const FitCallback& progress)
      : data_(std::move(data)),
        options_(options),
        progress_(progress),
        checkpoints_(options.checkpoint) {}

  FitResult run() {
    const auto start = std::chrono::steady_clock::now();
    weights_ = data_->rows() > 0 ? sum_weights(*data_) : RowWeights{};
    plan_ = plan_fit(*data_, weights_, options_);
    if (options_.inference) {
      check_inference(plan_, *data_, weights_, options_.intercept);
    }
    if (options_.initial != nullptr) {
      check_warm_start(*options_.initial, data_->schema());
    }
    prepare();
    find_checkpoint();
    choose_penalty();
    RunOutcome outcome = plan_.may_choose_rule && std::holds_alternative<QuantileLoss>(plan_.loss)
                             ? run_quantile()
                             : run_with_safe_rate();
    bound_without_penalty(outcome);
    keep(std::move(outcome));
    measure();
    note_separation();
    infer_errors();
    result_.train_seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return std::move(result_);
  }

 private:
  void prepare() {
    given_ = plan_;
    if (may_be_separable()) {
      separating_feature_ = find_separating_feature(*data_, options_.intercept, options_.threads);
    }
    if (has_path()) {
      check_path(options_, plan_, kernels::choose_device(options_.device, options_.threads).kind);
    }
    const std::vector<std::string> suspicions = examine(*data_, options_.standardize);
    FitOptions options = options_;
    if (options.inference && options.precision == Precision::automatic) {
      options.precision = Precision::fp64;  // tests and intervals are read to many digits
    }
    HeldData held =
        hold_data(data_, weights_, options, plan_.loss, plan_.columns, !plan_.full_batch);
    set_ =
        feasible_set(options_.constraint, held.scaling,
                     options_.drop_constant ? held.constant_columns : std::vector<std::int64_t>());
    if (checkpoints_.is_used()) {
      identity_ = fit_identity(options_, plan_, held);
    }
    result_.device = held.device;
    result_.precision = held.precision;
    if (plan_.rule.kind == RuleKind::lbfgs && held.device.kind != DeviceKind::cpu) {
      throw OptionError("rule lbfgs runs on the CPU only: use --device cpu, or rule accelerated");
    }
    result_.warnings = std::move(held.warnings);
    result_.warnings.insert(result_.warnings.end(), suspicions.begin(), suspicions.end());
    feature_mean_ = std::move(held.feature_mean);
    scaling_ = std::move(held.scaling);
    plan_ = in_trained_units(std::move(plan_), scaling_);
    row_curvature_ = held.row_curvature;
    bytes_ = held.bytes;
    if (options_.validation != nullptr && (has_path() || options_.stop_on_validation)) {
      held.scaling = scaling_;
      validation_ = std::make_unique<Validation>(options_.validation, held, options_, true);
    }
    backend_ = std::move(held.backend);
    rows_ = held.rows;
    features_ = held.features;
    if (options_.initial != nullptr) {
      initial_ =
          warm_start(*options_.initial, data_->schema(), plan_.loss, options_.intercept, scaling_);
    }
  }

  [[nodiscard]] bool has_path() const { return !options_.l2_path.empty() || options_.folds > 0; }

  void choose_penalty() {
    if (!has_path()) {
      return;
    }
    const PathInput input{backend_.get(),    data_.get(), &plan_, &scaling_, &options_,
                          validation_.get(), initial_,    rows_,  features_};
    result_.path = choose_l2(input, progress_, result_.warnings);
    plan_.l2 = result_.path->points[result_.path->picked].l2;  // paths are of losses with one unit
    given_.l2 = plan_.l2;
  }

  void find_checkpoint() {
    resumed_ = checkpoints_.open(std::move(identity_), result_.warnings);
    result_.resumed_from = checkpoints_.resumed_from();
  }

  // What a fit remembers beside its run.
  void exchange_state(kernels::StateArchive& archive) {
    archive.exchange(plan_.schedule.learning_rate);
    archive.exchange_all(rate_warnings_, [](kernels::StateArchive& part, std::string& warning) {
      part.exchange(warning);
    });
    archive.exchange(path_steps_);
    archive.exchange(path_seconds_);
    archive.exchange_all(path_history_, exchange_point);
  }

  // The bound on the curvature of what a step sees, in the metric it moves in, in trained units.
  double curvature_bound() {
    const HessianBound bound = hessian_bound();
    if (plan_.preconditioned) {
      hessian_ = make_preconditioner(*backend_, rows_, bound);
      if (hessian_) {
        preconditioner_ = hessian_->matrix;
        result_.preconditioned = true;
        if (hessian_->exact_bound) {
          choose_rule(std::holds_alternative<SquaredLoss>(plan_.loss));
          return 1.0;
        }
      }
    }
    choose_rule(false);
    const double full = largest_eigenvalue(*backend_, bound, preconditioner_);
    return batch_curvature(full, bound.loss_curvature * row_curvature_ + plan_.l2, rows_,
                           plan_.batch_size);
  }

  // Quasi-Newton steps learn what no fixed metric knows; where it is the Hessian itself there is
  // nothing to learn.
  void choose_rule(bool metric_is_hessian) {
    constexpr std::int64_t most_bytes = std::int64_t{1} << 30;
    constexpr std::int64_t fewest_pairs = 3;
    const std::int64_t pair_bytes =
        2 * plan_.columns * (features_ + 1) * static_cast<std::int64_t>(sizeof(double));
    const std::int64_t pairs = std::min(plan_.rule.pairs, most_bytes / pair_bytes);
    if (plan_.may_choose_rule && !metric_is_hessian && pairs >= fewest_pairs &&
        result_.device.kind == DeviceKind::cpu) {
      plan_.rule.kind = RuleKind::lbfgs;
      plan_.rule.pairs = pairs;
    }
  }

  RunOutcome run_with_safe_rate() {
    if (!options_.learning_rate || plan_.preconditioned) {
      result_.largest_curvature = curvature_bound();
    }
    double& rate = plan_.schedule.learning_rate;
    rate = options_.learning_rate.value_or(automatic_rate());
    if (resumed_) {
      kernels::StateArchive archive =
          kernels::StateArchive::reading(*resumed_, checkpoints_.resumed_from());
      exchange_state(archive);
    }
    const Reason path_end =
        plan_.may_choose_rule && !resumed_ ? narrow_huber(rate) : Reason::running;
    const FitCallback stop = [](const FitProgress& /*now*/) { return false; };
    RunOutcome outcome = run_once(path_end == Reason::interrupted ? stop : progress_);
    if (!path_history_.empty()) {
      put_before(outcome);
    }
    result_.warnings.insert(result_.warnings.end(), rate_warnings_.begin(), rate_warnings_.end());
    return outcome;
  }

  // After a divergence at an automatic rate: on from a good point with half of it.
  bool restart(const std::vector<double>& parameters, std::int64_t step) {
    constexpr std::size_t most_halvings = 30;
    if (rate_warnings_.size() == most_halvings) {
      return false;
    }
    double& rate = plan_.schedule.learning_rate;
    rate_warnings_.push_back(fmt::format(
        "the automatic rate {:.3g} diverged: going on from step {} with half of it", rate, step));
    rate /= 2;
    bank_.models.front().schedule.learning_rate = rate;
    bank_.initial = parameters;
    bank_.first_step = step;
    backend_->start(bank_);
    return true;
  }

  // Steps safe for the curvature; of adaptive rules, whose steps do not depend on it, the sizes
  // that coefficients of trained scale want (docs/math.md).
  [[nodiscard]] double automatic_rate() const {
    constexpr double adagrad_rate = 0.5;
    constexpr double adaptive_rate = 0.05;
    const double safe = 1.0 / result_.largest_curvature;
    switch (plan_.rule.kind) {
      case RuleKind::adagrad:
        return adagrad_rate;
      case RuleKind::rmsprop:
      case RuleKind::adam:
      case RuleKind::adamw:
        return adaptive_rate;
      case RuleKind::momentum:
        // iPiano's bound is 2 (1 - M) / L.
        return plan_.full_batch && !plan_.proximal ? safe : (1.0 - plan_.rule.momentum) * safe;
      case RuleKind::nesterov:
        return plan_.full_batch ? safe : (1.0 - plan_.rule.momentum) * safe;
      default:
        return safe;
    }
  }

  // Where a Huber loss is narrow beside the deviation of the target, most rows begin far out, where
  // its slope says nothing of how far: wider ones lead to it. Returns how the last one ended.
  Reason narrow_huber(double rate) {
    constexpr double wide = 1.0;
    constexpr double factor = 10.0;
    constexpr double flat = 1e-3;
    const auto* const huber = std::get_if<HuberLoss>(&plan_.loss);
    if (huber == nullptr || huber->delta * factor > wide) {
      return Reason::running;
    }
    Continuation path(
        {*backend_, plan_, scaling_, preconditioner_, options_.intercept, options_.max_seconds},
        progress_);
    path.set_parameters(initial_);
    bool whole = true;
    for (double delta = wide; whole && delta > huber->delta * 2.0; delta /= factor) {
      whole = path.descend(HuberLoss{delta}, rate, flat * delta);
    }
    initial_ = path.parameters();
    path_steps_ = path.steps();
    path_seconds_ = path.seconds();
    path_history_ = std::move(path.history());
    return path.reason();
  }

  // The way there counts, too.
  void put_before(RunOutcome& outcome) {
    outcome.state.step += path_steps_;
    for (HistoryPoint& point : outcome.history) {
      point.step += path_steps_;
      point.epoch += static_cast<double>(path_steps_);
      path_history_.push_back(point);
    }
    outcome.history = std::move(path_history_);
    path_history_.clear();
  }

  // A loss with corners: by smoothing, see quantile_fit.hpp.
  RunOutcome run_quantile() {
    const auto& loss = std::get<QuantileLoss>(plan_.loss);
    const HessianBound bound{features_, options_.intercept, 1.0 / widest_smoothing, plan_.l2};
    plan_.preconditioned = options_.precondition.value_or(true);
    if (plan_.preconditioned) {
      hessian_ = make_preconditioner(*backend_, rows_, bound);
      result_.preconditioned = hessian_.has_value();
      preconditioner_ = hessian_ ? hessian_->matrix : std::vector<double>();
    }
    result_.largest_curvature = largest_eigenvalue(*backend_, bound, preconditioner_);
    plan_.schedule.learning_rate = 1.0 / result_.largest_curvature;
    choose_rule(false);
    QuantileRun run{*backend_, *data_, weights_, scaling_, plan_, loss.level, preconditioner_};
    run.rows = rows_;
    run.features = features_;
    run.intercept = options_.intercept;
    run.max_seconds = options_.max_seconds;
    run.tolerance_gap = options_.tolerance_gap;
    return run_quantile_fit(run, progress_);
  }

  // A Huber loss has no strong convexity to build on, but its rows have second moments.
  void bound_without_penalty(RunOutcome& outcome) {
    const auto* const huber = std::get_if<HuberLoss>(&plan_.loss);
    const Reason reason = outcome.termination.reason;
    if (huber == nullptr || plan_.proximal || outcome.gap.value || !hessian_ || reason == Reason::diverged ||
        reason == Reason::interrupted || reason == Reason::seconds ||
        backend_->storage() == Storage::bfloat16) {
      return;
    }
    HuberPoint point{bank_, rows_, features_, options_.intercept, huber->delta, hessian_->matrix};
    point.bank.initial = backend_->parameters(0);
    outcome.gap = unpenalised_huber_gap(*backend_, point);
    if (!is_finite(*outcome.gap.value)) {
      outcome.gap = {std::nullopt, "the bound is too large for a number"};
      return;
    }
    *outcome.gap.value =
        std::min(*outcome.gap.value * scaling_.loss_unit(), outcome.at.objective());
  }

  RunOutcome run_once(const FitCallback& progress) {
    kernels::ModelPlan model;
    model.rule = plan_.rule;
    model.schedule = plan_.schedule;
    model.penalty.l2 = plan_.l2;
    model.penalty.l1 = options_.l1 / scaling_.gradient_unit();
    model.clip_norm = options_.clip_norm / scaling_.gradient_unit();
    model.is_bounded = !set_.bounds.empty();
    model.on_simplex = !set_.simplex.empty();
    model.has_intercept = options_.intercept;
    model.tolerances = plan_tolerances(options_, plan_.loss, result_.precision, scaling_,
                                       preconditioner_.empty() ? result_.largest_curvature : 1.0);
    kernels::BankPlan& bank = bank_;
    bank.loss = plan_.loss;
    bank.outputs = plan_.columns;
    bank.models = {model};
    bank.batch_size = plan_.batch_size;
    bank.seed = options_.seed;
    bank.together = plan_.together;
    bank.most_steps = plan_.epochs * plan_.steps_per_epoch;
    bank.preconditioner = preconditioner_;
    bank.initial = initial_;
    if (plan_.proximal) {
      bank.initial.resize(static_cast<std::size_t>(plan_.columns * (features_ + 1)), 0.0);
      project(set_, plan_.columns, bank.initial);
    }
    bank.bounds = set_.bounds;
    bank.simplex = set_.simplex;
    backend_->start(bank);
    result_.normal_equations = backend_->uses_normal_equations();
    result_.tolerances = model.tolerances;
    result_.tolerances.gradient *= scaling_.gradient_unit();
    result_.tolerances.step *= scaling_.coefficient_unit();
    const bool mean_needed =
        classifies(plan_.loss) || std::holds_alternative<PoissonLoss>(plan_.loss);
    if (mean_needed && options_.intercept && (plan_.l2 > 0.0 || plan_.proximal)) {
      const std::vector<double> zeros(static_cast<std::size_t>(plan_.columns * (features_ + 1)),
                                      0.0);
      gradient_at_zero_ = backend_->evaluate_at(zeros).gradient;
    }
    RunLimits limits;
    limits.epochs = std::max<std::int64_t>(1, plan_.epochs - path_steps_);
    limits.max_seconds =
        options_.max_seconds > 0.0 ? std::max(1e-9, options_.max_seconds - path_seconds_) : 0.0;
    limits.tolerance_gap = options_.tolerance_gap;
    limits.gap = [this](bool thorough) { return gap_bound(thorough); };
    if (!options_.learning_rate) {
      limits.restart = [this](const std::vector<double>& parameters, std::int64_t step) {
        return restart(parameters, step);
      };
    }
    if (options_.stop_on_validation) {
      limits.validation_loss = [&] { return validation_->mean_losses(*backend_, bank).front(); };
      limits.validation_patience = *options_.stop_on_validation;
      limits.put_back = [&](const std::vector<double>& parameters) {
        bank.initial = parameters;
        backend_->start(bank);
      };
    }
    limits.checkpoints = &checkpoints_;
    limits.exchange_outer = [this](kernels::StateArchive& archive) { exchange_state(archive); };
    limits.resumed = resumed_;
    return run_to_end(*backend_, model, plan_, scaling_, limits, progress);
  }

  // At the backend's parameters, in the objective's units.
  GapBound gap_bound(bool thorough) {
    if (backend_->storage() == Storage::bfloat16) {
      return {std::nullopt, "the means of features rounded to bfloat16 are not known"};
    }
    CertifiedPoint point;
    point.columns = plan_.columns;
    point.features = features_;
    point.intercept = options_.intercept;
    point.l2 = plan_.l2;
    point.l1 = bank_.models.front().penalty.l1;
    point.bounds = set_.bounds;
    point.simplex = set_.simplex;
    const EvaluateAt evaluate = [this](const std::vector<double>& parameters) {
      return backend_->evaluate_at(parameters);
    };
    point.parameters = backend_->parameters(0);
    kernels::LossAndGradient found = evaluate(point.parameters);
    point.mean_loss = found.mean_loss;
    point.gradient = std::move(found.gradient);
    point.gradient_at_zero = gradient_at_zero_;
    for (std::size_t j = 0; j < feature_mean_.size(); ++j) {
      point.feature_mean.push_back((feature_mean_[j] - scaling_.feature_mean[j]) /
                                   scaling_.feature_scale[j]);
    }
    point.rounding = result_.precision == Precision::fp64 ? double_rounding : float_rounding;
    const double objective = point.mean_loss + backend_->state(0).at.penalty;
    if (!is_finite(objective) ||
        !std::all_of(point.gradient.begin(), point.gradient.end(), is_finite)) {
      return {std::nullopt, "the objective is not finite"};
    }
    GapBound bound = loss_gap(point, thorough ? evaluate : EvaluateAt());
    if (bound.value && !is_finite(*bound.value)) {
      return {std::nullopt, "the bound is too large for a number"};
    }
    if (bound.value) {  // no loss and no penalty is below 0, either
      *bound.value = std::min(*bound.value, objective) * scaling_.loss_unit();
    }
    return bound;
  }

  GapBound loss_gap(const CertifiedPoint& point, const EvaluateAt& evaluate) {
    if (classifies(plan_.loss)) {
      return classifier_gap(point, evaluate);
    }
    if (plan_.proximal && !std::holds_alternative<SquaredLoss>(plan_.loss)) {
      return {std::nullopt, fmt::format("no bound is known for loss {} with --l1 or --constraint",
                                        to_string(given_.loss))};
    }
    if (const auto* const huber = std::get_if<HuberLoss>(&plan_.loss)) {
      return huber_gap(point, huber->delta);
    }
    if (std::holds_alternative<PoissonLoss>(plan_.loss)) {
      return poisson_gap(point);
    }
    if (std::holds_alternative<QuantileLoss>(plan_.loss)) {
      return {std::nullopt,
              "steps along subgradients prove nothing of a quantile's optimum: leave --rule, "
              "--schedule, --learning-rate and --batch-size to auto"};
    }
    return squared_gap(point, inverse_hessian());
  }

  // Of squared loss, where its second moments are at hand.
  std::optional<InverseHessian> inverse_hessian() {
    if (result_.normal_equations && !hessian_) {
      hessian_ = make_preconditioner(*backend_, rows_, hessian_bound());
    }
    if (!hessian_ || !hessian_->exact_bound) {
      return std::nullopt;
    }
    return InverseHessian{&hessian_->matrix, hessian_->ridge};
  }

  [[nodiscard]] HessianBound hessian_bound() const {
    return {features_, options_.intercept, curvature(plan_.loss), plan_.l2};
  }

  void keep(RunOutcome outcome) {
    result_.rule = plan_.rule;
    result_.schedule = plan_.schedule;
    result_.storage = backend_->storage();
    result_.batch_size = plan_.batch_size;
    result_.at = outcome.at;
    result_.termination = outcome.termination;
    result_.gap_bound = outcome.gap.value;
    result_.gap_note = outcome.gap.why_not;
    result_.steps = outcome.state.step;
    result_.epochs =
        static_cast<double>(outcome.state.step) / static_cast<double>(plan_.steps_per_epoch);
    result_.history = std::move(outcome.history);

    std::vector<double> parameters = backend_->parameters(0);
    fold(scaling_, plan_.columns, parameters);
    Model& model = result_.model;
    model.kind = data_->classifies() ? ModelKind::softmax : ModelKind::linear;
    model.loss = to_string(given_.loss);
    model.l2 = given_.l2;
    model.label_smoothing = options_.label_smoothing;
    model.l1 = options_.l1;
    model.constraint = to_string(options_.constraint);
    model.standardized = options_.standardize;
    model.feature_mean = scaling_.feature_mean;
    model.feature_scale = scaling_.feature_scale;
    model.schema = data_->schema();
    model.training_rows = rows_;
    model.termination = name(outcome.termination.reason);
    model.inequality = outcome.termination.inequality;
    model.converged = outcome.termination.converged();
    if (std::holds_alternative<LogisticLoss>(plan_.loss)) {  // the first class is the reference
      model.coefficients.assign(static_cast<std::size_t>(features_), 0.0);
      model.intercept.assign(1, 0.0);
    }
    for (std::int64_t o = 0; o < plan_.columns; ++o) {
      const auto column = parameters.begin() + o * (features_ + 1);
      std::vector<double> coefficients(column, column + features_);
      clamp_reported(options_.constraint, set_, coefficients);
      model.coefficients.insert(model.coefficients.end(), coefficients.begin(), coefficients.end());
      model.intercept.push_back(column[features_]);
    }
  }

  // Metrics of the training rows, from the data the backend holds.
  void measure() {
    const std::int64_t outputs = result_.model.outputs();
    if (result_.model.kind == ModelKind::softmax) {
      SoftmaxMetricsSum sum(outputs);
      measure(sum, [this](SoftmaxMetricsSum& part, const double* scores, std::int64_t first,
                          std::int64_t count, RowBuffer& buffer) {
        part.add(scores, data_->labels(first, count, buffer), data_->weights(first, count, buffer),
                 count);
      });
      result_.softmax = sum.result();
      keep_diagnostics(sum);
    } else {
      LinearMetricsSum sum(outputs, given_.loss, prediction_bins());
      measure(sum, [this](LinearMetricsSum& part, const double* scores, std::int64_t first,
                          std::int64_t count, RowBuffer& buffer) {
        part.add(scores, data_->targets(first, count, buffer), data_->weights(first, count, buffer),
                 count);
      });
      result_.linear = sum.result();
      keep_diagnostics(sum);
    }
  }

  // Without a penalty on sharp labels.
  [[nodiscard]] bool may_be_separable() const {
    return classifies(plan_.loss) && plan_.l2 == 0.0 && !plan_.proximal &&
           options_.label_smoothing == 0.0;
  }

  // A run on separated classes may end at a tolerance, but at no optimum: there is none.
  void note_separation() {
    const Reason reason = result_.termination.reason;
    if (!may_be_separable() || reason == Reason::diverged) {
      return;
    }
    std::string sentence;
    constexpr double all = 1.0 - 1e-9;
    const double margin = result_.softmax->accuracy > all
                              ? smallest_margin(*backend_, *data_, rows_, plan_.columns)
                              : 0.0;
    if (margin > 0.0) {
      sentence = fmt::format(
          "the classes are separated (smallest margin {:.3g} > 0): the loss tends to 0 as the "
          "coefficients grow, so there is no finite optimum; --l2 X gives one",
          margin);
      result_.gap_bound = result_.at.objective();  // what it tends to is 0
      result_.gap_note.clear();
    } else if (!separating_feature_.empty()) {
      sentence = separating_feature_ +
                 ": its coefficients grow without end, so there is no finite optimum; --l2 X gives "
                 "one";
      result_.gap_note = "there is no finite optimum: add --l2 X";
    } else {
      return;
    }
    result_.warnings.push_back(sentence);
    if (result_.termination.converged() || reason == Reason::rounding) {
      result_.termination = {Reason::separable, sentence};
      result_.model.termination = name(Reason::separable);
      result_.model.inequality = sentence;
      result_.model.converged = false;
    }
  }

  // Of a run that came to an end of its own.
  void infer_errors() {
    const Reason reason = result_.termination.reason;
    if (!options_.inference || reason == Reason::diverged || reason == Reason::interrupted) {
      return;
    }
    InferenceInput input;
    input.model = &result_.model;
    input.data = data_.get();
    input.features = [this](std::int64_t first, std::int64_t count, float* out) {
      read_features(first, count, out);
    };
    for (std::size_t j = 0; j < feature_mean_.size(); ++j) {
      // Where training has centred a column it did so at the very value of a constant one.
      const double centre = scaling_.feature_mean[j];
      input.feature_mean.push_back(centre != 0.0 ? centre : feature_mean_[j]);
    }
    input.intercept = options_.intercept;
    input.weight_sum = weights_.sum;
    kernels::ThreadPool pool(options_.threads);
    result_.inference = infer(input, pool, result_.warnings);
  }

  // Rows in the units of the input. Those that the backend took come back from their scale to the
  // float they were, or next to it.
  void read_features(std::int64_t first, std::int64_t count, float* out) {
    if (data_->in_memory() == nullptr) {
      std::copy_n(data_->features(first, count, buffer_), count * features_, out);
      return;
    }
    backend_->trained_rows(first, count, out);
    for (std::int64_t i = 0; i < count; ++i) {
      for (std::size_t j = 0; j < scaling_.feature_mean.size(); ++j, ++out) {
        const double value =
            static_cast<double>(*out) * scaling_.feature_scale[j] + scaling_.feature_mean[j];
        *out = static_cast<float>(bytes_ ? std::round(value) : value);
      }
    }
  }

  template <class Sum>
  void keep_diagnostics(const Sum& sum) {
    if (options_.diagnostics) {
      result_.diagnostics = sum.diagnostics();
    }
  }

  [[nodiscard]] std::vector<PredictionBins> prediction_bins() const {
    std::vector<PredictionBins> bins;
    for (const double mean : scaling_.target_mean) {
      if (options_.diagnostics && std::ssize(bins) < Diagnostics::most_outputs) {
        bins.emplace_back(mean, scaling_.target_scale);
      }
    }
    return bins;
  }

  // Scores of a few blocks at a time, then the blocks side by side.
  template <class Sum, class Add>
  void measure(Sum& sum, Add add) {
    constexpr std::int64_t most_scores = std::int64_t{1} << 20;
    const std::int64_t outputs = result_.model.outputs();
    const std::int64_t chunk =
        summed_rows * std::clamp<std::int64_t>(most_scores / (summed_rows * outputs), 1, 64);
    const Sum empty = sum;
    kernels::ThreadPool pool(options_.threads);
    std::vector<RowBuffer> buffers(static_cast<std::size_t>(pool.threads()));
    std::vector<std::vector<double>> predicted(buffers.size());
    std::vector<double> scores(static_cast<std::size_t>(std::min(chunk, rows_) * plan_.columns));
    for (std::int64_t first = 0; first < rows_; first += chunk) {
      const std::int64_t count = std::min(chunk, rows_ - first);
      backend_->scores(0, first, count, scores.data());
      sum_in_blocks(count, empty, pool, sum,
                    [&](Sum& part, std::int64_t begin, std::int64_t rows, int thread) {
                      const auto worker = static_cast<std::size_t>(thread);
                      predict(scores.data() + begin * plan_.columns, rows, predicted[worker]);
                      add(part, predicted[worker].data(), first + begin, rows, buffers[worker]);
                    });
    }
  }

  // From scores as trained, (rows, plan_.columns), to what metrics take: targets as they were, or a
  // score a class.
  void predict(const double* scores, std::int64_t rows, std::vector<double>& predicted) const {
    const auto size = static_cast<std::size_t>(rows * plan_.columns);
    if (std::holds_alternative<LogisticLoss>(plan_.loss)) {
      predicted.assign(size * 2, 0.0);
      for (std::size_t i = 0; i < size; ++i) {
        predicted[2 * i + 1] = scores[i];
      }
      return;
    }
    predicted.assign(scores, scores + size);
    if (scaling_.log_link) {
      for (double& value : predicted) {
        value = std::exp(value) * scaling_.target_scale;
      }
      return;
    }
    const std::size_t outputs = scaling_.target_mean.size();  // none where rows have labels
    for (std::size_t i = 0; outputs > 0 && i < size; i += outputs) {
      for (std::size_t o = 0; o < outputs; ++o) {
        predicted[i + o] = predicted[i + o] * scaling_.target_scale + scaling_.target_mean[o];
      }
    }
  }

  std::shared_ptr<RowSource> data_;  // without features where the backend took them
  const FitOptions& options_;
  const FitCallback& progress_;
  FitPlan plan_;                 // in trained units, once the data are held
  FitPlan given_;                // in the objective's
  kernels::BankPlan bank_;       // last started
  std::vector<double> initial_;  // where a run starts; empty: at 0
  std::int64_t path_steps_ = 0;  // taken on the way there
  double path_seconds_ = 0.0;
  std::vector<HistoryPoint> path_history_;
  Scaling scaling_;
  RowWeights weights_;
  std::vector<double> preconditioner_;     // empty: none
  std::optional<Preconditioner> hessian_;  // its bound, inverted; the Hessian for squared loss
  std::vector<double> gradient_at_zero_;   // of the mean loss, where a certificate needs it
  std::vector<double> feature_mean_;       // weighted
  std::string separating_feature_;         // a sentence's beginning; empty: none known
  double row_curvature_ = 0.0;
  bool bytes_ = false;           // see kernels::TrainingData
  std::unique_ptr<Validation> validation_;
  RowBuffer buffer_;
  std::int64_t rows_ = 0;
  std::int64_t features_ = 0;
  std::unique_ptr<kernels::Backend> backend_;
  CheckpointFolder checkpoints_;
  RunIdentity identity_;
  std::optional<std::string> resumed_;  // the state to go on from
  std::vector<std::string> rate_warnings_;
  FeasibleSet set_;  // that trained coefficients keep to
  FitResult result_;
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
