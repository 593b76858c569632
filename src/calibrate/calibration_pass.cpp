// SPDX-License-Identifier: Apache-2.0
#include "src/calibrate/calibration_pass.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/tempered_sums.hpp"
#include "src/calibrate/row_blocks.hpp"

namespace steepest::calibrate {
namespace {

using kernels::LogitRow;
using kernels::LogitTile;
using kernels::TemperedSums;

// Rows whose sums are in memory at a time: they stay in the second cache.
constexpr std::int64_t group_rows = 256;

// How near to 1 a row of probabilities sums.
constexpr double sum_slack = 2e-3;

// Memory of one thread.
struct Workspace {
  LogitBuffer buffer;
  std::vector<LogitRow> looks;
  std::vector<TemperedSums> sums;
  std::vector<float> records;
};

// One row at one node.
struct RowNode {
  double log_total;
  double mean_gap;
  double variance;
};

// The rows of one block, added up.
class BlockPass {
 public:
  BlockPass(const LogitRows& rows, const PassPlan& plan, const std::vector<double>& betas,
            Workspace& space, PassSums& sums)
      : classes_(rows.classes()), plan_(plan), betas_(betas), space_(space), sums_(sums) {
    const std::size_t nodes = betas.size();
    space.looks.resize(group_rows);
    space.sums.resize(group_rows * nodes);
    sums.nodes.resize(nodes);
    row_nodes_.resize(nodes);
    scores_.assign(nodes, 0.0);
    for (std::size_t j = 0; j < nodes; ++j) {
      sums.nodes[j].u = plan.u[j];
      sums.nodes[j].beta = betas[j];
    }
  }

  template <class T>
  void add(const T* logits, const std::int32_t* labels, std::int64_t first, std::int64_t count,
           float* records) {
    const auto nodes = static_cast<std::int64_t>(betas_.size());
    const std::int64_t record = plan_.sketch == nullptr ? 0 : plan_.sketch->record();
    for (std::int64_t done = 0; done < count; done += group_rows) {
      const LogitTile<T> tile{logits + done * classes_, std::min(group_rows, count - done),
                              classes_};
      kernels::tempered_sums(tile, betas_.data(), nodes, space_.looks.data(), space_.sums.data());
      for (std::int64_t r = 0; r < tile.rows; ++r) {
        add_row(tile.logits + r * classes_, labels[done + r], first + done + r,
                space_.looks[static_cast<std::size_t>(r)], space_.sums.data() + r * nodes,
                record == 0 ? nullptr : records + (done + r) * record);
      }
    }
    for (std::size_t j = 0; j < scores_.size(); ++j) {
      sums_.nodes[j].block_score_square = scores_[j] * scores_[j];
    }
  }

 private:
  // What a row's own logits say against it. Counts masked classes.
  template <class T>
  RowProblem problem_of(const T* z, std::int32_t label, const LogitRow& look,
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

  template <class T>
  void add_row(const T* z, std::int32_t label, std::int64_t row, const LogitRow& look,
               const TemperedSums* sums, float* record) {
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
    bool right = gap == 0.0;
    for (std::int64_t c = 0; right && c < label; ++c) {
      right = static_cast<double>(z[c]) != look.largest;
    }
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
      const RowNode& unit = row_nodes_[static_cast<std::size_t>(plan_.unit_node)];
      sums_.normalised += std::fabs(look.largest + unit.log_total) < sum_slack ? 1 : 0;
    }
    if (record != nullptr) {
      write_record(right, smoothed_gap, record);
    }
  }

