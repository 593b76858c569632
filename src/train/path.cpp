// SPDX-License-Identifier: Apache-2.0
#include "src/train/path.hpp"

#include <Eigen/Core>
#include <Eigen/Eigenvalues>
#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <optional>

#include "kernels/partitions.hpp"
#include "src/train/curvature.hpp"
#include "src/train/folds.hpp"
#include "src/train/path_choice.hpp"
#include "src/train/path_state.hpp"
#include "src/train/preconditioner.hpp"

namespace steepest::train {
namespace {

using Clock = std::chrono::steady_clock;

// As of a sweep: more columns gain nothing from sharing a read.
constexpr std::int64_t most_columns = 128;

// Of the preconditioners of a bank, and of what its rules remember.
constexpr std::int64_t most_metric_bytes = std::int64_t{512} << 20;
constexpr std::int64_t most_memory_bytes = std::int64_t{1} << 30;

constexpr double portion_seconds = 0.1;
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

// What one bank leaves of one model.
struct Trained {
  Reason reason = Reason::running;
  std::int64_t steps = 0;
  double train_loss = nan;
  double validation_loss = nan;
};

class Path {
 public:
  Path(const PathInput& input, const FitCallback& progress)
      : backend_(*input.backend), input_(input), progress_(progress) {
    penalties_ = path_penalties(*input.options, *input.plan);
    if (input.options->folds > 0) {
      folds_ = make_folds(*input.data, input.options->folds, input.options->seed);
      fold_weights_ = fold_weights(*input.data, *folds_, input.options->folds);
      for (const double weight : fold_weights_) {
        weight_sum_ += weight;
      }
    }
    members_ = std::max<std::int64_t>(1, input.options->folds);
    result_.folds = input.options->folds;
    result_.points.resize(penalties_.size());
    take_moments();
  }

  PathResult run(std::vector<std::string>& warnings) {
    const auto count = static_cast<std::int64_t>(penalties_.size());
    const std::int64_t together = penalties_a_bank();
    for (std::size_t i = 0; i < penalties_.size(); ++i) {
      result_.points[i].l2 = penalties_[i];
      result_.points[i].validation_loss = std::numeric_limits<double>::quiet_NaN();
      result_.points[i].train_loss = std::numeric_limits<double>::quiet_NaN();
    }
    if (input_.resumed != nullptr) {
      exchange_state(*input_.resumed);
      seconds_before_ = result_.seconds;
      if (first_ % together != 0 || step_ > input_.plan->epochs) {
        input_.resumed->fail("it is in a bank that this path has not");
      }
    }
    for (; first_ < count && !interrupted_; first_ += together) {
      run_bank(std::min(together, count - first_), input_.resumed != nullptr && !has_resumed_);
    }
    result_.cut = interrupted_;
    choose_point(input_.options->pick_one_standard_error, result_);
    warn_of_path(result_, warnings);
    result_.seconds = seconds_before_ + seconds();
    return std::move(result_);
  }

 private:
  // Of the banks before the one that runs, and where that is; its own state follows.
  void exchange_state(kernels::StateArchive& archive) {
    train::exchange_state(archive, result_);
    archive.exchange_in(first_, 0, std::ssize(penalties_) - 1);
    archive.exchange_in(step_, 0, std::numeric_limits<std::int64_t>::max() / 2);
  }

  void save() {
    if (!input_.checkpoints->is_used()) {
      return;
    }
    result_.seconds = seconds_before_ + seconds();
    kernels::StateArchive archive = kernels::StateArchive::writing();
    input_.exchange_outer(archive);
    exchange_state(archive);
    backend_.exchange_state(archive);
    input_.checkpoints->save(false, archive.written());
  }

  [[nodiscard]] double seconds() const {
    return std::chrono::duration<double>(Clock::now() - start_).count();
  }

