// SPDX-License-Identifier: Apache-2.0
#include "src/train/quantile_fit.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <optional>
#include <utility>

#include "kernels/loss_rounding.hpp"
#include "src/train/continuation.hpp"
#include "src/train/pinball_program.hpp"
#include "src/train/program_rows.hpp"
#include "src/train/quantile_proof.hpp"
#include "src/train/quantile_state.hpp"
#include "steepest/error.hpp"

namespace steepest::train {
namespace {

// Widths of the smoothings, in deviations of the target.
constexpr double widths[] = {widest_smoothing, 0.1, 0.01};

constexpr std::int64_t block_rows = 4096;
constexpr std::int64_t fewest_program_rows = 4000;
constexpr std::int64_t program_rows_a_parameter = 30;
constexpr std::int64_t most_program_elements = 40'000'000;

class QuantileFit {
 public:
  QuantileFit(const QuantileRun& run, const FitCallback& progress)
      : run_(run),
        progress_(progress),
        rows_(run.rows),
        stride_(run.features + 1),
        path_({run.backend, run.plan, run.scaling, run.preconditioner, run.intercept,
               run.max_seconds, run.features, run.checkpoints, run.exchange_outer, run.resumed},
              progress) {
    if (path_.is_over()) {
      kernels::StateArchive archive =
          kernels::StateArchive::reading(*run.resumed, run.checkpoints->resumed_from());
      exchange_state(archive);
      archive.expect_end();
      must_iterate_ = !state_.is_over;
    }
  }

  RunOutcome to_end() {
    bool whole = true;  // later widths need no more than the sign of most errors
    for (std::size_t i = 0; whole && i < std::size(widths); ++i) {
      constexpr double flat = 1e-4;
      whole = path_.descend(smoothed(widths[i]), rate(widths[i]), flat);
    }
    if (!path_.is_over()) {
      path_.end_descents();
      state_.end = whole ? Reason::running : path_.reason();
      state_.is_over = !whole;
    }
    if (!state_.is_over) {
      finish_exactly();
    }
    settle();
    const Reason reason = outcome_.termination.reason;
    if (reason != Reason::interrupted && reason != Reason::seconds) {
      state_.is_over = true;
      save(true);
    }
    return std::move(outcome_);
  }

 private:
  // Between iterations of a program, the same both ways.
  void exchange_state(kernels::StateArchive& archive) {
    run_.exchange_outer(archive);
    path_.exchange_state(archive);
    train::exchange_state(archive, outputs(), state_);
    const std::vector<double>& parameters = path_.parameters();
    if (parameters.empty() ||
        (!state_.is_over && !std::all_of(parameters.begin(), parameters.end(),
                                         [](double value) { return std::isfinite(value); }))) {
      archive.fail("it has no parameters to go on from");
    }
  }

  void save(bool ended) {
    if (run_.checkpoints != nullptr && run_.checkpoints->is_used()) {
      kernels::StateArchive archive = kernels::StateArchive::writing();
      exchange_state(archive);
      run_.checkpoints->save(ended, archive.written());
    }
  }

  [[nodiscard]] std::int64_t features() const { return run_.features; }
  [[nodiscard]] std::int64_t outputs() const { return run_.plan.columns; }
  [[nodiscard]] RowLoss smoothed(double width) const { return QuantileLoss{run_.level, width}; }
  [[nodiscard]] double rate(double width) const {
    return run_.plan.schedule.learning_rate * width / widest_smoothing;
  }

  // At the parameters reached.
  void start(double width) { path_.start(smoothed(width), rate(widest_smoothing)); }

  // Errors of all rows in one output, in trained units.
  [[nodiscard]] std::vector<double> errors_of(std::int64_t output) {
    std::vector<double> errors(static_cast<std::size_t>(rows_));
    std::vector<double> scores(static_cast<std::size_t>(block_rows * outputs()));
    RowBuffer buffer;
    for (std::int64_t first = 0; first < rows_; first += block_rows) {
      const std::int64_t count = std::min(block_rows, rows_ - first);
      run_.backend.scores(0, first, count, scores.data());
      const double* const targets = run_.data.targets(first, count, buffer);
      for (std::int64_t i = 0; i < count; ++i) {
        const double target = (targets[i * outputs() + output] -
                               run_.scaling.target_mean[static_cast<std::size_t>(output)]) /
                              run_.scaling.target_scale;
        errors[static_cast<std::size_t>(first + i)] =
            target - scores[static_cast<std::size_t>(i * outputs() + output)];
      }
    }
    return errors;
  }

