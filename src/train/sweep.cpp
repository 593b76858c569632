// SPDX-License-Identifier: Apache-2.0
#include "steepest/sweep.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <optional>
#include <string>

#include "kernels/state_archive.hpp"
#include "src/train/checkpoint.hpp"
#include "src/train/curvature.hpp"
#include "src/train/halted_banks.hpp"
#include "src/train/optimum.hpp"
#include "src/train/optimum_store.hpp"
#include "src/train/run_identity.hpp"
#include "src/train/sweep_bank.hpp"
#include "src/train/sweep_curve.hpp"
#include "src/train/sweep_plan.hpp"
#include "src/train/validation.hpp"

namespace steepest {
namespace {

using namespace train;

class Sweep {
 public:
  Sweep(std::shared_ptr<RowSource> data, const SweepOptions& options, const SweepCallback& progress,
        const std::shared_ptr<RowSource>& validation)
      : data_(std::move(data)),
        options_(options),
        progress_(progress),
        validation_rows_(validation),
        checkpoints_(options.problem.checkpoint) {}

  SweepResult run() {
    const auto start = std::chrono::steady_clock::now();
    const RowWeights weights = data_->rows() > 0 ? sum_weights(*data_) : RowWeights{};
    layout_ = lay_out_sweep(*data_, weights, options_);
    legs_ = sweep_legs(options_.epochs, options_.prune);
    halted_ = HaltedBanks(layout_.banks.size(), options_.cache_folder);
    if (options_.prune) {
      halted_.prepare();
    }
    hold(weights);
    set_rates();
    result_.runs.resize(layout_.plan.cases.size());
    for (std::size_t i = 0; i < result_.runs.size(); ++i) {
      SweepRun& run = result_.runs[i];
      run.what = layout_.plan.cases[i];
      run.best_objective = std::numeric_limits<double>::infinity();
      run.validation_loss = std::numeric_limits<double>::quiet_NaN();
    }
    find_checkpoint();
    const auto proceed = [this] { return report({}, {}); };
    if (!resumed_) {
      const double l1 = options_.problem.l1 / held_.scaling.gradient_unit();
      result_.optimum = known_optimum([&] {
        return find_optimum(held_, layout_.optimum, {l1, &layout_.set}, options_.problem.intercept,
                            result_.largest_curvature, options_.problem.threads, validation_.get(),
                            proceed);
      });
    }
    for (; leg_ < std::ssize(legs_); ++leg_, bank_ = 0, halted_.begin_leg()) {
      for (; bank_ < std::ssize(layout_.banks); save_between_banks()) {
        run_one_bank(layout_.banks[static_cast<std::size_t>(bank_)]);
        ++bank_;
      }
      if (interrupted_) {
        break;
      }
      prune();
    }
    for (SweepRun& run : result_.runs) {  // halted, with no leg to come
      run.reason = run.reason == Reason::running ? Reason::interrupted : run.reason;
    }
    measure_regret();
    warn_of_targets(layout_.plan.cases, result_.optimum, result_.warnings);
    result_.resumable = checkpoints_.has_state();
    if (!checkpoints_.problem().empty()) {
      result_.warnings.push_back("no checkpoint: " + checkpoints_.problem());
    }
    result_.plan = std::move(layout_.plan);
    result_.interrupted = interrupted_;
    result_.seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return std::move(result_);
  }

