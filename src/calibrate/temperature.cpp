// SPDX-License-Identifier: Apache-2.0
// The search for T: a sample first, then all rows, in memory or in one read.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numbers>
#include <optional>

#include "src/calibrate/calibration_pass.hpp"
#include "src/calibrate/loaded_logits.hpp"
#include "src/calibrate/reliability.hpp"
#include "src/calibrate/row_blocks.hpp"
#include "src/calibrate/temperature_search.hpp"
#include "src/calibrate/temperature_warnings.hpp"
#include "steepest/calibrate.hpp"
#include "steepest/error.hpp"

namespace steepest {
namespace {

using namespace calibrate;  // NOLINT(google-build-using-namespace): the parts of this very file

// Values in memory that are computed with in double: it costs next to nothing.
constexpr std::int64_t few_elements = std::int64_t{1} << 22;

// Every so many-th block is looked at first.
constexpr std::int64_t sample_stride = 64;
constexpr std::int64_t most_sample_bytes = std::int64_t{64} << 20;

// Sketches beyond it go to a file.
constexpr std::int64_t sketch_bytes = std::int64_t{96} << 20;

// log T is read off a cubic through exact sums when it is this near to one of them, and at once
// when it is nearer still: the cubic's error goes with the square of the distance.
constexpr double near_step = 2e-4;
constexpr double no_step = 1e-7;
constexpr double neighbourhood = 0.25;

constexpr int most_passes = 60;
constexpr int most_reads = 12;

// What the sample says: where to look, and how far around.
struct Estimate {
  double u = 0.0;
  double deviation = 1.0;  // of log T
};

// Of log T: the spread of the scores' sum over the curvature (Huber 1967, the sandwich).
double deviation_of(double variance, double score_square) {
  return variance > 0.0 ? std::sqrt(std::max(score_square, 0.0)) / variance
                        : std::numeric_limits<double>::infinity();
}

class Solver {
 public:
  Solver(const LogitRows& rows, const CalibrationOptions& options, kernels::ThreadPool& pool,
         const ReadProgress& progress)
      : rows_(rows), blocks_(rows), options_(options), pool_(pool), progress_(progress) {
    result_.classes = rows.classes();
    result_.log_temperature_standard_error = std::numeric_limits<double>::infinity();
  }

  Calibration run() {
    const Estimate start = look_at_sample();
    const bool finite = rows_.is_file() ? solve_by_reads(start) : solve_in_memory(start);
    if (finite) {
      finish(result_.status == CalibrationStatus::solved ? u_ : 0.0);
    }
    return std::move(result_);
  }

 private:
  // The sample's own answer; 1 when there is none. Labels are smoothed by half a row, so that a
  // sample without a wrong one has an answer too.
  Estimate look_at_sample() {
    if (!rows_.is_file() && rows_.rows() * rows_.classes() <= few_elements) {
      return {};
    }
    const std::int64_t block_bytes = rows_.block_rows() * rows_.classes() *
                                     (rows_.holds_doubles() ? std::int64_t{8} : std::int64_t{4});
    const std::int64_t blocks = block_count(rows_);
    const std::int64_t most_blocks = std::max<std::int64_t>(most_sample_bytes / block_bytes, 1);
    const std::int64_t stride = std::max(std::min(sample_stride, (blocks + 7) / 8),
                                         (blocks + most_blocks - 1) / most_blocks);
    if (rows_.is_file()) {
      blocks_.hold(stride, pool_);
    }
    PassSums sums = run_pass(blocks_, plan_of({0.0}, stride), pool_, {});
    if (sums.rows == 0 || !(sums.uniform_gap > 0.0)) {
      return {};
    }
    const auto n = static_cast<double>(sums.rows);
    const double gbar = sums.uniform_gap / n;
    const double half_row = 0.5 * gbar / n;
    const double c = std::clamp(smoothed_gap(sums), half_row, gbar - half_row);
    TemperatureSearch search(c, gbar);
    search.add(sums.nodes[0], sums.rows);
    double u = usable_node(-std::log(c), rows_.holds_doubles());
    for (int i = 0; i < most_passes; ++i) {
      sums = run_pass(blocks_, plan_of({u}, stride), pool_, {});
      search.add(sums.nodes[0], sums.rows);
      const double next = usable_node(search.next(), rows_.holds_doubles());
      if (std::fabs(next - u) < 1e-3) {
        break;
      }
      u = next;
    }
    const NodeSums& node = sums.nodes[0];
    return {u, deviation_of(node.variance, std::max(node.score_square, node.block_score_square))};
  }

