// SPDX-License-Identifier: Apache-2.0
#include "src/calibrate/temperature_solver.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <optional>
#include <utility>
#include <vector>

#include "kernels/backend.hpp"
#include "src/calibrate/bootstrap.hpp"
#include "src/calibrate/calibration_pass.hpp"
#include "src/calibrate/node_interpolation.hpp"
#include "src/calibrate/reliability.hpp"
#include "src/calibrate/temperature_sample.hpp"
#include "src/calibrate/temperature_search.hpp"
#include "src/calibrate/temperature_warnings.hpp"

namespace steepest::calibrate {
namespace {

// Sketches beyond it go to a file.
constexpr std::int64_t sketch_bytes = std::int64_t{96} << 20;

// log T is read off a cubic through exact sums when it is this near to one of them, and at once
// when it is nearer still: the cubic's error goes with the square of the distance.
constexpr double near_step = 2e-4;
constexpr double no_step = 1e-7;

// Half-widths of the window around log T that one read sees, in standard errors and at the least
// and the most.
constexpr double deviations = 6.0;
constexpr double least_window = 0.01;
constexpr double widest_window = 2.0;

constexpr int most_passes = 60;
constexpr int most_reads = 12;

class Solver {
 public:
  Solver(const LogitRows& rows, const CalibrationOptions& options, kernels::ThreadPool& pool,
         const ReadProgress& progress)
      : rows_(rows), blocks_(rows), options_(options), pool_(pool), progress_(progress) {
    result_.classes = rows.classes();
    const bool is_cuda = options.device.kind == DeviceChoice::Kind::cuda;
    result_.device = is_cuda ? kernels::choose_device(options.device, pool.threads())
                             : kernels::describe_cpu(pool.threads());
    device_ordinal_ = is_cuda ? result_.device.ordinal : -1;
    result_.log_temperature_standard_error = std::numeric_limits<double>::infinity();
  }

  Calibration run() {
    const bool is_small = !rows_.is_file() && rows_.rows() * rows_.classes() <= few_elements;
    const Estimate start =
        is_small ? Estimate{} : look_at_sample(blocks_, options_.smoothing, device_ordinal_, pool_);
    const bool finite = rows_.is_file() ? solve_by_reads(start) : solve_in_memory(start);
    if (finite) {
      finish();
    }
    return std::move(result_);
  }

  // Of the rows as they are, in one pass.
  ScoreMeasurement measure() {
    (void)pass_over_all({0.0}, 0.0, 1.0, SketchExtra::none, {});
    measure_before();
    ScoreMeasurement measured;
    add_input_warnings(totals_, options_, result_);
    measured.metrics = std::move(result_.before);
    measured.reads = result_.reads;
    measured.rows = result_.rows;
    measured.rows_skipped = result_.rows_skipped;
    measured.masked = result_.masked;
    measured.device = result_.device;
    measured.warnings = std::move(result_.warnings);
    if (options_.bootstrap > 0 && result_.rows > 1) {
      measured.ece = bootstrap_ece(*sketch_, options_.bootstrap, options_.seed, pool_);
    }
    return measured;
  }

