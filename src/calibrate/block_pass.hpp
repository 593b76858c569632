// SPDX-License-Identifier: Apache-2.0
// From sums over the classes of a row to sums over the rows of a block, and to the row's record.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "kernels/elementary.hpp"
#include "kernels/tempered_sums.hpp"
#include "src/calibrate/calibration_pass.hpp"

namespace steepest::calibrate {

/// How near to 1 a row of probabilities sums.
inline constexpr double sum_slack = 2e-3;

/// One row at one node.
struct BlockPassNode {
  double log_total;
  double mean_gap;
  double variance;
};

/// The rows of one block, added up into `sums`.
class BlockPass {
 public:
  BlockPass(std::int64_t classes, const PassPlan& plan, const std::vector<double>& betas,
            PassSums& sums)
      : classes_(classes), plan_(plan), betas_(betas), sums_(sums) {
    const std::size_t nodes = betas.size();
    sums.nodes.resize(nodes);
    row_nodes_.resize(nodes);
    scores_.assign(nodes, 0.0);
    for (std::size_t j = 0; j < nodes; ++j) {
      sums.nodes[j].u = plan.u[j];
      sums.nodes[j].beta = betas[j];
    }
  }

  /// Rows of the block from the `first` of all rows on, in order: what tempered_sums() said of
  /// them, and where their records go, null where the plan has no sketch.
  template <class T>
  void add(const kernels::LogitTile<T>& tile, const std::int32_t* labels, std::int64_t first,
           const kernels::LogitRow* looks, const kernels::TemperedSums* sums, float* records) {
    const auto nodes = static_cast<std::int64_t>(betas_.size());
    const std::int64_t record = plan_.sketch == nullptr ? 0 : plan_.sketch->record();
    look_up(tile, labels, looks, sums);
    for (std::int64_t r = 0; r < tile.rows; ++r) {
      at_ = static_cast<std::size_t>(r * nodes);
      add_row(tile.logits + r * classes_, labels[r], first + r, looks[r], sums + r * nodes,
              record == 0 ? nullptr : records + r * record);
    }
  }

  /// Call once, when all rows of the block are added.
  void finish() {
    for (std::size_t j = 0; j < scores_.size(); ++j) {
      sums_.nodes[j].block_score_square = scores_[j] * scores_[j];
    }
  }

 private:
  // Logarithms and exponentials of all rows at once. What rows with problems give is not used.
  template <class T>
  void look_up(const kernels::LogitTile<T>& tile, const std::int32_t* labels,
               const kernels::LogitRow* looks, const kernels::TemperedSums* sums) {
    const std::size_t nodes = betas_.size();
    const std::size_t count = nodes * static_cast<std::size_t>(tile.rows);
    log_totals_.resize(count);
    label_powers_.resize(count);
    for (std::int64_t r = 0; r < tile.rows; ++r) {
      const bool has_label = labels[r] >= 0 && labels[r] < classes_;
      const double gap =
          has_label ? looks[r].largest - static_cast<double>(tile.logits[r * classes_ + labels[r]])
                    : 0.0;
      for (std::size_t j = 0; j < nodes; ++j) {
        const std::size_t at = static_cast<std::size_t>(r) * nodes + j;
        log_totals_[at] = sums[at].total;
        label_powers_[at] = -betas_[j] * gap;
      }
    }
    kernels::logarithms(log_totals_.data(), static_cast<std::int64_t>(count));
    kernels::exponentials(label_powers_.data(), static_cast<std::int64_t>(count));
  }

  // What a row's own logits say against it. Counts masked classes.
  template <class T>
  RowProblem problem_of(const T* z, std::int32_t label, const kernels::LogitRow& look,
                        std::int64_t& masked) const {
    using Kind = RowProblem::Kind;
    for (std::int64_t c = 0; c < classes_ && !look.plain; ++c) {
      const auto value = static_cast<double>(z[c]);
      const bool is_masked = std::isinf(value) && value < 0.0;
      masked += is_masked ? 1 : 0;
      if (!is_masked && !(std::fabs(value) <= kernels::largest_logit)) {
        const Kind kind = std::isnan(value)   ? Kind::not_a_number
                          : std::isinf(value) ? Kind::infinite
                                              : Kind::too_large;
        return {kind, 0, c, value};
      }
    }
    if (label < 0 || label >= classes_) {
      return {Kind::label_range, 0, 0, static_cast<double>(label)};
    }
    if (std::isinf(z[label])) {
      return {Kind::label_masked, 0, label, static_cast<double>(label)};
    }
    return {};
  }

  // Of equal logits the first is the prediction. No way out of the loop, so that it takes vectors.
  template <class T>
  static bool is_first_of_its_value(const T* z, std::int32_t label) {
    int same = 0;
    for (std::int32_t c = 0; c < label; ++c) {
      same |= z[c] == z[label] ? 1 : 0;
    }
    return same == 0;
  }