  // Weights of all rows, with mean 1.
  [[nodiscard]] std::vector<double> all_weights() const {
    std::vector<double> weights(static_cast<std::size_t>(rows_), 1.0);
    RowBuffer buffer;
    for (std::int64_t first = 0; run_.weights.mean > 0.0 && first < rows_; first += block_rows) {
      const std::int64_t count = std::min(block_rows, rows_ - first);
      const double* const values = run_.data.weights(first, count, buffer);
      for (std::int64_t i = 0; i < count; ++i) {
        weights[static_cast<std::size_t>(first + i)] = values[i] / run_.weights.mean;
      }
    }
    return weights;
  }

  // Solves the program of the rows with the smallest errors, or takes its solution from the state
  // that was gone on from; the new parameters of the output. Nothing where time ran out before it
  // was solved.
  std::optional<QuantileRound> solve(std::int64_t output, std::int64_t count,
                                     std::vector<double>& parameters) {
    QuantileRound round;
    round.errors = errors_of(output);
    static_cast<ProgramRows&>(round) = program_rows(round.errors, count);
    const std::int64_t p = run_.intercept ? stride_ : stride_ - 1;
    PinballProgram program;
    program.level = run_.level;
    program.ridge = run_.plan.l2 * static_cast<double>(rows_);
    program.last_is_intercept = run_.intercept;
    Eigen::VectorXd begin(p);
    for (std::int64_t j = 0; j < p; ++j) {
      begin[j] = parameters[static_cast<std::size_t>(output * stride_ + j)];
    }
    fill_rows(round, p, begin, program);
    program.linear = linear_part(output, round, program, p);
    drop_weightless(round, program);
    if (!is_of(program, output, state_)) {
      throw InputError(
          fmt::format("{}: not a state this run can go on from: its programs have "
                      "other rows",
                      run_.checkpoints->resumed_from()));
    }
    if (output == std::ssize(state_.solved)) {
      std::optional<PinballSolution> solution =
          solve_pinball(program, begin, state_.at, [this] { return iterates(); });
      if (!solution) {
        return std::nullopt;
      }
      state_.solved.push_back(std::move(*solution));
      state_.at.reset();
    }
    const PinballSolution& solution = state_.solved[static_cast<std::size_t>(output)];
    round.duals = solution.duals;
    round.residual = solution.residual;
    CertifiedPoint point = run_.point;
    point.columns = 1;
    point.parameters.assign(static_cast<std::size_t>(stride_), 0.0);
    for (std::int64_t j = 0; j < p; ++j) {
      parameters[static_cast<std::size_t>(output * stride_ + j)] = solution.parameters[j];
      point.parameters[static_cast<std::size_t>(j)] = solution.parameters[j];
    }
    round.parameters = solution.parameters;
    round.hidden = quantile_rounding({program, solution, point, rows_});
    return round;
  }

  // Asked before each iteration. A start makes one at least, or starts that are ended soon would
  // not come on.
  bool iterates() {
    if (!std::exchange(must_iterate_, false) && !goes_on()) {
      return false;
    }
    ++state_.iterations;
    return true;
  }

  void fill_rows(const QuantileRound& round, std::int64_t p, const Eigen::VectorXd& begin,
                 PinballProgram& program) {
    const auto count = static_cast<std::int64_t>(round.chosen.size());
    std::vector<double> values(static_cast<std::size_t>(count * features()));
    run_.backend.features(round.chosen.data(), count, values.data());
    program.rows.setOnes(count, p);
    program.targets.resize(count);
    program.weights.resize(count);
    for (std::int64_t i = 0; i < count; ++i) {
      for (std::int64_t j = 0; j < features(); ++j) {
        program.rows(i, j) = values[static_cast<std::size_t>(i * features() + j)];
      }
      const auto row = static_cast<std::size_t>(round.chosen[static_cast<std::size_t>(i)]);
      program.targets[i] = round.errors[row];
      program.weights[i] = row_weights_[row];
    }
    program.targets += program.rows * begin;
  }

