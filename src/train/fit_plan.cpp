// SPDX-License-Identifier: Apache-2.0
#include "src/train/fit_plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "kernels/row_selection.hpp"
#include "src/train/hessian.hpp"
#include "src/train/newton_backend.hpp"
#include "src/train/schedule_pairs.hpp"
#include "steepest/error.hpp"

namespace steepest::train {
namespace {

constexpr std::int64_t default_epochs_full_batch = 20000;
constexpr std::int64_t default_epochs_mini_batch = 100;
constexpr std::int64_t default_epochs_adaptive =
    2000;  // of full batch: their rate decays till then

RowLoss choose_loss(const RowSource& data, const FitOptions& options) {
  RowLoss loss =
      options.loss.value_or(data.classifies() ? RowLoss(SoftmaxLoss{}) : RowLoss(SquaredLoss{}));
  static_cast<void>(row_loss_named(to_string(loss)));  // throws where its parameter is out of range
  if (classifies(loss) != data.classifies()) {
    throw OptionError(fmt::format("loss {} needs a target of {}, but \"{}\" was read as {}",
                                  name(loss), classifies(loss) ? "classes" : "numbers",
                                  fmt::join(data.schema().target_names, ","),
                                  data.classifies() ? "classes" : "numbers"));
  }
  if (std::holds_alternative<LogisticLoss>(loss) && data.outputs() != 2) {
    throw OptionError(fmt::format("loss logistic needs two classes, but \"{}\" has {}: use softmax",
                                  data.schema().target_names.front(), data.outputs()));
  }
  if (auto* const logistic = std::get_if<LogisticLoss>(&loss)) {
    logistic->smoothing = options.label_smoothing;
  } else if (auto* const softmax = std::get_if<SoftmaxLoss>(&loss)) {
    softmax->smoothing = options.label_smoothing;
  }
  return loss;
}

void check_rows(const RowSource& data) {
  const std::string target = fmt::format("{}", fmt::join(data.schema().target_names, ","));
  if (data.rows() == 0) {
    throw InputError("there are no rows to fit");
  }
  if (data.feature_count() == 0) {
    throw InputError(fmt::format("there is no feature column beside the target \"{}\"", target));
  }
  if (!data.classifies()) {
    return;
  }
  if (data.outputs() < 2) {
    throw InputError(
        fmt::format("target \"{}\" has the one class \"{}\" in all {} rows: nothing to "
                    "tell apart",
                    target, data.schema().classes.front(), data.rows()));
  }
  if (data.outputs() >= data.rows()) {
    throw InputError(
        fmt::format("target \"{}\" has {} classes in {} rows, every row a class of its "
                    "own or nearly: choose another target, or --model linear for numbers",
                    target, data.outputs(), data.rows()));
  }
}

double default_l2(const RowWeights& weights, const RowLoss& loss) {
  return classifies(loss) ? 1.0 / weights.sum : 0.0;
}

void require(bool holds, const std::string& sentence) {
  if (!holds) {
    throw OptionError(sentence);
  }
}

void check_numbers(const FitOptions& options) {
  require(!options.l2 || (*options.l2 >= 0.0 && std::isfinite(*options.l2)),
          "--l2 must be a number of 0 or more");
  require(options.l1 >= 0.0 && std::isfinite(options.l1), "--l1 must be a number of 0 or more");
  require(options.clip_norm >= 0.0 && std::isfinite(options.clip_norm),
          "--clip-norm must be a number above 0");
  require(!options.learning_rate ||
              (*options.learning_rate > 0.0 && std::isfinite(*options.learning_rate)),
          "--learning-rate must be above 0, or auto");
  require(options.label_smoothing >= 0.0 && options.label_smoothing < 1.0,
          "--label-smoothing must be a number of 0 or more, below 1");
  require(options.batch_size >= 0, "--batch-size must be at least 1, full or auto");
  require(options.epochs >= 0, "--epochs must be at least 1");
  require(options.max_seconds >= 0.0, "--max-seconds must be 0 or more");
  require(options.threads >= 0, "--threads must be at least 1");
  for (const auto& tolerance :
       {options.tolerance_gradient, options.tolerance_loss, options.tolerance_step}) {
    require(!tolerance || (*tolerance >= 0.0 && std::isfinite(*tolerance)),
            "a tolerance must be a number of 0 or more");
  }
  require(options.tolerance_gap >= 0.0 && std::isfinite(options.tolerance_gap),
          "a tolerance must be a number of 0 or more");
  require(!options.patience || *options.patience >= 1, "--patience must be at least 1");
  require(!options.stop_on_validation || *options.stop_on_validation >= 1,
          "--stop-on-validation must be at least 1");
  require(!options.stop_on_validation || options.validation != nullptr,
          "--stop-on-validation needs rows to measure on: --valid FILE or --valid-fraction F");
}

// Parts that go by epochs get them in steps.
void name_epochs(std::int64_t steps, Schedule& schedule) {
  schedule.every = schedule.every > 0 ? schedule.every : steps;
  for (std::int32_t i = 0; i < schedule.later_count; ++i) {
    ScheduleTerms& later = schedule.later[i];
    later.every = later.every > 0 ? later.every : steps;
  }
}

// What does not go together with a proximal map, and with the gradient's clipping.
void check_rule(const FitPlan& plan, const FitOptions& options) {
  const RuleKind kind = plan.rule.kind;
  if (plan.proximal) {
    const std::string_view what = options.l1 > 0.0 ? "--l1" : "--constraint";
    require(!finds_length(kind),
            fmt::format("rule {} needs derivatives that {} does not have: use --rule auto",
                        to_string(plan.rule), what));
    require(!options.precondition.value_or(false),
            fmt::format("--preconditioner second-moment mixes coefficients, so that no step of it "
                        "knows what {} asks of each: leave it to auto",
                        what));
  }
  require(options.l1 == 0.0 || !is_averaging(kind),
          fmt::format("rule {} reports an average, in which no coefficient is exactly 0: use "
                      "another one with --l1",
                      to_string(plan.rule)));
  require(
      options.constraint.kind != ConstraintKind::simplex || !is_adaptive(kind),
      fmt::format("rule {} measures distances in another way for each coefficient: use gradient, "
                  "momentum, nesterov or accelerated with --constraint simplex",
                  to_string(plan.rule)));
  require(options.clip_norm == 0.0 || !finds_length(kind),
          fmt::format("rule {} finds the length of its steps: leave out --clip-norm",
                      to_string(plan.rule)));
  require(options.engine != Engine::moments || !finds_length(kind),
          fmt::format("rule {} asks for rows at every step: use another one with --engine moments, "
                      "or --engine products",
                      to_string(plan.rule)));
  require(!options.precondition.value_or(false) || !is_adaptive(kind),
          fmt::format("rule {} has a metric of its own: leave --preconditioner to auto",
                      to_string(plan.rule)));
}

// What Newton's method cannot do.
void check_newton(const FitPlan& plan, const RowSource& data, const FitOptions& options) {
  if (plan.rule.kind != RuleKind::newton) {
    return;
  }
  require(
      !std::holds_alternative<QuantileLoss>(plan.loss),
      "rule newton needs second derivatives, which loss quantile does not have: use --rule auto");
  require(!options.precondition.value_or(false),
          "rule newton has the Hessian itself for a metric: leave --preconditioner to auto");
  const std::int64_t each = data.feature_count() + 1;
  const std::int64_t coupled = plan.columns / hessian_groups(plan.loss, plan.columns) * each;
  require(
      coupled <= most_newton_parameters,
      fmt::format("rule newton solves for all of {} parameters at once, and for at most {}: use "
                  "--rule lbfgs",
                  coupled, most_newton_parameters));
}

// A quantile fit that is left to itself goes its own way: see quantile_fit.hpp.
void check_quantile(const FitPlan& plan, const FitOptions& options) {
  require(!plan.proximal || options.rule.has_value(),
          "loss quantile has corners of its own, and no way is known to the optimum with --l1 or "
          "--constraint: name a rule, as --rule adam, that gets near, or use --loss huber:D");
  if (plan.may_choose_rule) {
    require(
        !options.stop_on_validation,
        "--stop-on-validation: a quantile fit goes to the optimum: name a rule, as --rule adam, "
        "to stop on the way");
    require(options.initial == nullptr,
            "--init: a quantile fit begins with a smoother loss: name a rule, as --rule adam, to "
            "begin at a model");
  }
}

std::int64_t default_epochs(const FitPlan& plan) {
  return !plan.full_batch              ? default_epochs_mini_batch
         : is_adaptive(plan.rule.kind) ? default_epochs_adaptive
                                       : default_epochs_full_batch;
}

}  // namespace

FitPlan plan_fit(const RowSource& data, const RowWeights& weights, const FitOptions& options) {
  check_numbers(options);
  FitPlan plan;
  plan.loss = choose_loss(data, options);
  require(options.label_smoothing == 0.0 || classifies(plan.loss),
          fmt::format("--label-smoothing is for classes: loss {} has none", name(plan.loss)));
  check_rows(data);
  if (!(weights.sum > 0.0) || !std::isfinite(weights.sum)) {
    throw InputError(fmt::format(
        "the weights of the rows to fit sum to {:g}: at least one must be positive, and "
        "their sum finite",
        weights.sum));
  }
  plan.columns = std::holds_alternative<LogisticLoss>(plan.loss) ? 1 : data.outputs();
  plan.l2 = options.l2.value_or(options.inference ? 0.0 : default_l2(weights, plan.loss));
  plan.batch_size =
      options.batch_size == 0 ? data.rows() : std::min(options.batch_size, data.rows());
  plan.full_batch = plan.batch_size == data.rows();
  plan.together = options.shuffle_rows ? 1
                                       : kernels::rows_kept_together(
                                             data.rows(), data.feature_count(), plan.batch_size);
  plan.steps_per_epoch = (data.rows() + plan.batch_size - 1) / plan.batch_size;
  plan.proximal = options.l1 > 0.0 || options.constraint.kind != ConstraintKind::none;
  plan.rule = options.rule.value_or(
      options.schedule && finds_rate(options.schedule->kind)
          ? natural_rule(*options.schedule)
          : UpdateRule{plan.full_batch ? RuleKind::accelerated : RuleKind::gradient, 0.9});
  plan.epochs = options.epochs > 0 ? options.epochs : default_epochs(plan);
  check_rule(plan, options);
  require(plan.full_batch || plan.rule.kind != RuleKind::accelerated,
          "rule accelerated needs the whole gradient: use it with --batch-size full");
  const bool own_length = finds_length(plan.rule.kind);
  require(plan.full_batch || !own_length,
          fmt::format("rule {} needs the whole gradient: use it with --batch-size full",
                      to_string(plan.rule)));
  const bool length_automatic = !options.schedule && !options.learning_rate;
  require(length_automatic || !own_length,
          fmt::format("rule {} finds the length of its steps: leave --schedule and --learning-rate "
                      "to auto",
                      to_string(plan.rule)));
  check_newton(plan, data, options);
  const bool quasi_newton = plan.rule.kind == RuleKind::lbfgs;
  const bool all_automatic = (!options.rule || quasi_newton) && length_automatic;
  const bool plain_steps = !plan.proximal && options.clip_norm == 0.0;
  plan.preconditioned =
      options.precondition.value_or(plan.full_batch && all_automatic && plain_steps);
  plan.may_choose_rule = plan.full_batch && !options.rule && length_automatic && plain_steps;
  if (std::holds_alternative<QuantileLoss>(plan.loss)) {
    check_quantile(plan, options);
  }
  require(!options.inference || options.label_smoothing == 0.0,
          "--inference is for labels as they are: leave --label-smoothing away");
  require(plan.full_batch || !plan.preconditioned,
          "--preconditioner second-moment needs the whole gradient: use it with --batch-size full");
  Schedule schedule;
  const bool decays = !plan.full_batch || is_adaptive(plan.rule.kind);
  schedule.kind =
      decays && !is_averaging(plan.rule.kind) ? ScheduleKind::cosine : ScheduleKind::constant;
  plan.schedule = options.schedule.value_or(schedule);
  require(plan.schedule.kind != ScheduleKind::risk_adaptive || classifies(plan.loss),
          "schedule risk_adaptive is for classifiers: its rate is eta / (1 - exp(-loss))");
  check_pair(plan.schedule, plan.rule);
  check_problem(plan.schedule, {plan.full_batch, options.l1 > 0.0, options.constraint.kind,
                                options.clip_norm > 0.0, plan.preconditioned});
  if (plan.schedule.horizon == 0) {
    plan.schedule.horizon = plan.epochs * plan.steps_per_epoch;
  }
  name_epochs(plan.steps_per_epoch, plan.schedule);
  require(plan.schedule.warmup < plan.schedule.horizon,
          fmt::format("schedule: a warm-up of {} steps leaves nothing of {} steps in all",
                      plan.schedule.warmup, plan.schedule.horizon));
  return plan;
}

FitPlan in_trained_units(FitPlan plan, const Scaling& scaling) {
  plan.loss = trained_loss(plan.loss, scaling);
  plan.l2 = trained_l2(plan.l2, scaling);
  return plan;
}

void require_smooth(const RowLoss& loss, std::string_view command) {
  require(!std::holds_alternative<QuantileLoss>(loss),
          fmt::format("{} needs a loss whose slope has no jumps, which quantile is not: fit finds "
                      "its optimum without a rate",
                      command));
}

void warn_of_curvature(const RowLoss& loss, std::vector<std::string>& warnings) {
  if (std::holds_alternative<PoissonLoss>(loss)) {
    warnings.emplace_back(
        "the curvature of a poisson loss grows with its predictions: L is that where all of them "
        "are the mean, and 1/L is no bound");
  }
}

void check_columns(const ColumnStatistics& statistics, const RowSource& data,
                   const FitOptions& options, std::vector<std::string>& warnings) {
  const std::vector<std::string> names = data.schema().feature_names();
  const std::int64_t kept = column_of_intercept(statistics, options.intercept);
  std::vector<std::string> constant;
  std::vector<std::string> shifted;
  for (std::size_t j = 0; j < names.size(); ++j) {
    if (!std::isfinite(statistics.mean[j]) || !std::isfinite(statistics.minimum[j]) ||
        !std::isfinite(statistics.maximum[j])) {
      throw InputError(fmt::format("column \"{}\" holds a value that is not finite", names[j]));
    }
    if (static_cast<std::int64_t>(j) == kept) {
      continue;
    }
    if (statistics.minimum[j] == statistics.maximum[j]) {
      constant.push_back(fmt::format("\"{}\" ({:g})", names[j], statistics.minimum[j]));
    } else if (std::fabs(statistics.mean[j]) > 1e5 * statistics.standard_deviation[j]) {
      shifted.push_back(fmt::format("\"{}\"", names[j]));
    }
  }
  const auto list = [](const std::vector<std::string>& all) {
    constexpr std::size_t shown = 5;
    const std::size_t count = std::min(all.size(), shown);
    std::string text = fmt::format("{}", fmt::join(all.begin(), all.begin() + count, ", "));
    return all.size() > shown ? text + fmt::format(" and {} more", all.size() - shown) : text;
  };
  if (!constant.empty()) {
    const bool one = constant.size() == 1;
    const std::string beside = kept < 0
                                   ? ""
                                   : fmt::format(", beside \"{}\", which stands for the intercept",
                                                 names[static_cast<std::size_t>(kept)]);
    const std::string sentence =
        fmt::format("{} {} the same value in every row: {}{}", one ? "column" : "columns",
                    one ? "has" : "have", list(constant), beside);
    if (!options.drop_constant) {
      throw InputError(
          sentence +
          "; no coefficient can be found for it. Fixes: --ignore NAME | --constant drop");
    }
    warnings.push_back(sentence + (one ? "; its coefficient is 0" : "; their coefficients are 0"));
  }
  if (!shifted.empty()) {
    warnings.push_back(
        fmt::format("the mean of {} is over 100,000 times its deviation: float32 keeps few digits "
                    "of what varies; "
                    "subtract a round number first",
                    list(shifted)));
  }
  if (!data.classifies() && data.rows() <= data.feature_count() + (options.intercept ? 1 : 0) &&
      options.l2.value_or(0.0) == 0.0) {
    warnings.push_back(
        fmt::format("{} rows do not determine {} coefficients: the one found is the nearest to "
                    "zero; --l2 X makes "
                    "it unique",
                    data.rows(), data.feature_count() + (options.intercept ? 1 : 0)));
  }
}

Tolerances plan_tolerances(const FitOptions& options, const RowLoss& loss, Precision precision,
                           const Scaling& scaling, double curvature) {
  // In float32 the gradient cannot be known better than the rounding of coefficients of size 1
  // shows through the largest curvature. Where that is more than `loosest` of a trained unit, as
  // with features far from 0 and no intercept, no point is called converged for it.
  // Operands of tf32 and bf16 show more of it.
  constexpr double float_rounding = 6e-8;
  constexpr double loosest = 1e-3;
  const bool exact = precision == Precision::fp64;
  const double of_classes = options.inference ? 1e-8 : 1e-6;
  double wanted = classifies(loss) ? (exact ? of_classes : 5e-6) : (exact ? 1e-8 : 1e-6);
  if (const auto* const huber = std::get_if<HuberLoss>(&loss)) {
    wanted *= std::min(1.0, huber->delta);  // no row's residual is larger
  }
  const double rounding =
      float_rounding * operand_rounding(precision) / operand_rounding(Precision::fp32);
  const double automatic =
      exact ? wanted : std::max(wanted, std::min(rounding * curvature, loosest));
  Tolerances tolerances;
  tolerances.gradient = options.tolerance_gradient
                            ? *options.tolerance_gradient / scaling.gradient_unit()
                            : automatic;
  tolerances.loss = options.tolerance_loss.value_or(0.0);
  tolerances.step = options.tolerance_step.value_or(0.0) / scaling.coefficient_unit();
  tolerances.patience = options.patience.value_or(tolerances.patience);
  return tolerances;
}

}  // namespace steepest::train