 private:
  // All rows at `u`; at T = 1, too, unless a pass before has left that in the sketch; and at the
  // temperatures of the curve, where they are asked for.
  PassSums pass_over_all(std::vector<double> u, double center, double scale, SketchExtra extra,
                         const std::vector<double>& curve) {
    map_ = SketchMap::of_nodes(u, center, scale);
    const auto same = std::find(u.begin(), u.end(), 0.0);
    const bool fits = sketch_ && sketch_->width() == map_.width &&
                      sketch_->holds_gaps() == (extra == SketchExtra::label_gap);
    const bool knows_unit = fits && sketch_->is_in_memory();
    const std::int64_t unit_node = knows_unit ? -1 : same - u.begin();
    if (!knows_unit && same == u.end()) {
      u.push_back(0.0);
    }
    if (!fits) {
      sketch_.emplace(rows_.rows(), map_.width, extra, sketch_bytes, options_.storage.folder);
    }
    const std::size_t nodes = u.size();
    u.insert(u.end(), curve.begin(), curve.end());
    PassPlan plan;
    plan.u = std::move(u);
    plan.smoothing = options_.smoothing;
    plan.device_ordinal = device_ordinal_;
    plan.map = &map_;
    plan.unit_node = unit_node;
    plan.sketch = &*sketch_;
    PassSums sums = run_pass(blocks_, plan, pool_, progress_);
    ++result_.passes;
    result_.reads += rows_.is_file() ? 1 : 0;
    if (result_.passes == 1) {
      take_totals(sums, sums.nodes[static_cast<std::size_t>(unit_node)]);
    }
    take_curve(sums, nodes);
    return sums;
  }

  // What every pass finds alike, once.
  void take_totals(const PassSums& sums, const NodeSums& unit) {
    check_rows(sums, rows_, options_);
    result_.rows = sums.rows;
    result_.rows_skipped = sums.problems;
    result_.masked = sums.masked;
    result_.label_gap = smoothed_gap(sums, options_.smoothing);
    result_.uniform_gap = sums.uniform_gap / static_cast<double>(sums.rows);
    totals_ = sums;
    unit_ = unit;
    result_.status = result_.uniform_gap <= 0.0                 ? CalibrationStatus::undetermined
                     : result_.label_gap <= 0.0                 ? CalibrationStatus::zero
                     : result_.label_gap >= result_.uniform_gap ? CalibrationStatus::infinite
                                                                : CalibrationStatus::solved;
  }

  // Status other than solved: what there is to say is said. Returns whether T is finite and > 0.
  bool settle() {
    measure_before();
    if (result_.status == CalibrationStatus::zero) {
      result_.temperature = 0.0;
      result_.beta = std::numeric_limits<double>::infinity();
    } else if (result_.status == CalibrationStatus::infinite) {
      result_.temperature = std::numeric_limits<double>::infinity();
      result_.beta = 0.0;
    } else {
      return true;
    }
    add_warnings(totals_, options_, result_);
    return false;
  }

  void measure_before() {
    result_.before = metrics_of(unit_.log_total + totals_.label_gap, unit_.squares, unit_.label,
                                unit_.log_total + unit_.mean_gap);
    measure_reliability(*sketch_, {true, 0.0}, pool_, result_.before);
  }

  // From sums over rows.
  [[nodiscard]] CalibrationMetrics metrics_of(double nll, double squares, double label,
                                              double entropy) const {
    const auto n = static_cast<double>(result_.rows);
    CalibrationMetrics metrics;
    metrics.nll = std::max(nll / n, 0.0);
    metrics.accuracy = static_cast<double>(totals_.right) / n;
    metrics.brier = std::max((squares - 2.0 * label) / n + 1.0, 0.0);
    metrics.entropy = std::max(entropy / n, 0.0);
    return metrics;
  }

  bool solve_in_memory(const Estimate& start) {
    double u = usable_node(start.u, rows_.holds_doubles());
    std::optional<TemperatureSearch> search;
    for (int i = 0; i < most_passes; ++i) {
      PassSums sums = pass_over_all({u}, u, 1.0, SketchExtra::none, {});
      if (!search) {
        if (result_.status != CalibrationStatus::solved) {
          return settle();
        }
        measure_before();
        search.emplace(result_.label_gap, result_.uniform_gap);
        search->add(unit_, result_.rows);
      }
      keep(sums, 1, *search);
      u_ = search->next();
      const double step = std::fabs(u_ - u);
      const auto two = search->nearest(u_, 2);
      const double other = two.size() == 2 ? std::fabs(two[1].x - u_) : node_reach;
      if (step < no_step || (step < near_step && other < node_reach)) {
        result_.interpolation = step * step * other * other;
        break;
      }
      if (i == 0 && u == 0.0) {
        u_ = -std::log(result_.label_gap);  // for a row of two classes, or of many, near the root
      }
      u = usable_node(u_, rows_.holds_doubles());
    }
    result_.certified = search->bracketed();
    return true;
  }