  // Sum of w u x over the rows left out, from the gradient of all and the rows chosen.
  Eigen::VectorXd linear_part(std::int64_t output, const QuantileRound& round,
                              const PinballProgram& program, std::int64_t p) {
    const double width = round.sharpness;  // max(level, 1 - level) < 1: those left out are cut
    start(width);
    const std::vector<double> gradient = run_.backend.evaluate_at(path_.parameters()).gradient;
    Eigen::VectorXd duals(static_cast<Eigen::Index>(round.chosen.size()));
    for (std::size_t i = 0; i < round.chosen.size(); ++i) {
      const auto row = static_cast<std::size_t>(round.chosen[i]);
      duals[static_cast<Eigen::Index>(i)] =
          row_weights_[row] * outer_dual(round.errors[row], width, run_.level);
    }
    Eigen::VectorXd linear = -(program.rows.transpose() * duals);
    for (std::int64_t j = 0; j < p; ++j) {
      linear[j] -=
          static_cast<double>(rows_) * gradient[static_cast<std::size_t>(output * stride_ + j)];
    }
    return linear;
  }

  static void drop_weightless(QuantileRound& round, PinballProgram& program) {
    Eigen::Index kept = 0;
    for (Eigen::Index i = 0; i < program.weights.size(); ++i) {
      if (program.weights[i] > 0.0) {
        program.rows.row(kept) = program.rows.row(i);
        program.targets[kept] = program.targets[i];
        program.weights[kept] = program.weights[i];
        round.chosen[static_cast<std::size_t>(kept)] = round.chosen[static_cast<std::size_t>(i)];
        ++kept;
      }
    }
    program.rows.conservativeResize(kept, Eigen::NoChange);
    program.targets.conservativeResize(kept);
    program.weights.conservativeResize(kept);
    round.chosen.resize(static_cast<std::size_t>(kept));
  }

  [[nodiscard]] bool goes_on() {
    if (run_.max_seconds > 0.0 && path_.seconds() >= run_.max_seconds) {
      save(false);
      state_.end = Reason::seconds;
      return false;
    }
    FitProgress now;
    now.step = path_.steps();
    now.epochs = run_.plan.epochs;
    now.epoch = static_cast<double>(path_.steps());
    if (progress_ && !progress_(now)) {
      save(false);
      state_.end = Reason::interrupted;
      return false;
    }
    const std::int64_t step =
        path_.steps() - state_.round + state_.iterations;  // a round is a step of the path
    if (run_.checkpoints != nullptr && run_.checkpoints->is_due(step)) {
      save(false);
    }
    return true;
  }

  void finish_exactly() {
    row_weights_ = all_weights();
    const std::int64_t most = std::max<std::int64_t>(stride_ + 1, most_program_elements / stride_);
    state_.count =
        std::max({state_.count, fewest_program_rows, program_rows_a_parameter * stride_});
    for (; state_.round < QuantileState::most_rounds; ++state_.round) {
      const std::int64_t count = std::min({state_.count, most, rows_});
      std::vector<QuantileRound> solved;
      std::vector<double> next = path_.parameters();
      for (std::int64_t o = 0; o < outputs(); ++o) {
        start(0.0);  // scores are those of the parameters reached
        std::optional<QuantileRound> mine = solve(o, count, next);
        if (!mine) {
          return;
        }
        solved.push_back(std::move(*mine));
      }
      path_.set_parameters(std::move(next));
      start(0.0);
      QuantileProof all;
      double residual = 0.0;
      for (std::int64_t o = 0; o < outputs(); ++o) {
        const QuantileRound& mine = solved[static_cast<std::size_t>(o)];
        all.add(prove_quantile(mine, errors_of(o), row_weights_, run_.level, run_.plan.l2));
        residual = std::max(residual, mine.residual.lpNorm<Eigen::Infinity>());
      }
      state_.solved.clear();
      path_.count_step();
      state_.as_held = all.as_held;
      state_.as_came = all.is_proved ? std::optional(all.as_came) : std::nullopt;
      state_.subgradient = residual / static_cast<double>(rows_);
      if (all.signs_held || (count == most && state_.round > 2)) {
        return;
      }
      state_.count = 2 * count;
    }
  }

