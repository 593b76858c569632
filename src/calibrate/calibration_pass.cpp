// SPDX-License-Identifier: Apache-2.0
#include "src/calibrate/calibration_pass.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/tempered_sums.hpp"
#include "src/calibrate/block_pass.hpp"
#include "src/calibrate/device_pass.hpp"
#include "src/calibrate/row_blocks.hpp"

namespace steepest::calibrate {
namespace {

using kernels::LogitRow;
using kernels::LogitTile;
using kernels::TemperedSums;

// Rows whose sums are in memory at a time: they stay in the second cache.
constexpr std::int64_t group_rows = 256;

// Memory of one thread.
struct Workspace {
  LogitBuffer buffer;
  std::vector<LogitRow> looks;
  std::vector<TemperedSums> sums;
  std::vector<float> records;
};

double beta_of(double u, bool doubles) {
  const double beta = std::exp(u);
  return doubles ? beta : static_cast<double>(static_cast<float>(beta));
}

template <class T>
void add_block(const T* logits, const LogitBlock& block, std::int64_t first, std::int64_t count,
               const std::vector<double>& betas, Workspace& space, float* records,
               std::int64_t record, std::int64_t classes, BlockPass& pass) {
  const auto nodes = static_cast<std::int64_t>(betas.size());
  space.looks.resize(group_rows);
  space.sums.resize(group_rows * betas.size());
  for (std::int64_t done = 0; done < count; done += group_rows) {
    const LogitTile<T> tile{logits + done * classes, std::min(group_rows, count - done), classes};
    kernels::tempered_sums(tile, betas.data(), nodes, space.looks.data(), space.sums.data());
    pass.add(tile, block.labels + done, first + done, space.looks.data(), space.sums.data(),
             records == nullptr ? nullptr : records + done * record);
  }
  pass.finish();
}

void pass_over_block(const BlockReader& blocks, std::int64_t block, const PassPlan& plan,
                     const std::vector<double>& betas, Workspace& space, PassSums& sums) {
  const LogitRows& rows = blocks.rows();
  const std::int64_t first = block * rows.block_rows();
  const std::int64_t count = std::min(rows.block_rows(), rows.rows() - first);
  const LogitBlock logits = blocks.read(block, space.buffer);
  float* records = nullptr;
  std::int64_t record = 0;
  if (plan.sketch != nullptr) {
    records = plan.sketch->place(first, count, space.records);
    record = plan.sketch->record();
  }
  BlockPass pass(rows.classes(), plan, betas, sums);
  if (logits.doubles != nullptr) {
    add_block(logits.doubles, logits, first, count, betas, space, records, record, rows.classes(),
              pass);
  } else {
    add_block(logits.floats, logits, first, count, betas, space, records, record, rows.classes(),
              pass);
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
  if (plan.device_ordinal >= 0) {
    return run_device_pass(blocks, plan, betas, pool, progress);
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