 private:
  void hold(const RowWeights& weights) {
    const FitPlan& fit = layout_.fits.front();
    const bool any_batches = std::any_of(layout_.fits.begin(), layout_.fits.end(),
                                         [](const FitPlan& each) { return !each.full_batch; });
    FitOptions problem = options_.problem;
    if (problem.precision == Precision::automatic &&
        kernels::choose_device(problem.device, problem.threads).kind == DeviceKind::cpu) {
      problem.precision = Precision::fp64;
    }
    require_smooth(fit.loss, "sweep");
    held_ = hold_data(data_, weights, problem, fit.loss, fit.columns, any_batches);
    if (validation_rows_ != nullptr) {
      if (checkpoints_.is_used()) {  // before its features are given away
        validation_digest_ = validation_digest(*validation_rows_);
      }
      validation_ = std::make_unique<Validation>(validation_rows_, held_, problem);
    }
    result_.device = held_.device;
    result_.precision = held_.precision;
    result_.engine = held_.backend->engine();
    result_.loss = to_string(fit.loss);
    result_.l2 = fit.l2;
    result_.l1 = problem.l1;
    result_.constraint = problem.constraint;
    layout_.set =
        feasible_set(problem.constraint, held_.scaling,
                     problem.drop_constant ? held_.constant_columns : std::vector<std::int64_t>());
    layout_.optimum = in_trained_units(layout_.optimum, held_.scaling);
    for (FitPlan& each : layout_.fits) {
      each = in_trained_units(each, held_.scaling);
    }
    result_.warnings = held_.warnings;
    warn_of_curvature(fit.loss, result_.warnings);
    result_.warnings.insert(result_.warnings.end(), layout_.plan.warnings.begin(),
                            layout_.plan.warnings.end());
  }

  // From the store, or found and kept there; what it says on other rows is not kept.
  template <class Find>
  SweepOptimum known_optimum(Find find) {
    if (validation_ != nullptr) {
      return find();
    }
    const OptimumStore store;
    const auto identity = [this] {
      const std::string penalty = fmt::format("{}", options_.problem.l1);
      RunIdentity problem = problem_identity("optimum", options_.problem, layout_.optimum, held_);
      std::erase_if(problem.options, [](const auto& option) {
        return option.first == "--seed" || option.first == "--shuffle full";
      });
      problem.options.emplace_back("--l1", penalty);
      problem.options.emplace_back("--constraint", to_string(options_.problem.constraint));
      return optimum_identity(std::move(problem), held_, layout_.optimum);
    };
    if (!store.is_empty()) {
      if (std::optional<SweepOptimum> known = store.find(identity())) {
        return std::move(*known);
      }
    }
    SweepOptimum found = find();
    if (found.converged && found.seconds >= OptimumStore::least_seconds) {
      store.keep(identity(), found);
    }
    return found;
  }

  void find_checkpoint() {
    if (!checkpoints_.is_used()) {
      return;
    }
    RunIdentity identity = problem_identity("sweep", options_.problem, layout_.fits.front(), held_);
    Digest cases;
    for (const SweepCase& what : layout_.plan.cases) {
      cases.add(to_string(what.schedule));
      cases.add(to_string(what.rule));
      cases.add(what.schedule.learning_rate);
      cases.add(static_cast<double>(what.schedule.horizon));
      cases.add(static_cast<double>(what.batch_size));
      cases.add(static_cast<double>(what.seed));
    }
    identity.options.insert(
        identity.options.end(),
        {{"--clip-norm", fmt::format("{}", options_.problem.clip_norm)},
         {"--epochs", fmt::format("{}", options_.epochs)},
         {"--prune", options_.prune ? "yes" : "no"},
         {"points a curve", fmt::format("{}", options_.most_points)},
         {"rows to validate on", validation_digest_},
         {"schedules, rates, batches, rules and seeds",
          fmt::format("{} runs ({})", layout_.plan.cases.size(), cases.text())}});
    resumed_ = checkpoints_.open(std::move(identity), result_.warnings);
    result_.resumed_from = checkpoints_.resumed_from();
    if (resumed_) {
      kernels::StateArchive archive =
          kernels::StateArchive::reading(*resumed_, checkpoints_.resumed_from());
      exchange_state(archive);
      if (!in_bank_) {
        archive.expect_end();
      }
    }
  }

  // What is known beside the bank that runs; the same both ways.
  void exchange_state(kernels::StateArchive& archive) {
    SweepOptimum& optimum = result_.optimum;
    archive.exchange(optimum.objective);
    archive.exchange(optimum.gradient_max_norm);
    archive.exchange(optimum.converged);
    archive.exchange(optimum.method);
    archive.exchange(optimum.validation_loss);
    archive.exchange(optimum.resolution);
    archive.exchange(optimum.seconds);
    for (SweepRun& run : result_.runs) {
      train::exchange_state(archive, run);
    }
    halted_.exchange_state(archive);
    archive.exchange_in(leg_, 0, std::ssize(legs_) - 1);
    archive.exchange_in(bank_, 0, static_cast<std::int64_t>(layout_.banks.size()));
    archive.exchange(in_bank_);
    if (in_bank_ && bank_ == static_cast<std::int64_t>(layout_.banks.size())) {
      archive.fail("it is in a bank beyond the last");
    }
  }