  // The parameters kept, the loss itself there, and why this is the end.
  void settle() {
    outcome_.termination.reason = state_.end;
    start(0.0);
    run_.backend.evaluate();
    Evaluation at = run_.backend.state(0).at;
    if (state_.subgradient) {
      at.gradient_max_norm = *state_.subgradient;
    }
    outcome_.at.mean_loss = at.mean_loss * run_.scaling.loss_unit();
    outcome_.at.penalty = at.penalty * run_.scaling.loss_unit();
    outcome_.at.gradient_max_norm = at.gradient_max_norm * run_.scaling.gradient_unit();
    outcome_.state = run_.backend.state(0);
    outcome_.state.step = path_.steps();
    outcome_.history = path_.history();
    outcome_.seconds = path_.seconds();
    if (!state_.as_held || outcome_.termination.reason == Reason::interrupted) {
      outcome_.gap = {std::nullopt, "the run ended before its last stage, which proves the bound"};
      explain_early_end();
      return;
    }
    const bool proved = judge(at.mean_loss * kernels::loss_rounding(run_.backend.precision()));
    if (state_.end == Reason::seconds && !proved) {
      outcome_.termination.reason = state_.end;
      explain_early_end();
    }
  }

  // Whether the gap is within the tolerance: one given is for the bound; without one the program is
  // to be solved, and what rounding hides beside it no step would change. `sums` is what sums over
  // rows hide.
  bool judge(double sums) {
    constexpr double least = 1e-3;  // deviations of the target: an exact fit has objective 0
    const double unit = run_.scaling.loss_unit();
    const double solved = (*state_.as_held + sums) * unit;
    const bool exact = run_.backend.precision() == Precision::fp64;
    const double size = std::max(outcome_.at.objective(), least * unit);
    const double enough = (exact ? 1e-8 : 1e-5) * size;
    if (!state_.as_came) {
      outcome_.gap = {
          std::nullopt,
          "the features are collinear to rounding in the rows that decide: --l2 X gives "
          "a bound"};
      const bool proved = run_.tolerance_gap == 0.0 && solved <= enough;
      outcome_.termination = {proved ? Reason::gap : Reason::rounding,
                              fmt::format("gap of the rows as trained {:.3g} {} {:.3g}", solved,
                                          solved <= enough ? "<=" : ">", enough)};
      return proved;
    }
    const double gap = (*state_.as_came + sums) * unit;
    outcome_.gap = {gap, ""};
    const double tolerance =
        run_.tolerance_gap > 0.0 ? run_.tolerance_gap : enough + std::max(0.0, gap - solved);
    const bool proved = gap <= tolerance;
    outcome_.termination = {
        proved ? Reason::gap : Reason::rounding,
        fmt::format("gap_bound {:.3g} {} {:.3g}", gap, proved ? "<=" : ">", tolerance)};
    return proved;
  }

  void explain_early_end() {
    Termination& end = outcome_.termination;
    if (end.reason == Reason::seconds) {
      end.inequality = fmt::format("seconds {:.3g} >= {:.3g}", path_.seconds(), run_.max_seconds);
    } else if (end.reason == Reason::interrupted) {
      end.inequality = "the run was interrupted";
    } else if (end.reason == Reason::diverged) {
      end.inequality = "the objective is not finite";
    } else if (end.reason == Reason::epochs) {
      end.inequality = fmt::format("epochs {} >= {}", path_.steps(), run_.plan.epochs);
    }
  }

  const QuantileRun& run_;
  const FitCallback& progress_;
  std::int64_t rows_;
  std::int64_t stride_;
  Continuation path_;
  QuantileState state_;
  bool must_iterate_ = false;        // before anything may end this start
  std::vector<double> row_weights_;  // of all rows
  RunOutcome outcome_;
};

}  // namespace

RunOutcome run_quantile_fit(const QuantileRun& run, const FitCallback& progress) {
  return QuantileFit(run, progress).to_end();
}

}  // namespace steepest::train