  // The bounds on the Hessians differ by their penalties only.
  void take_moments() {
    const std::optional<std::int64_t> sample = preconditioner_sample(input_.rows, input_.features);
    if (sample) {
      exact_moment_ = *sample >= input_.rows;
      moment_ = backend_.second_moment(*sample);
    }
    if (!moment_.empty() && std::holds_alternative<SquaredLoss>(input_.plan->loss)) {
      const std::int64_t stride = input_.features + 1;
      const Eigen::Map<const Eigen::MatrixXd> moment(moment_.data(), stride, stride);
      Eigen::MatrixXd centred = moment.topLeftCorner(input_.features, input_.features);
      if (input_.options->intercept) {
        const Eigen::VectorXd mean = moment.col(input_.features).head(input_.features);
        centred -= mean * mean.transpose();
      }
      const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(centred, Eigen::EigenvaluesOnly);
      eigenvalues_ = solver.eigenvalues();
    }
  }

  [[nodiscard]] HessianBound bound_of(double l2) const {
    return {input_.features, input_.options->intercept, curvature(input_.plan->loss), l2};
  }

  [[nodiscard]] std::int64_t elements_per_model() const {
    return input_.plan->columns * (input_.features + 1);
  }

  [[nodiscard]] std::int64_t penalties_a_bank() const {
    const std::int64_t stride = input_.features + 1;
    const auto matrix_bytes = stride * stride * static_cast<std::int64_t>(sizeof(double));
    const kernels::BankShape one{input_.features, input_.plan->columns, 1};
    return std::max<std::int64_t>(
        1, std::min({most_columns / (members_ * one.outputs), most_metric_bytes / matrix_bytes,
                     kernels::most_models(input_.rows, one) / members_}));
  }

  // The preconditioners of so many penalties; returns the rate that goes with them.
  [[nodiscard]] double add_metrics(std::int64_t first, std::int64_t count,
                                   kernels::BankPlan& bank) const {
    for (std::int64_t i = first; i < first + count && !moment_.empty(); ++i) {
      const double l2 = penalties_[static_cast<std::size_t>(i)];
      const std::optional<Preconditioner> metric =
          make_preconditioner(moment_, exact_moment_, backend_.precision(), bound_of(l2));
      if (!metric) {
        bank.preconditioner.clear();
        break;
      }
      bank.preconditioner.insert(bank.preconditioner.end(), metric->matrix.begin(),
                                 metric->matrix.end());
    }
    if (!bank.preconditioner.empty()) {
      return 1.0;
    }
    const auto begin = penalties_.begin() + first;
    const double l2 = *std::max_element(begin, begin + count);
    return 1.0 / largest_eigenvalue(backend_, bound_of(l2), {});
  }

  [[nodiscard]] kernels::BankPlan bank_of(std::int64_t first, std::int64_t count) const {
    constexpr std::int64_t fewest_pairs = 3;
    const std::int64_t models = count * members_;
    const std::int64_t pair_bytes =
        2 * models * elements_per_model() * static_cast<std::int64_t>(sizeof(double));
    kernels::BankPlan bank;
    bank.loss = input_.plan->loss;
    bank.outputs = input_.plan->columns;
    bank.seed = input_.options->seed;
    bank.most_steps = input_.plan->epochs;
    bank.allow_normal_equations = false;
    bank.folds = folds_;
    const double rate = add_metrics(first, count, bank);
    for (std::int64_t k = 0; k < models; ++k) {
      kernels::ModelPlan model;
      model.rule.kind = RuleKind::lbfgs;
      model.rule.pairs = std::clamp(most_memory_bytes / pair_bytes, fewest_pairs, model.rule.pairs);
      model.schedule.kind = ScheduleKind::constant;
      model.schedule.learning_rate = rate;
      model.schedule.horizon = input_.plan->epochs;
      model.penalty.l2 = penalties_[static_cast<std::size_t>(first + k / members_)];
      model.has_intercept = input_.options->intercept;
      model.tolerances = plan_tolerances(*input_.options, input_.plan->loss, backend_.precision(),
                                         *input_.scaling, 1.0 / rate);
      bank.models.push_back(model);
      bank.initial.insert(bank.initial.end(), input_.initial.begin(), input_.initial.end());
    }
    bank.masks = masks(models, false);
    return bank;
  }