  void add_nodes(double gap, double smoothed_gap, const TemperedSums* sums) {
    for (std::size_t j = 0; j < betas_.size(); ++j) {
      const TemperedSums& s = sums[j];
      NodeSums& to = sums_.nodes[j];
      const double inverse = 1.0 / s.total;
      const double mean = s.first * inverse;
      const double variance = std::max(0.0, s.second * inverse - mean * mean);
      const double log_total = std::log(s.total);
      const double label = std::exp(-betas_[j] * gap - log_total);
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
      const RowNode& unit = row_nodes_[static_cast<std::size_t>(plan_.unit_node)];
      record[0] = std::copysign(static_cast<float>(unit.log_total), right ? 1.0F : -1.0F);
    }
    const SketchMap& map = *plan_.map;
    if (plan_.sketch->holds_gaps()) {
      record[1 + map.width] = static_cast<float>(smoothed_gap);
    }
    if (map.weights.empty()) {
      const RowNode& node = row_nodes_[0];
      record[1] = static_cast<float>(node.log_total);
      record[2] = static_cast<float>(-node.mean_gap);
      record[3] = static_cast<float>(0.5 * (node.variance - node.mean_gap));
      return;
    }
    const double* weight = map.weights.data();
    for (std::int64_t k = 0; k < map.width; ++k) {
      double coefficient = 0.0;
      for (std::int64_t j = 0; j < map.nodes; ++j, weight += 2) {
        const RowNode& node = row_nodes_[static_cast<std::size_t>(j)];
        coefficient += weight[0] * node.log_total - weight[1] * node.mean_gap;
      }
      record[1 + k] = static_cast<float>(coefficient);
    }
  }