  template <class T>
  void add_row(const T* z, std::int32_t label, std::int64_t row, const kernels::LogitRow& look,
               const kernels::TemperedSums* sums, float* record) {
    std::int64_t masked = 0;
    RowProblem problem = problem_of(z, label, look, masked);
    if (problem.kind != RowProblem::Kind::none) {
      problem.row = row;
      if (sums_.problems == 0) {
        sums_.first_problem = problem;
      }
      ++sums_.problems;
      if (record != nullptr) {
        record[0] = std::numeric_limits<float>::quiet_NaN();
      }
      return;
    }
    const double gap = look.largest - static_cast<double>(z[label]);
    const bool right = plan_.unit_node >= 0 && gap == 0.0 && is_first_of_its_value(z, label);
    const double uniform = look.gap_sum / static_cast<double>(classes_ - masked);
    ++sums_.rows;
    sums_.right += right ? 1 : 0;
    sums_.masked += masked;
    sums_.label_gap += gap;
    sums_.uniform_gap += uniform;
    const double sum = static_cast<double>(classes_) * look.largest - look.gap_sum;
    sums_.sums_to_one += masked == 0 && look.largest <= 1.0 + sum_slack && look.largest > 0.0 &&
                                 std::fabs(sum - 1.0) < sum_slack
                             ? 1
                             : 0;
    const double smoothed_gap = gap + plan_.smoothing * (uniform - gap);
    add_nodes(gap, smoothed_gap, sums);
    if (plan_.unit_node >= 0) {
      const BlockPassNode& unit = row_nodes_[static_cast<std::size_t>(plan_.unit_node)];
      sums_.normalised += std::fabs(look.largest + unit.log_total) < sum_slack ? 1 : 0;
    }
    if (record != nullptr) {
      write_record(right, smoothed_gap, record);
    }
  }

  void add_nodes(double gap, double smoothed_gap, const kernels::TemperedSums* sums) {
    for (std::size_t j = 0; j < betas_.size(); ++j) {
      const kernels::TemperedSums& s = sums[j];
      NodeSums& to = sums_.nodes[j];
      const double inverse = 1.0 / s.total;
      const double mean = s.first * inverse;
      const double variance = std::max(0.0, s.second * inverse - mean * mean);
      const double log_total = log_totals_[at_ + j];
      const double label = label_powers_[at_ + j] * inverse;
      const double score = mean - betas_[j] * smoothed_gap;
      const double squares = s.square * inverse * inverse;
      row_nodes_[j] = {log_total, mean, variance};
      to.log_total += log_total;
      to.mean_gap += mean;
      to.variance += variance;
      to.squares += squares;
      to.squares_slope += 2.0 * (squares * mean - s.square_first * inverse * inverse);
      to.label += label;
      to.label_slope += label * (mean - betas_[j] * gap);
      to.score_square += score * score;
      to.score_square_slope += 2.0 * score * (score - variance);
      scores_[j] += score;
    }
  }

  void write_record(bool right, double smoothed_gap, float* record) const {
    if (plan_.unit_node >= 0) {
      const BlockPassNode& unit = row_nodes_[static_cast<std::size_t>(plan_.unit_node)];
      record[0] = std::copysign(static_cast<float>(unit.log_total), right ? 1.0F : -1.0F);
    }
    const SketchMap& map = *plan_.map;
    if (plan_.sketch->holds_gaps()) {
      record[1 + map.width] = static_cast<float>(smoothed_gap);
    }
    if (map.weights.empty()) {
      const BlockPassNode& node = row_nodes_[0];
      record[1] = static_cast<float>(node.log_total);
      record[2] = static_cast<float>(-node.mean_gap);
      record[3] = static_cast<float>(0.5 * (node.variance - node.mean_gap));
      return;
    }
    const double* weight = map.weights.data();
    for (std::int64_t k = 0; k < map.width; ++k) {
      double coefficient = 0.0;
      for (std::int64_t j = 0; j < map.nodes; ++j, weight += 2) {
        const BlockPassNode& node = row_nodes_[static_cast<std::size_t>(j)];
        coefficient += weight[0] * node.log_total - weight[1] * node.mean_gap;
      }
      record[1 + k] = static_cast<float>(coefficient);
    }
  }

  std::int64_t classes_;
  const PassPlan& plan_;
  const std::vector<double>& betas_;
  PassSums& sums_;
  std::vector<BlockPassNode> row_nodes_;
  std::vector<double> scores_;
  std::vector<double> log_totals_;    // (rows, nodes) of the tile
  std::vector<double> label_powers_;  // e^(-beta gap of the label), likewise
  std::size_t at_ = 0;                // of the row
};

}  // namespace steepest::calibrate