  [[nodiscard]] PassPlan plan_of(std::vector<double> u, std::int64_t stride) const {
    PassPlan plan;
    plan.u = std::move(u);
    plan.smoothing = options_.smoothing;
    plan.stride = stride;
    return plan;
  }

  [[nodiscard]] double smoothed_gap(const PassSums& sums) const {
    const auto n = static_cast<double>(sums.rows);
    return ((1.0 - options_.smoothing) * sums.label_gap + options_.smoothing * sums.uniform_gap) /
           n;
  }

  // All rows at `u`; at T = 1, too, unless a pass before has left that in the sketch.
  PassSums pass_over_all(std::vector<double> u, double center, double scale) {
    map_ = SketchMap::of_nodes(u, center, scale);
    const auto same = std::find(u.begin(), u.end(), 0.0);
    const bool knows_unit =
        sketch_ && sketch_->record() == map_.width + 1 && sketch_->is_in_memory();
    const std::int64_t unit_node = knows_unit ? -1 : same - u.begin();
    if (!knows_unit && same == u.end()) {
      u.push_back(0.0);
    }
    if (!sketch_ || sketch_->record() != map_.width + 1) {
      sketch_.emplace(rows_.rows(), map_.width, sketch_bytes, options_.storage.folder);
    }
    PassPlan plan = plan_of(std::move(u), 1);
    plan.map = &map_;
    plan.unit_node = unit_node;
    plan.sketch = &*sketch_;
    PassSums sums = run_pass(blocks_, plan, pool_, progress_);
    ++result_.passes;
    result_.reads += rows_.is_file() ? 1 : 0;
    if (result_.passes == 1) {
      take_totals(sums, sums.nodes[static_cast<std::size_t>(unit_node)]);
    }
    return sums;
  }