  void save_between_banks() {
    const bool ended = bank_ == std::ssize(layout_.banks) && leg_ + 1 == std::ssize(legs_);
    if (checkpoints_.is_used() && !bank_was_cut_ &&
        (ended || interrupted_ || checkpoints_.is_due(0))) {
      kernels::StateArchive archive = kernels::StateArchive::writing();
      exchange_state(archive);
      checkpoints_.save(ended, archive.written());
    }
  }

  // Rates over L, L being that of what a step of the batch size sees. Factors have no unit.
  void set_rates() {
    const FitPlan& fit = layout_.fits.front();
    const HessianBound bound{held_.features, options_.problem.intercept, curvature(fit.loss),
                             fit.l2};
    result_.largest_curvature = largest_eigenvalue(*held_.backend, bound, {});
    for (std::size_t i = 0; i < layout_.fits.size(); ++i) {
      SweepCase& what = layout_.plan.cases[i];
      if (what.rate.over_curvature) {
        const double sharpest = batch_curvature(result_.largest_curvature,
                                                bound.loss_curvature * held_.row_curvature + fit.l2,
                                                held_.rows, layout_.fits[i].batch_size);
        what.schedule.learning_rate =
            rate_is_factor(what.schedule.kind) ? what.rate.value : what.rate.value / sharpest;
      }
    }
  }

  // The losing half of what has come this far, wherever it was trained.
  void prune() {
    if (leg_ + 1 == std::ssize(legs_)) {
      return;
    }
    for (const std::size_t i : pruned_after_leg(result_.runs)) {
      result_.runs[i].reason = Reason::interrupted;
      result_.runs[i].pruned = true;
    }
  }

  void run_one_bank(const std::vector<std::size_t>& members) {
    const bool begins = leg_ == 0;
    const auto bank = static_cast<std::size_t>(bank_);
    if (!begins && halted_.is_empty(bank) && !in_bank_) {
      return;  // all its runs have ended
    }
    if (interrupted_) {
      bank_was_cut_ = true;
      for (const std::size_t i : members) {
        SweepRun& run = result_.runs[i];
        run.reason = run.reason == Reason::running ? Reason::interrupted : run.reason;
        run.final_objective =
            begins ? std::numeric_limits<double>::quiet_NaN() : run.final_objective;
      }
      return;
    }
    BankLeg leg;
    leg.epochs = legs_[static_cast<std::size_t>(leg_)];
    leg.state = halted_.get(bank);
    for (std::size_t k = 0; k < members.size(); ++k) {
      if (result_.runs[members[k]].pruned) {
        leg.pruned.push_back(k);
      }
    }
    const auto within = [&](double /*fraction*/, const std::vector<SweepRun>& runs) {
      return report(runs, members);
    };
    BankCheckpoints checkpoints;
    checkpoints.folder = &checkpoints_;
    checkpoints.exchange_outer = [this](kernels::StateArchive& archive) {
      exchange_state(archive);
    };
    if (in_bank_) {
      checkpoints.resumed = std::move(resumed_);
    }
    in_bank_ = true;
    std::vector<SweepRun> runs =
        run_bank(held_, layout_, members, options_, validation_.get(), checkpoints, leg, within);
    in_bank_ = false;
    halted_.put(bank, std::move(leg.state));
    bank_was_cut_ = std::any_of(runs.begin(), runs.end(), [](const SweepRun& run) {
      return run.reason == Reason::interrupted && !run.pruned;
    });
    for (std::size_t k = 0; k < members.size(); ++k) {
      result_.runs[members[k]] = std::move(runs[k]);
    }
    static_cast<void>(report({}, {}));
  }

