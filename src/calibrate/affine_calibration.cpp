// SPDX-License-Identifier: Apache-2.0
// Vector and matrix scaling: from the temperature on, by L-BFGS, with a penalty chosen on rows held
// out.
#include "steepest/affine_calibration.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>

#include "kernels/tempered_sums.hpp"
#include "src/calibrate/affine_objective.hpp"
#include "src/calibrate/affine_search.hpp"
#include "src/calibrate/row_blocks.hpp"
#include "src/data/excerpt.hpp"
#include "steepest/error.hpp"

namespace steepest {
namespace {

using calibrate::AffineObjective;
using calibrate::AffineSearch;
using calibrate::gradient_tolerance;
using calibrate::HeldLogits;
using calibrate::minimise;

constexpr std::int64_t most_matrix_classes = 2000;
constexpr double highest_penalty = 1e4;
constexpr int penalties = 8;  // each a tenth of the one before

std::uint64_t mix(std::uint64_t x) {  // the finalizer of splitmix64
  x = (x ^ (x >> 30U)) * 0xBF58476D1CE4E5B9ULL;
  x = (x ^ (x >> 27U)) * 0x94D049BB133111EBULL;
  return x ^ (x >> 31U);
}

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
    load();
    const double load_seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    result_.temperature = temperature_of(all_, options_.temperature);
    result_.temperature.load_seconds = load_seconds;
    result_.temperature.reads = rows_.is_file() ? 1 : 0;
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
  // Rows in memory as they are read by the pass that measures.
  class MemoryLogits final : public LogitRows {
   public:
    MemoryLogits(const HeldLogits& held, std::string name) : held_(held), name_(std::move(name)) {}
    [[nodiscard]] std::int64_t rows() const override { return held_.rows(); }
    [[nodiscard]] std::int64_t classes() const override { return held_.classes(); }
    [[nodiscard]] bool holds_doubles() const override { return false; }
    [[nodiscard]] std::string name() const override { return name_; }
    [[nodiscard]] bool is_file() const override { return false; }
    LogitBlock read(std::int64_t first, std::int64_t /*count*/,
                    LogitBuffer& /*buffer*/) const override {
      return {held_.logits.row(first), nullptr, held_.labels.data() + first};
    }

   private:
    const HeldLogits& held_;
    std::string name_;
  };

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

  void load() {
    const std::int64_t bytes = 2 * rows_.rows() * rows_.classes() * std::int64_t{4};
    const std::int64_t limit = options_.temperature.storage.memory_bytes;
    if (limit > 0 && bytes > limit) {
      throw InputError(Location{rows_.name()},
                       fmt::format("{} scaling holds the logits in memory, with its own copy {} MB "
                                   "of it: raise --memory, or use --method temperature",
                                   name(options_.method), bytes >> 20));
    }
    all_.logits = FeatureMatrix(rows_.rows(), rows_.classes());
    all_.labels.resize(static_cast<std::size_t>(rows_.rows()));
    std::vector<LogitBuffer> buffers(static_cast<std::size_t>(pool_.threads()));
    calibrate::for_blocks_of_rows(
        rows_, pool_, progress_, [&](std::int64_t first, std::int64_t count, int worker) {
          const LogitBlock block =
              rows_.read(first, count, buffers[static_cast<std::size_t>(worker)]);
          float* const to = all_.logits.row(first);
          for (std::int64_t i = 0; i < count * rows_.classes(); ++i) {
            to[i] =
                block.doubles == nullptr ? block.floats[i] : static_cast<float>(block.doubles[i]);
          }
          std::copy_n(block.labels, count, all_.labels.begin() + first);
        });
    drop_bad_rows();
  }

  // The temperature's pass counts and names bad rows. Here they only must not be added up.
  [[nodiscard]] bool is_usable(std::int64_t row) const {
    const float* const z = all_.logits.row(row);
    const std::int32_t label = all_.labels[static_cast<std::size_t>(row)];
    return label >= 0 && label < all_.classes() &&
           std::all_of(z, z + all_.classes(), [](float value) {
             return std::fabs(value) <= static_cast<float>(kernels::largest_logit);
           });
  }

  void drop_bad_rows() {
    const bool skips = options_.temperature.bad_rows == BadRowPolicy::skip;
    std::int64_t kept = 0;
    for (std::int64_t r = 0; r < all_.rows(); ++r) {
      const bool usable = is_usable(r);
      if (!usable && !skips) {
        refuse(r);
      }
      if (usable) {
        std::copy_n(all_.logits.row(r), all_.classes(), all_.logits.row(kept));
        all_.labels[static_cast<std::size_t>(kept++)] = all_.labels[static_cast<std::size_t>(r)];
      }
    }
    skipped_ = all_.rows() - kept;
    if (kept == 0) {
      refuse(0);
    }
    all_.logits.truncate(kept);
    all_.labels.resize(static_cast<std::size_t>(kept));
  }

  [[noreturn]] void refuse(std::int64_t row) const {
    throw InputError(
        Location{rows_.name()},
        fmt::format("row {} (from 0) has a label outside [0, {}), or a logit that is not a finite "
                    "number of at most 1e30: {} scaling takes no masked classes. Fixes: mend it | "
                    "--method temperature | --on-bad-row skip",
                    row, rows_.classes(), name(options_.method)));
  }

  [[nodiscard]] Calibration temperature_of(const HeldLogits& held,
                                           const CalibrationOptions& options) const {
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
    std::vector<bool> is_out(static_cast<std::size_t>(all_.rows()));
    std::int64_t count = 0;
    for (std::int64_t r = 0; r < all_.rows(); ++r) {
      const std::uint64_t draw = mix(mix(options_.temperature.seed + 1) +
                                     static_cast<std::uint64_t>(r) * 0x9E3779B97F4A7C15ULL);
      const bool out = static_cast<double>(draw >> 11U) * 0x1p-53 < options_.valid_fraction;
      is_out[static_cast<std::size_t>(r)] = out;
      count += out ? 1 : 0;
    }
    if (count == 0 || count == all_.rows()) {
      throw OptionError(
          fmt::format("--valid-fraction {} of {} rows leaves no row on one side: give a --penalty",
                      options_.valid_fraction, all_.rows()));
    }
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
    CalibrationOptions plain = options_.temperature;
    plain.bootstrap = 0;
    plain.curve_points = 0;
    const Calibration start = temperature_of(training, plain);
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
    CalibrationOptions plain = options_.temperature;
    plain.bootstrap = 0;
    plain.curve_points = 0;
    const MemoryLogits memory(all_, rows_.name());
    const auto scaled = scaled_logits(memory, result_.scaling);
    result_.after = calibrate_temperature(*scaled, plain).before;
  }

  void warn() {
    if (skipped_ > 0) {
      result_.warnings.push_back(
          fmt::format("{} rows skipped: they hold what cannot be used", data::grouped(skipped_)));
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
      result_.warnings.push_back(fmt::format("{} parameters are fitted to {} rows",
                                             data::grouped(parameters),
                                             data::grouped(all_.rows())));
    }
  }

  const LogitRows& rows_;
  const AffineOptions& options_;
  kernels::ThreadPool pool_;
  const ReadProgress& progress_;
  HeldLogits all_;
  std::int64_t skipped_ = 0;
  AffineCalibration result_;
};

}  // namespace

AffineCalibration calibrate_affine(const LogitRows& rows, const AffineOptions& options,
                                   const ReadProgress& progress) {
  return AffineSolver(rows, options, progress).run();
}

}  // namespace steepest