  // What every pass finds alike, once.
  void take_totals(const PassSums& sums, const NodeSums& unit) {
    check_rows(sums, rows_, options_);
    result_.rows = sums.rows;
    result_.rows_skipped = sums.problems;
    result_.masked = sums.masked;
    result_.label_gap = smoothed_gap(sums);
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
      PassSums sums = pass_over_all({u}, u, 1.0);
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
      const double other = two.size() == 2 ? std::fabs(two[1].x - u_) : neighbourhood;
      if (step < no_step || (step < near_step && other < neighbourhood)) {
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
    constexpr double least_window = 0.01;
    constexpr double widest_window = 2.0;
    constexpr double deviations = 6.0;
    constexpr double good_enough = 1e-7;
    constexpr double widest_sketch = 0.6;  // metrics of rows need a nearer window than T does
    double center = start.u;
    double scale = std::clamp(deviations * start.deviation, least_window, widest_window);
    std::optional<TemperatureSearch> search;
    for (int i = 0; i < most_reads; ++i) {
      const std::vector<double> nodes = window_nodes(center, scale);
      PassSums sums = pass_over_all(nodes, center, scale);
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

  // A sum over rows at u, from those at the nodes around it.
  [[nodiscard]] double sum_at(double u, double NodeSums::*value, double NodeSums::*slope) const {
    std::vector<HermitePoint> points;
    for (const NodeSums& node : nodes_) {
      points.push_back({node.u, node.*value, node.*slope});
    }
    return Hermite(std::move(points))(u);
  }

  // V = M - dM/du, where M is `mean`. Nodes of single passes are too near each other to take a
  // derivative from, and near enough to T to take V from the nearest.
  [[nodiscard]] double variance_at(double u, double mean) const {
    constexpr double step = 1e-5;
    if (map_.nodes == 1) {
      return nodes_.front().variance;
    }
    const double after = sum_at(u + step, &NodeSums::mean_gap, &NodeSums::mean_gap_slope);
    const double before = sum_at(u - step, &NodeSums::mean_gap, &NodeSums::mean_gap_slope);
    return mean - (after - before) / (2.0 * step);
  }

  // Metrics at T, from the last pass's sketch and all passes' sums.
  void finish(double u) {
    if (result_.status == CalibrationStatus::undetermined) {
      result_.after = result_.before;
      add_warnings(totals_, options_, result_);
      return;
    }
    keep_near_nodes(u);
    for (NodeSums& node : nodes_) {
      node.derive();
    }
    result_.beta = std::exp(u);
    result_.temperature = std::exp(-u);
    const double mean = sum_at(u, &NodeSums::mean_gap, &NodeSums::mean_gap_slope);
    const auto n = static_cast<double>(result_.rows);
    result_.residual = mean / n / result_.beta - result_.label_gap;
    const double score_square = sum_at(u, &NodeSums::score_square, &NodeSums::score_square_slope);
    result_.log_temperature_standard_error = deviation_of(variance_at(u, mean), score_square);
    result_.after = metrics_of(sum_at(u, &NodeSums::log_total, &NodeSums::log_total_slope) +
                                   result_.beta * totals_.label_gap,
                               sum_at(u, &NodeSums::squares, &NodeSums::squares_slope),
                               sum_at(u, &NodeSums::label, &NodeSums::label_slope),
                               sum_at(u, &NodeSums::entropy, &NodeSums::entropy_slope));
    measure_reliability(*sketch_, {false, (u - map_.center) / map_.scale}, pool_, *result_.after);
    add_warnings(totals_, options_, result_);
  }

  // Interpolation is through the last window, or the two nearest nodes, the nearest first.
  void keep_near_nodes(double u) {
    if (map_.nodes == 1 && unit_.u == 0.0) {
      nodes_.push_back(unit_);
    }
    std::sort(nodes_.begin(), nodes_.end(), [u](const NodeSums& a, const NodeSums& b) {
      return std::fabs(a.u - u) < std::fabs(b.u - u);
    });
    nodes_.resize(
        std::min(nodes_.size(), static_cast<std::size_t>(std::max<std::int64_t>(map_.nodes, 2))));
    if (nodes_.size() == 2 && std::fabs(nodes_[1].u - u) > neighbourhood) {
      nodes_.resize(1);
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
};

}  // namespace

Calibration calibrate_temperature(const LogitRows& rows, const CalibrationOptions& options,
                                  const ReadProgress& progress) {
  if (!(options.smoothing >= 0.0 && options.smoothing < 1.0)) {
    throw OptionError(fmt::format("a label smoothing of {} is not in [0, 1)", options.smoothing));
  }
  kernels::ThreadPool pool(options.threads);
  const std::int64_t elements = rows.rows() * rows.classes();
  const bool as_doubles = rows.holds_doubles() || elements <= few_elements;
  const std::int64_t bytes = elements * (as_doubles ? 8 : 4) + rows.rows() * 20;
  const bool fits = options.storage.memory_bytes == 0 || bytes <= options.storage.memory_bytes;
  if (!rows.is_file() || !fits) {
    return Solver(rows, options, pool, progress).run();
  }
  const auto start = std::chrono::steady_clock::now();
  const LoadedLogits loaded(rows, as_doubles, pool, progress);
  const double load_seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  Calibration result = Solver(loaded, options, pool, [&](const ReadState&) {
                         tell(progress, rows, rows.rows());
                       }).run();
  result.reads = 1;
  result.load_seconds = load_seconds;
  return result;
}

}  // namespace steepest