  // Model k leaves fold k % F out, or sees nothing else.
  [[nodiscard]] std::vector<kernels::RowMask> masks(std::int64_t models, bool only) const {
    std::vector<kernels::RowMask> masks;
    for (std::int64_t k = 0; folds_ != nullptr && k < models; ++k) {
      const std::int64_t fold = k % members_;
      const double held_out = fold_weights_[static_cast<std::size_t>(fold)];
      const double seen = only ? held_out : weight_sum_ - held_out;
      masks.push_back({static_cast<std::int32_t>(fold), only, weight_sum_ / seen});
    }
    return masks;
  }

  void run_bank(std::int64_t count, bool resumes) {
    kernels::BankPlan bank = bank_of(first_, count);
    const auto models = static_cast<std::int64_t>(bank.models.size());
    backend_.start(bank);
    if (resumes) {
      backend_.exchange_state(*input_.resumed);
      input_.resumed->expect_end();
      has_resumed_ = true;
    } else {
      step_ = 0;
    }
    train(models);
    std::vector<Trained> trained(static_cast<std::size_t>(models));
    for (std::int64_t k = 0; k < models; ++k) {
      const kernels::ModelState state = backend_.state(k);
      trained[static_cast<std::size_t>(k)] = {
          state.reason, state.step, state.at.mean_loss * input_.scaling->loss_unit(), nan};
    }
    measure(std::move(bank), trained);
    for (std::int64_t i = 0; i < count; ++i) {
      note_point(first_ + i, trained.data() + i * members_);
    }
    result_.models += models;
    ++result_.banks;
  }

  void train(std::int64_t models) {
    const std::int64_t budget = input_.plan->epochs;
    std::vector<std::vector<kernels::StepRecord>> records(static_cast<std::size_t>(models));
    std::int64_t portion = 1;
    while (step_ < budget && running(models)) {
      const auto began = Clock::now();
      const std::int64_t steps =
          input_.checkpoints->steps_to_next(step_, std::min(portion, budget - step_));
      for (auto& record : records) {
        record.clear();
      }
      backend_.run(steps, records);
      std::size_t most = 0;
      for (const auto& record : records) {
        most = std::max(most, record.size());
      }
      result_.passes += static_cast<std::int64_t>(most);
      step_ += steps;
      const double seconds = std::chrono::duration<double>(Clock::now() - began).count();
      const double wanted = static_cast<double>(steps) * portion_seconds / std::max(seconds, 1e-9);
      portion =
          static_cast<std::int64_t>(std::clamp(wanted, 1.0, 4.0 * static_cast<double>(steps)));
      if (!report(records) || out_of_time()) {
        save();
        interrupted_ = true;
        break;
      }
      if (input_.checkpoints->is_due(step_)) {
        save();
      }
    }
    for (std::int64_t k = 0; k < models; ++k) {
      if (backend_.state(k).reason == Reason::running) {
        backend_.stop(k, interrupted_ ? Reason::interrupted : Reason::epochs);
      }
    }
  }

  [[nodiscard]] bool out_of_time() const {
    const double most = input_.options->max_seconds;
    return most > 0.0 && seconds() >= most;
  }

  [[nodiscard]] bool running(std::int64_t models) const {
    for (std::int64_t k = 0; k < models; ++k) {
      if (backend_.state(k).reason == Reason::running) {
        return true;
      }
    }
    return false;
  }

  [[nodiscard]] bool report(const std::vector<std::vector<kernels::StepRecord>>& records) const {
    if (!progress_) {
      return true;
    }
    FitProgress now;
    now.step = result_.passes;
    now.epoch = static_cast<double>(result_.passes);
    now.epochs = input_.plan->epochs;
    for (const auto& record : records) {
      if (!record.empty() && record.back().at.gradient_max_norm >= now.gradient_max_norm) {
        now.gradient_max_norm = record.back().at.gradient_max_norm;
        now.objective = record.back().at.objective() * input_.scaling->loss_unit();
      }
    }
    return progress_(now);
  }

