// SPDX-License-Identifier: Apache-2.0
// Vector and matrix scaling: from the temperature on, by L-BFGS, with a penalty chosen on rows held
// out.
#include "steepest/affine_calibration.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>

#include "src/calibrate/affine_objective.hpp"
#include "src/calibrate/affine_search.hpp"
#include "src/calibrate/held_logits.hpp"
#include "src/calibrate/row_split.hpp"
#include "src/data/excerpt.hpp"
#include "steepest/error.hpp"

namespace steepest {
namespace {

using calibrate::AffineObjective;
using calibrate::AffineSearch;
using calibrate::gradient_tolerance;
using calibrate::HeldLogits;
using calibrate::MemoryLogits;
using calibrate::minimise;

constexpr std::int64_t most_matrix_classes = 2000;
constexpr double highest_penalty = 1e4;
constexpr int penalties = 8;  // each a tenth of the one before

// Mean NLL of scaled rows.
double nll_of(const HeldLogits& held, const ScoreScaling& scaling, kernels::ThreadPool& pool) {
  constexpr std::int64_t block_rows = 1024;
  const std::int64_t classes = held.classes();
  std::vector<double> sums(static_cast<std::size_t>((held.rows() + block_rows - 1) / block_rows));
  pool.for_each(static_cast<std::int64_t>(sums.size()), [&](std::int64_t block, int /*worker*/) {
    const std::int64_t first = block * block_rows;
    const std::int64_t count = std::min(block_rows, held.rows() - first);
    std::vector<double> scores(held.logits.row(first), held.logits.row(first + count));
    scaling.apply(scores.data(), count, classes);
    for (std::int64_t r = 0; r < count; ++r) {
      const double* const z = scores.data() + r * classes;
      const double largest = *std::max_element(z, z + classes);
      double total = 0.0;
      for (std::int64_t k = 0; k < classes; ++k) {
        total += std::exp(z[k] - largest);
      }
      const std::int32_t label = held.labels[static_cast<std::size_t>(first + r)];
      sums[static_cast<std::size_t>(block)] += largest + std::log(total) - z[label];
    }
  });
  double sum = 0.0;
  for (const double part : sums) {
    sum += part;
  }
  return sum / static_cast<double>(held.rows());
}

class AffineSolver {
 public:
  AffineSolver(const LogitRows& rows, const AffineOptions& options, const ReadProgress& progress)
      : rows_(rows), options_(options), pool_(options.temperature.threads), progress_(progress) {}

  AffineCalibration run() {
    check_options();
    result_.device = options_.method == ScalingMethod::vector
                         ? kernels::describe_cpu(pool_.threads())
                         : kernels::choose_device(options_.temperature.device, pool_.threads());
    const auto begin = std::chrono::steady_clock::now();
    calibrate::HeldRows held =
        calibrate::hold_rows(rows_, options_.temperature, options_.method, pool_, progress_);
    all_ = std::move(held.usable);
    skipped_warning_ = std::move(held.skipped_warning);
    const double load_seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    result_.temperature = temperature_of(all_);
    result_.temperature.load_seconds = load_seconds;
    result_.temperature.reads = rows_.is_file() ? 1 : 0;
    result_.temperature.rows_skipped = held.skipped;
    if (result_.temperature.status == CalibrationStatus::zero ||
        result_.temperature.status == CalibrationStatus::infinite) {
      throw InputError(Location{rows_.name()},
                       fmt::format("no finite temperature above 0 is best (status {}), so {} "
                                   "scaling has nothing to start from: see what --method "
                                   "temperature says of these rows",
                                   name(result_.temperature.status), name(options_.method)));
    }
    result_.penalty = options_.penalty ? *options_.penalty : choose_penalty();
    const auto objective = objective_of(all_);
    const AffineSearch last =
        minimise(*objective, result_.penalty, objective->start(result_.temperature.beta), pool_);
    result_.scaling = objective->scaling(last.theta);
    result_.gradient_max_norm = last.at.gradient_max_norm;
    result_.gradient_tolerance = gradient_tolerance;
    result_.converged = last.converged;
    result_.passes = last.passes;
    measure();
    warn();
    return std::move(result_);
  }

 private:
  void check_options() const {
    if (options_.temperature.smoothing > 0.0) {
      throw OptionError("label smoothing goes with --method temperature only");
    }
    if (options_.penalty && !(*options_.penalty >= 0.0 && std::isfinite(*options_.penalty))) {
      throw OptionError(
          fmt::format("a penalty of {} is no number of 0 or more", *options_.penalty));
    }
    if (!(options_.valid_fraction > 0.0 && options_.valid_fraction < 1.0)) {
      throw OptionError(
          fmt::format("--valid-fraction {} is not in (0, 1)", options_.valid_fraction));
    }
    if (options_.method == ScalingMethod::vector &&
        options_.temperature.device.kind == DeviceChoice::Kind::cuda) {
      throw OptionError("--method vector runs on the CPU: use --device cpu or auto");
    }
    if (options_.method == ScalingMethod::matrix && rows_.classes() > most_matrix_classes) {
      throw OptionError(fmt::format(
          "--method matrix takes up to {} classes, and these rows have {}: use vector or "
          "temperature",
          data::grouped(most_matrix_classes), data::grouped(rows_.classes())));
    }
  }