  bool solve_by_reads(const Estimate& start) {
    constexpr double good_enough = 1e-7;
    constexpr double widest_sketch = 0.6;  // metrics of rows need a nearer window than T does
    double center = start.u;
    double scale = std::clamp(deviations * start.deviation, least_window, widest_window);
    std::optional<TemperatureSearch> search;
    for (int i = 0; i < most_reads; ++i) {
      const std::vector<double> nodes = window_nodes(center, scale);
      PassSums sums =
          pass_over_all(nodes, center, scale, extra_of_options(),
                        result_.curve.empty() ? curve_nodes(center) : std::vector<double>());
      if (!search) {
        if (result_.status != CalibrationStatus::solved) {
          return settle();
        }
        measure_before();
        search.emplace(result_.label_gap, result_.uniform_gap);
      }
      keep(sums, nodes.size(), *search);
      const auto root = search->interpolated();
      if (root && scale <= widest_sketch && std::fabs(root->u - center) <= scale &&
          root->error <= good_enough) {
        u_ = root->u;
        result_.interpolation = root->error;
        result_.certified = true;
        return true;
      }
      u_ = root ? root->u : search->next();
      scale = root ? std::clamp(10.0 * root->error, 1e-3, 0.5 * widest_sketch)
                   : std::clamp(1.5 * std::fabs(u_ - center), scale, widest_window);
      center = u_;
    }
    result_.certified = search->bracketed();
    return true;
  }

  // Ends of the window and Chebyshev points between them: signs are certified at the ends. As many
  // as bring the error of interpolation far below 1e-7.
  [[nodiscard]] std::vector<double> window_nodes(double center, double scale) const {
    const int count = scale <= 0.03   ? 3
                      : scale <= 0.06 ? 4
                      : scale <= 0.15 ? 6
                      : scale <= 0.6  ? 8
                                      : 12;
    std::vector<double> nodes;
    for (int k = 0; k < count; ++k) {
      const double x = -std::cos(std::numbers::pi * k / (count - 1));
      const double node = usable_node(center + scale * x, rows_.holds_doubles());
      if (nodes.empty() || node > nodes.back()) {
        nodes.push_back(node);
      }
    }
    return nodes;
  }

  void keep(const PassSums& sums, std::size_t count, TemperatureSearch& search) {
    for (std::size_t j = 0; j < count; ++j) {
      search.add(sums.nodes[j], result_.rows);
      if (sums.nodes[j].u != 0.0) {
        nodes_.push_back(sums.nodes[j]);
      }
    }
  }

  // Metrics at T, from the last pass's sketch and all passes' sums.
  void finish() {
    if (result_.status == CalibrationStatus::undetermined) {
      result_.after = result_.before;
      add_warnings(totals_, options_, result_);
      return;
    }
    if (map_.nodes == 1 && unit_.u == 0.0) {
      nodes_.push_back(unit_);
    }
    const bool is_window = map_.nodes > 1;
    const NodeInterpolation at(nodes_, u_, std::max<std::int64_t>(map_.nodes, 2));
    result_.beta = std::exp(u_);
    result_.temperature = std::exp(-u_);
    const double mean = at(u_, &NodeSums::mean_gap, &NodeSums::mean_gap_slope);
    const auto n = static_cast<double>(result_.rows);
    result_.residual = mean / n / result_.beta - result_.label_gap;
    result_.log_temperature_standard_error = known_deviation(
        deviation_of(at.variance(u_, is_window),
                     at(u_, &NodeSums::score_square, &NodeSums::score_square_slope)));
    result_.after = metrics_of(
        at(u_, &NodeSums::log_total, &NodeSums::log_total_slope) + result_.beta * totals_.label_gap,
        at(u_, &NodeSums::squares, &NodeSums::squares_slope),
        at(u_, &NodeSums::label, &NodeSums::label_slope),
        at(u_, &NodeSums::entropy, &NodeSums::entropy_slope));
    measure_reliability(*sketch_, {false, (u_ - map_.center) / map_.scale}, pool_, *result_.after);
    add_warnings(totals_, options_, result_);
    widen();
    if (options_.bootstrap > 0 && result_.rows > 1) {
      result_.bootstrap = bootstrap(*sketch_, map_, options_.bootstrap, options_.seed, pool_);
    }
  }