  // The loss on rows not trained on.
  void measure(kernels::BankPlan bank, std::vector<Trained>& trained) {
    if (interrupted_) {
      return;
    }
    if (folds_ == nullptr) {
      const std::vector<double> losses = input_.validation->mean_losses(backend_, std::move(bank));
      for (std::size_t k = 0; k < losses.size(); ++k) {
        trained[k].validation_loss = losses[k];
      }
      return;
    }
    const auto models = static_cast<std::int64_t>(trained.size());
    bank.initial.clear();
    for (std::int64_t k = 0; k < models; ++k) {
      const std::vector<double> parameters = backend_.parameters(k);
      bank.initial.insert(bank.initial.end(), parameters.begin(), parameters.end());
    }
    bank.masks = masks(models, true);
    backend_.start(std::move(bank));
    backend_.evaluate();
    ++result_.passes;
    for (std::int64_t k = 0; k < models; ++k) {
      trained[static_cast<std::size_t>(k)].validation_loss =
          backend_.state(k).at.mean_loss * input_.scaling->loss_unit();
    }
  }

  void note_point(std::int64_t index, const Trained* models) {
    PathPoint& point = result_.points[static_cast<std::size_t>(index)];
    point.converged = true;
    point.validation_loss = 0.0;
    point.train_loss = 0.0;
    for (std::int64_t m = 0; m < members_; ++m) {
      const double share =
          folds_ == nullptr ? 1.0 : fold_weights_[static_cast<std::size_t>(m)] / weight_sum_;
      point.validation_loss += share * models[m].validation_loss;
      point.train_loss += models[m].train_loss / static_cast<double>(members_);
      point.steps = std::max(point.steps, models[m].steps);
      point.converged = point.converged && (models[m].reason == Reason::rounding ||
                                            Termination{models[m].reason, ""}.converged());
      if (folds_ != nullptr) {
        point.fold_losses.push_back(models[m].validation_loss);
      }
    }
    if (folds_ != nullptr) {
      double spread = 0.0;
      for (std::int64_t m = 0; m < members_; ++m) {
        const double gap = models[m].validation_loss - point.validation_loss;
        spread += fold_weights_[static_cast<std::size_t>(m)] / weight_sum_ * gap * gap;
      }
      if (is_finite(spread)) {
        point.standard_error = std::sqrt(spread / static_cast<double>(members_ - 1));
      }
    }
    point.degrees_of_freedom = degrees_of_freedom(penalties_[static_cast<std::size_t>(index)]);
  }

  [[nodiscard]] std::optional<double> degrees_of_freedom(double l2) const {
    if (eigenvalues_.size() == 0) {
      return std::nullopt;
    }
    double degrees = input_.options->intercept ? 1.0 : 0.0;
    for (const double eigenvalue : eigenvalues_) {
      const double size = std::max(eigenvalue, 0.0);
      degrees += size + l2 > 0.0 ? size / (size + l2) : 0.0;
    }
    return degrees;
  }

  kernels::Backend& backend_;
  const PathInput& input_;
  const FitCallback& progress_;
  std::vector<double> penalties_;
  std::shared_ptr<const std::vector<std::uint8_t>> folds_;  // null: validation rows
  std::vector<double> fold_weights_;
  double weight_sum_ = 0.0;
  std::int64_t members_ = 1;  // models a penalty
  std::vector<double> moment_;
  bool exact_moment_ = false;
  Eigen::VectorXd eigenvalues_;  // of the centred second moments; empty: not asked for
  bool interrupted_ = false;
  Clock::time_point start_ = Clock::now();
  double seconds_before_ = 0.0;  // of the processes it goes on from
  std::int64_t first_ = 0;       // penalty of the bank that runs, or is next
  std::int64_t step_ = 0;        // of that bank
  bool has_resumed_ = false;
  PathResult result_;
};

}  // namespace

std::vector<double> path_penalties(const FitOptions& options, const FitPlan& plan) {
  return options.l2_path.empty() ? std::vector<double>{plan.l2} : options.l2_path;
}

PathResult choose_l2(const PathInput& input, const FitCallback& progress,
                     std::vector<std::string>& warnings) {
  return Path(input, progress).run(warnings);
}

}  // namespace steepest::train