  [[nodiscard]] Calibration temperature_of(const HeldLogits& held) const {
    CalibrationOptions options = options_.temperature;
    if (&held != &all_) {
      options.bootstrap = 0;
      options.curve_points = 0;
    }
    return calibrate_temperature(MemoryLogits(held, rows_.name()), options);
  }

  [[nodiscard]] std::unique_ptr<AffineObjective> objective_of(const HeldLogits& held) {
    double squares = 0.0;
    for (std::int64_t r = 0; r < held.rows(); ++r) {
      const float* const z = held.logits.row(r);
      double row = 0.0;
      for (std::int64_t k = 0; k < held.classes(); ++k) {
        row += static_cast<double>(z[k]) * static_cast<double>(z[k]);
      }
      squares += row / static_cast<double>(held.rows() * held.classes());
    }
    const double scale = squares > 0.0 ? std::sqrt(squares) : 1.0;
    return options_.method == ScalingMethod::vector
               ? calibrate::make_vector_objective(held, scale, pool_)
               : calibrate::make_matrix_objective(held, scale, result_.device,
                                                  options_.temperature.threads);
  }

  // Some rows for the search, the rest to judge it, both in order.
  void split(HeldLogits& training, HeldLogits& held_out) const {
    const std::vector<bool> is_out =
        calibrate::rows_held_out(all_.rows(), options_.valid_fraction, options_.temperature.seed);
    const std::int64_t count = std::count(is_out.begin(), is_out.end(), true);
    training.logits = FeatureMatrix(all_.rows() - count, all_.classes());
    held_out.logits = FeatureMatrix(count, all_.classes());
    for (std::int64_t r = 0; r < all_.rows(); ++r) {
      HeldLogits& to = is_out[static_cast<std::size_t>(r)] ? held_out : training;
      std::copy_n(all_.logits.row(r), all_.classes(),
                  to.logits.row(static_cast<std::int64_t>(to.labels.size())));
      to.labels.push_back(all_.labels[static_cast<std::size_t>(r)]);
    }
  }

  double choose_penalty() {
    HeldLogits training;
    HeldLogits held_out;
    split(training, held_out);
    const Calibration start = temperature_of(training);
    if (start.status != CalibrationStatus::solved) {
      throw InputError(Location{rows_.name()},
                       fmt::format("the rows that the penalty would be chosen with have no "
                                   "temperature (status {}): give a --penalty, or more rows",
                                   name(start.status)));
    }
    HeldOutNll nll;
    nll.rows = held_out.rows();
    nll.before = nll_of(held_out, {ScalingMethod::temperature, {1.0}, {}}, pool_);
    nll.temperature = nll_of(held_out, {ScalingMethod::temperature, {start.beta}, {}}, pool_);
    const auto objective = objective_of(training);
    std::vector<double> theta = objective->start(start.beta);
    double penalty = highest_penalty;
    double best = penalty;
    for (int i = 0; i < penalties; ++i, penalty /= 10.0) {
      AffineSearch found = minimise(*objective, penalty, std::move(theta), pool_);
      const double trial = nll_of(held_out, objective->scaling(found.theta), pool_);
      if (i == 0 || trial < nll.affine) {
        nll.affine = trial;
        best = penalty;
      }
      result_.trials.push_back({penalty, trial, found.passes, found.converged});
      theta = std::move(found.theta);
    }
    result_.held_out = nll;
    return best;
  }

  void measure() {
    const MemoryLogits memory(all_, rows_.name());
    ScoreMeasurement measured =
        measure_scores(*scaled_logits(memory, result_.scaling), options_.temperature);
    result_.after = std::move(measured.metrics);
    result_.ece_after = measured.ece;
  }

  void warn() {
    if (!skipped_warning_.empty()) {
      result_.warnings.push_back(skipped_warning_);
    }
    if (!result_.converged) {
      result_.warnings.push_back(fmt::format(
          "the search for the {} stopped after {} passes at a gradient of {:.2g}, above {:.2g}: a "
          "larger --penalty makes it easier",
          name(options_.method), result_.passes, result_.gradient_max_norm, gradient_tolerance));
    }
    if (result_.held_out && result_.held_out->overfits()) {
      result_.warnings.push_back(fmt::format(
          "{} scaling overfits: its NLL on {} rows held out is {:.6f}, above the temperature's "
          "{:.6f}; use --method temperature, or more rows",
          name(options_.method), data::grouped(result_.held_out->rows), result_.held_out->affine,
          result_.held_out->temperature));
    }
    if (!result_.held_out) {
      result_.warnings.emplace_back(
          "with a penalty given no rows were held out: whether this overfits is not known");
    }
    const std::int64_t parameters =
        static_cast<std::int64_t>(result_.scaling.factors.size()) + all_.classes();
    if (parameters > all_.rows()) {
      result_.warnings.push_back(fmt::format("{} parameters are fitted to {} row{}",
                                             data::grouped(parameters), data::grouped(all_.rows()),
                                             all_.rows() == 1 ? "" : "s"));
    }
  }

  const LogitRows& rows_;
  const AffineOptions& options_;
  kernels::ThreadPool pool_;
  const ReadProgress& progress_;
  HeldLogits all_;
  std::string skipped_warning_;
  AffineCalibration result_;
};

}  // namespace

AffineCalibration calibrate_affine(const LogitRows& rows, const AffineOptions& options,
                                   const ReadProgress& progress) {
  return AffineSolver(rows, options, progress).run();
}

}  // namespace steepest