  // Runs that are done, and those of the bank that runs now.
  bool report(const std::vector<SweepRun>& now, const std::vector<std::size_t>& members) {
    if (!progress_) {
      return true;
    }
    SweepProgress state;
    state.runs = static_cast<std::int64_t>(result_.runs.size());
    state.optimum = result_.optimum.objective;
    double steps = 0.0;
    double all_steps = 0.0;
    std::vector<const SweepRun*> alive;
    const auto count = [&](const SweepRun& run) {
      state.done += run.reason == Reason::epochs ? 1 : 0;
      state.diverged += run.reason == Reason::diverged ? 1 : 0;
      state.pruned += run.pruned ? 1 : 0;
      const bool ended = run.reason != Reason::running;
      if (!run.curve.empty()) {
        steps += ended ? static_cast<double>(options_.epochs) : run.curve.back().epoch;
        state.running += ended ? 0 : 1;
        if (run.reason != Reason::diverged) {
          alive.push_back(&run);
        }
      }
      all_steps += static_cast<double>(options_.epochs);
    };
    for (std::size_t i = 0; i < result_.runs.size(); ++i) {
      const auto member = std::find(members.begin(), members.end(), i);
      count(member == members.end() ? result_.runs[i]
                                    : now[static_cast<std::size_t>(member - members.begin())]);
    }
    state.fraction = all_steps > 0.0 ? steps / all_steps : 0.0;
    add_leaders(alive, state);
    interrupted_ = interrupted_ || !progress_(state);
    return !interrupted_;
  }

  void add_leaders(std::vector<const SweepRun*>& alive, SweepProgress& state) const {
    constexpr std::ptrdiff_t most = 5;
    const auto end = alive.begin() + std::min(most, std::ssize(alive));
    const auto lower = [](const SweepRun* a, const SweepRun* b) {
      return a->best_objective < b->best_objective;
    };
    std::partial_sort(alive.begin(), end, alive.end(), lower);
    for (auto run = alive.begin(); run != end; ++run) {
      state.leaders.push_back({describe((*run)->what, held_.rows), (*run)->best_objective});
    }
    if (!state.leaders.empty()) {
      state.best = state.leaders.front().what;
      state.best_objective = state.leaders.front().objective;
    }
  }

  // No run may lie below the optimum: where rounding or an end before convergence let one, it is
  // the optimum.
  void measure_regret() {
    SweepOptimum& optimum = result_.optimum;
    double lowest = optimum.objective;
    for (const SweepRun& run : result_.runs) {
      lowest = std::min(lowest, run.best_objective);
    }
    if (lowest < optimum.objective) {
      if (optimum.objective - lowest > optimum.resolution) {
        optimum.method += "; lowered to the best point of a run";
      }
      optimum.objective = lowest;
    }
    for (SweepRun& run : result_.runs) {
      run.suboptimality = run.reason == Reason::diverged ? std::numeric_limits<double>::quiet_NaN()
                                                         : run.final_objective - optimum.objective;
    }
  }

  std::shared_ptr<RowSource> data_;
  const SweepOptions& options_;
  const SweepCallback& progress_;
  const std::shared_ptr<RowSource>& validation_rows_;  // null for none
  std::unique_ptr<Validation> validation_;
  SweepLayout layout_;
  HeldData held_;
  std::string validation_digest_ = "none";
  CheckpointFolder checkpoints_;
  std::optional<std::string> resumed_;  // the state to go on from
  std::vector<std::int64_t> legs_;      // the epochs at which all banks halt
  HaltedBanks halted_;                  // states of the banks to go on from
  std::int64_t leg_ = 0;                // the one that banks are in
  std::int64_t bank_ = 0;               // the one that runs, or is next
  bool in_bank_ = false;
  bool bank_was_cut_ = false;  // the last one: it has saved itself
  SweepResult result_;
  bool interrupted_ = false;
};

}  // namespace

SweepResult sweep(std::shared_ptr<RowSource> data, const SweepOptions& options,
                  const SweepCallback& progress, const std::shared_ptr<RowSource>& validation) {
  return Sweep(std::move(data), options, progress, validation).run();
}

}  // namespace steepest