  // Infinite where rows do not differ by more than T's own rounding makes them: their spread says
  // nothing of another sample then.
  [[nodiscard]] double known_deviation(double deviation) const {
    constexpr double rounding = 1e-4;  // of a row's score, in units of the curvature
    const bool differ = deviation * std::sqrt(static_cast<double>(result_.rows)) > rounding;
    return result_.rows > 1 && differ ? deviation : std::numeric_limits<double>::infinity();
  }

  // In memory, the last pass knows T's next node_reach only: intervals and the curve take one
  // more. T and the metrics stay what they are.
  void widen() {
    if (rows_.is_file() || (options_.bootstrap == 0 && options_.curve_points == 0)) {
      return;
    }
    const double scale = std::clamp(deviations * result_.log_temperature_standard_error,
                                    least_window, widest_window);
    pass_over_all(window_nodes(u_, scale), u_, scale, extra_of_options(), curve_nodes(u_));
  }

  [[nodiscard]] SketchExtra extra_of_options() const {
    return options_.bootstrap > 0 ? SketchExtra::label_gap : SketchExtra::none;
  }

  // From 4 T down to T / 4 in log beta, T being exp(-center), and a little beyond T = 1.
  [[nodiscard]] std::vector<double> curve_nodes(double center) const {
    const double reach = std::log(4.0);
    const double beyond = std::log(1.6);
    const double low = std::min(center - reach, -beyond);
    const double high = std::max(center + reach, beyond);
    std::vector<double> nodes;
    for (int k = 0; k < options_.curve_points; ++k) {
      const double share =
          options_.curve_points == 1 ? 0.5 : static_cast<double>(k) / (options_.curve_points - 1);
      nodes.push_back(usable_node(low + (high - low) * share, rows_.holds_doubles()));
    }
    return nodes;
  }

  // The NLL at the nodes from `first` on, ascending in T.
  void take_curve(const PassSums& sums, std::size_t first) {
    const auto n = static_cast<double>(sums.rows);
    for (std::size_t j = sums.nodes.size(); j > first; --j) {
      const NodeSums& node = sums.nodes[j - 1];
      result_.curve.push_back(
          {std::exp(-node.u), std::max((node.log_total + node.beta * sums.label_gap) / n, 0.0)});
    }
  }

  const LogitRows& rows_;
  BlockReader blocks_;
  const CalibrationOptions& options_;
  kernels::ThreadPool& pool_;
  const ReadProgress& progress_;
  Calibration result_;
  PassSums totals_;
  NodeSums unit_;
  std::vector<NodeSums> nodes_;
  SketchMap map_;
  std::optional<RowSketch> sketch_;
  double u_ = 0.0;
  int device_ordinal_ = -1;
};

}  // namespace

Calibration solve_temperature(const LogitRows& rows, const CalibrationOptions& options,
                              kernels::ThreadPool& pool, const ReadProgress& progress) {
  return Solver(rows, options, pool, progress).run();
}

ScoreMeasurement measure_rows(const LogitRows& rows, const CalibrationOptions& options,
                              kernels::ThreadPool& pool, const ReadProgress& progress) {
  return Solver(rows, options, pool, progress).measure();
}

}  // namespace steepest::calibrate