  std::int64_t classes_;
  const PassPlan& plan_;
  const std::vector<double>& betas_;
  Workspace& space_;
  PassSums& sums_;
  std::vector<RowNode> row_nodes_;
  std::vector<double> scores_;
};

double beta_of(double u, bool doubles) {
  const double beta = std::exp(u);
  return doubles ? beta : static_cast<double>(static_cast<float>(beta));
}

void pass_over_block(const BlockReader& blocks, std::int64_t block, const PassPlan& plan,
                     const std::vector<double>& betas, Workspace& space, PassSums& sums) {
  const LogitRows& rows = blocks.rows();
  const std::int64_t first = block * rows.block_rows();
  const std::int64_t count = std::min(rows.block_rows(), rows.rows() - first);
  const LogitBlock logits = blocks.read(block, space.buffer);
  float* records = nullptr;
  if (plan.sketch != nullptr) {
    records = plan.sketch->place(first, count, space.records);
  }
  BlockPass pass(rows, plan, betas, space, sums);
  if (logits.doubles != nullptr) {
    pass.add(logits.doubles, logits.labels, first, count, records);
  } else {
    pass.add(logits.floats, logits.labels, first, count, records);
  }
  if (plan.sketch != nullptr) {
    plan.sketch->write(first, count, records);
  }
}

}  // namespace

void NodeSums::add(const NodeSums& other) {
  u = other.u;
  beta = other.beta;
  log_total += other.log_total;
  mean_gap += other.mean_gap;
  variance += other.variance;
  squares += other.squares;
  squares_slope += other.squares_slope;
  label += other.label;
  label_slope += other.label_slope;
  score_square += other.score_square;
  score_square_slope += other.score_square_slope;
  block_score_square += other.block_score_square;
}

void NodeSums::derive() {
  log_total_slope = -mean_gap;
  mean_gap_slope = mean_gap - variance;
  entropy = log_total + mean_gap;
  entropy_slope = -variance;
}

std::string RowProblem::text(std::int64_t classes, LogitInput input) const {
  switch (kind) {
    case Kind::not_a_number:
      return fmt::format("column {} is {}", column,
                         input == LogitInput::logits ? "not a number" : "no probability");
    case Kind::infinite:
      return fmt::format("column {} is +inf", column);
    case Kind::too_large:
      return fmt::format("column {} is {:g}, beyond 1e30: no logit", column, value);
    case Kind::label_range:
      return value == static_cast<double>(no_label)
                 ? fmt::format("the label is no whole number in [0, {})", classes)
                 : fmt::format("label {} is outside [0, {})", value, classes);
    case Kind::label_masked:
      return fmt::format(
          "the logit of its label {} is -inf: the negative log-likelihood is infinite at every "
          "temperature",
          value);
    case Kind::none:
      break;
  }
  return "no problem";
}

void PassSums::merge(const PassSums& other) {
  rows += other.rows;
  right += other.right;
  masked += other.masked;
  sums_to_one += other.sums_to_one;
  normalised += other.normalised;
  if (problems == 0) {
    first_problem = other.first_problem;
  }
  problems += other.problems;
  label_gap += other.label_gap;
  uniform_gap += other.uniform_gap;
  nodes.resize(other.nodes.size());
  for (std::size_t j = 0; j < nodes.size(); ++j) {
    nodes[j].add(other.nodes[j]);
  }
}

void BlockReader::hold(std::int64_t stride, kernels::ThreadPool& pool) {
  const std::int64_t size = rows_.block_rows();
  const std::int64_t count = (block_count(rows_) + stride - 1) / stride;
  buffers_.resize(static_cast<std::size_t>(count));
  std::vector<LogitBlock> blocks(buffers_.size());
  pool.for_each(count, [&](std::int64_t index, int /*worker*/) {
    const std::int64_t first = index * stride * size;
    const auto at = static_cast<std::size_t>(index);
    blocks[at] = rows_.read(first, std::min(size, rows_.rows() - first), buffers_[at]);
  });
  for (std::int64_t index = 0; index < count; ++index) {
    held_[index * stride] = blocks[static_cast<std::size_t>(index)];
  }
}

LogitBlock BlockReader::read(std::int64_t block, LogitBuffer& buffer) const {
  const auto held = held_.find(block);
  if (held != held_.end()) {
    return held->second;
  }
  const std::int64_t first = block * rows_.block_rows();
  return rows_.read(first, std::min(rows_.block_rows(), rows_.rows() - first), buffer);
}

void BlockReader::will_read(std::int64_t first_block, std::int64_t blocks) const {
  const std::int64_t first = first_block * rows_.block_rows();
  const std::int64_t count = std::min(blocks * rows_.block_rows(), rows_.rows() - first);
  if (count > 0) {
    rows_.will_read(first, count);
  }
}

double usable_node(double u, bool doubles) {
  constexpr double lowest = -80.0;  // beta stays a normal float
  constexpr double highest = 85.0;
  return std::log(beta_of(std::clamp(u, lowest, highest), doubles));
}

PassSums run_pass(const BlockReader& blocks, const PassPlan& plan, kernels::ThreadPool& pool,
                  const ReadProgress& progress) {
  const LogitRows& rows = blocks.rows();
  std::vector<double> betas;
  for (const double u : plan.u) {
    betas.push_back(u == 0.0 ? 1.0 : beta_of(u, rows.holds_doubles()));
  }
  std::vector<Workspace> spaces(static_cast<std::size_t>(pool.threads()));
  const std::int64_t visits = (block_count(rows) + plan.stride - 1) / plan.stride;
  PassSums total;
  for (std::int64_t done = 0; done < visits; done += blocks_at_once) {
    const std::int64_t count = std::min(blocks_at_once, visits - done);
    if (plan.stride == 1) {
      blocks.will_read(done + count, blocks_at_once);
    }
    std::vector<PassSums> sums(static_cast<std::size_t>(count));
    pool.for_each(count, [&](std::int64_t index, int worker) {
      pass_over_block(blocks, (done + index) * plan.stride, plan, betas,
                      spaces[static_cast<std::size_t>(worker)],
                      sums[static_cast<std::size_t>(index)]);
    });
    for (const PassSums& sum : sums) {
      total.merge(sum);
    }
    tell(progress, rows, std::min((done + count) * plan.stride * rows.block_rows(), rows.rows()));
  }
  return total;
}

}  // namespace steepest::calibrate
