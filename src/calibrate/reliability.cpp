// SPDX-License-Identifier: Apache-2.0
#include "src/calibrate/reliability.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <map>
#include <numeric>

#include "steepest/metrics.hpp"

namespace steepest::calibrate {
namespace {

constexpr int bin_count = SoftmaxMetricsSum::bins;

// Rows that one sum is over.
constexpr std::int64_t block_rows = 4096;
constexpr std::int64_t blocks_in_turn = 64;

// What keeping -log confidence as a float may move a confidence by.
constexpr double edge_slack = 5e-8;

// Half of a float's bits.
constexpr std::size_t half_range = 65536;

// Values of rows that are held side by side to be put in order: 16 MB.
constexpr std::int64_t most_held_rows = std::int64_t{1} << 22;

struct BinSum {
  std::int64_t count = 0;
  std::int64_t right = 0;
  double confidence = 0.0;
};
using BinSums = std::array<BinSum, bin_count>;
using Edges = std::array<double, bin_count + 1>;

// A row of the sketch at a temperature: its -log confidence. Never below 0.
float evaluate(const float* record, std::int64_t width, SketchPoint point) {
  if (point.at_unit) {
    return std::fabs(record[0]);
  }
  double sum = 0.0;
  for (std::int64_t k = width; k > 0; --k) {
    sum = sum * point.t + static_cast<double>(record[k]);
  }
  return static_cast<float>(std::max(sum, 0.0));
}

double confidence_of(float negative_log) { return std::exp(-static_cast<double>(negative_log)); }

// body(record, index of the sum) for all rows that count; combine() after blocks_in_turn blocks.
template <class Body, class Combine>
void for_each_row(const RowSketch& sketch, kernels::ThreadPool& pool, Body body, Combine combine) {
  const std::int64_t blocks = (sketch.rows() + block_rows - 1) / block_rows;
  std::vector<std::vector<float>> memory(static_cast<std::size_t>(pool.threads()));
  for (std::int64_t done = 0; done < blocks; done += blocks_in_turn) {
    const std::int64_t count = std::min(blocks_in_turn, blocks - done);
    pool.for_each(count, [&](std::int64_t index, int worker) {
      const std::int64_t first = (done + index) * block_rows;
      const std::int64_t rows = std::min(block_rows, sketch.rows() - first);
      const float* record = sketch.read(first, rows, memory[static_cast<std::size_t>(worker)]);
      for (std::int64_t r = 0; r < rows; ++r, record += sketch.record()) {
        if (!std::isnan(record[0])) {
          body(record, static_cast<std::size_t>(index), static_cast<std::size_t>(worker));
        }
      }
    });
    combine();
  }
}

// Sums of the bins whose number bin_of(confidence) gives.
template <class BinOf>
BinSums sum_bins(const RowSketch& sketch, SketchPoint point, kernels::ThreadPool& pool,
                 BinOf bin_of) {
  BinSums total{};
  std::vector<BinSums> parts(blocks_in_turn);
  for_each_row(
      sketch, pool,
      [&](const float* record, std::size_t part, std::size_t /*worker*/) {
        const double confidence = confidence_at(record, sketch.width(), point);
        BinSum& bin = parts[part][static_cast<std::size_t>(bin_of(confidence))];
        ++bin.count;
        bin.right += std::signbit(record[0]) ? 0 : 1;
        bin.confidence += confidence;
      },
      [&] {
        for (BinSums& part : parts) {
          for (std::size_t b = 0; b < total.size(); ++b) {
            total[b].count += part[b].count;
            total[b].right += part[b].right;
            total[b].confidence += part[b].confidence;
          }
          part = {};
        }
      });
  return total;
}

// Counts of all rows whose key passes `wanted`, by part_of(key), which is below half_range.
template <class Slot>
std::vector<std::int64_t> count_keys(const RowSketch& sketch, SketchPoint point,
                                     kernels::ThreadPool& pool, std::size_t slots, Slot slot_of) {
  std::vector<std::vector<std::int64_t>> counts(static_cast<std::size_t>(pool.threads()),
                                                std::vector<std::int64_t>(slots));
  for_each_row(
      sketch, pool,
      [&](const float* record, std::size_t /*part*/, std::size_t worker) {
        const auto key =
            std::bit_cast<std::uint32_t>(evaluate(record, sketch.width(), point) + 0.0F);
        const std::size_t slot = slot_of(key);
        if (slot < slots) {
          ++counts[worker][slot];
        }
      },
      [] {});
  for (std::size_t worker = 1; worker < counts.size(); ++worker) {
    std::transform(counts[0].begin(), counts[0].end(), counts[worker].begin(), counts[0].begin(),
                   std::plus<>());
  }
  return std::move(counts[0]);
}

// -log confidence of all rows that count.
std::vector<float> hold_values(const RowSketch& sketch, SketchPoint point,
                               kernels::ThreadPool& pool) {
  std::vector<float> values(static_cast<std::size_t>(sketch.rows()));
  std::vector<std::vector<float>> memory(static_cast<std::size_t>(pool.threads()));
  pool.for_each((sketch.rows() + block_rows - 1) / block_rows, [&](std::int64_t block, int worker) {
    const std::int64_t first = block * block_rows;
    const std::int64_t rows = std::min(block_rows, sketch.rows() - first);
    const float* record = sketch.read(first, rows, memory[static_cast<std::size_t>(worker)]);
    float* const to = values.data() + first;
    for (std::int64_t r = 0; r < rows; ++r, record += sketch.record()) {
      to[r] = std::isnan(record[0]) ? record[0] : evaluate(record, sketch.width(), point) + 0.0F;
    }
  });
  values.erase(
      std::remove_if(values.begin(), values.end(), [](float value) { return std::isnan(value); }),
      values.end());
  return values;
}

std::size_t cell_of(float value) { return std::bit_cast<std::uint32_t>(value) / half_range; }

// As at_ranks(), of values that are all held: only those whose upper halves hold a rank are sorted.
std::vector<float> held_at_ranks(const std::vector<float>& values,
                                 const std::vector<std::int64_t>& ranks) {
  std::vector<std::int64_t> begins(half_range + 1);
  for (const float value : values) {
    ++begins[cell_of(value) + 1];
  }
  std::partial_sum(begins.begin(), begins.end(), begins.begin());
  std::map<std::size_t, std::vector<float>> sorted;
  std::vector<std::size_t> cells;
  std::vector<bool> is_wanted(half_range);
  for (const std::int64_t rank : ranks) {
    cells.push_back(static_cast<std::size_t>(std::upper_bound(begins.begin(), begins.end(), rank) -
                                             begins.begin() - 1));
    is_wanted[cells.back()] = true;
  }
  for (const float value : values) {
    if (is_wanted[cell_of(value)]) {
      sorted[cell_of(value)].push_back(value);
    }
  }
  for (auto& [cell, members] : sorted) {
    std::sort(members.begin(), members.end());
  }
  std::vector<float> found;
  for (std::size_t r = 0; r < ranks.size(); ++r) {
    found.push_back(sorted[cells[r]][static_cast<std::size_t>(ranks[r] - begins[cells[r]])]);
  }
  return found;
}

// Values of -log confidence at these ranks, ascending ranks from 0. Of many rows, by the upper half
// of their bits first, floats not below 0 being in the order of their bits, then by the lower.
std::vector<float> at_ranks(const RowSketch& sketch, SketchPoint point, kernels::ThreadPool& pool,
                            const std::vector<std::int64_t>& ranks) {
  if (sketch.rows() <= most_held_rows) {
    return held_at_ranks(hold_values(sketch, point, pool), ranks);
  }
  constexpr std::uint32_t half_bits = 16;
  const auto upper = count_keys(sketch, point, pool, half_range,
                                [](std::uint32_t key) { return std::size_t{key >> half_bits}; });
  std::vector<std::size_t> cells;    // upper halves that hold a rank, without repeats
  std::vector<std::int64_t> before;  // rows below each of them
  std::vector<std::size_t> cell_of_rank;
  std::int64_t passed = 0;
  std::size_t cell = 0;
  for (const std::int64_t rank : ranks) {
    while (passed + upper[cell] <= rank) {
      passed += upper[cell++];
    }
    if (cells.empty() || cells.back() != cell) {
      cells.push_back(cell);
      before.push_back(passed);
    }
    cell_of_rank.push_back(cells.size() - 1);
  }
  const auto lower =
      count_keys(sketch, point, pool, cells.size() * half_range, [&](std::uint32_t key) {
        const auto found = std::lower_bound(cells.begin(), cells.end(), key >> half_bits);
        return found == cells.end() || *found != key >> half_bits
                   ? cells.size() * half_range
                   : static_cast<std::size_t>(found - cells.begin()) * half_range +
                         key % half_range;
      });
  std::vector<float> values;
  for (std::size_t r = 0; r < ranks.size(); ++r) {
    const std::size_t at = cell_of_rank[r];
    std::int64_t rows = before[at];
    std::size_t low = 0;
    while (rows + lower[at * half_range + low] <= ranks[r]) {
      rows += lower[at * half_range + low++];
    }
    values.push_back(
        std::bit_cast<float>(static_cast<std::uint32_t>(cells[at] << half_bits | low)));
  }
  return values;
}

// Quantiles of confidence, ascending.
Edges quantile_edges(const RowSketch& sketch, SketchPoint point, kernels::ThreadPool& pool,
                     std::int64_t rows) {
  std::vector<std::int64_t> ranks;  // of -log confidence: descending in confidence
  std::vector<double> fractions;
  for (int edge = bin_count; edge >= 0; --edge) {
    const std::int64_t position = (rows - 1) * edge;  // in 15ths of a rank
    const std::int64_t below = position / bin_count;
    const std::int64_t above = std::min(below + 1, rows - 1);
    ranks.push_back(rows - 1 - above);
    ranks.push_back(rows - 1 - below);
    fractions.push_back(static_cast<double>(position % bin_count) / bin_count);
  }
  std::vector<std::int64_t> sorted = ranks;
  std::sort(sorted.begin(), sorted.end());
  const std::vector<float> values = at_ranks(sketch, point, pool, sorted);
  const auto value_at = [&](std::int64_t rank) {
    const auto found = std::lower_bound(sorted.begin(), sorted.end(), rank) - sorted.begin();
    return confidence_of(values[static_cast<std::size_t>(found)]);
  };
  Edges edges{};
  for (std::size_t i = 0; i < edges.size(); ++i) {
    const double above = value_at(ranks[2 * i]);
    const double below = value_at(ranks[2 * i + 1]);
    edges[edges.size() - 1 - i] = below + fractions[i] * (above - below);
  }
  return edges;
}

std::vector<ReliabilityBin> to_bins(const BinSums& sums, const Edges& edges) {
  std::vector<ReliabilityBin> bins;
  for (std::size_t b = 0; b < sums.size(); ++b) {
    const auto count = static_cast<double>(std::max<std::int64_t>(sums[b].count, 1));
    bins.push_back({edges[b], edges[b + 1], sums[b].count, sums[b].confidence / count,
                    static_cast<double>(sums[b].right) / count});
  }
  return bins;
}

double mean_gap(const std::vector<ReliabilityBin>& bins, std::int64_t rows) {
  double sum = 0.0;
  for (const ReliabilityBin& bin : bins) {
    sum += static_cast<double>(bin.count) * std::fabs(bin.accuracy - bin.confidence);
  }
  return sum / static_cast<double>(rows);
}

}  // namespace

double confidence_at(const float* record, std::int64_t width, SketchPoint point) {
  return confidence_of(evaluate(record, width, point));
}

std::size_t equal_width_bin(double confidence) {
  constexpr double slack = edge_slack * bin_count;
  return static_cast<std::size_t>(std::clamp(
      static_cast<int>(std::ceil(confidence * bin_count - slack)) - 1, 0, bin_count - 1));
}

void measure_reliability(const RowSketch& sketch, SketchPoint point, kernels::ThreadPool& pool,
                         CalibrationMetrics& metrics) {
  Edges equal{};
  for (std::size_t b = 0; b < equal.size(); ++b) {
    equal[b] = static_cast<double>(b) / bin_count;
  }
  const BinSums sums = sum_bins(sketch, point, pool, equal_width_bin);
  std::int64_t rows = 0;
  double confidence = 0.0;
  for (const BinSum& sum : sums) {
    rows += sum.count;
    confidence += sum.confidence;
  }
  metrics.confidence = confidence / static_cast<double>(rows);
  metrics.bins = to_bins(sums, equal);
  metrics.ece = mean_gap(metrics.bins, rows);
  double squares = 0.0;
  for (const ReliabilityBin& bin : metrics.bins) {
    const double gap = std::fabs(bin.accuracy - bin.confidence);
    metrics.mce = std::max(metrics.mce, gap);
    squares += static_cast<double>(bin.count) * gap * gap;
  }
  metrics.rmsce = std::sqrt(squares / static_cast<double>(rows));

  const Edges edges = quantile_edges(sketch, point, pool, rows);
  const BinSums masses = sum_bins(sketch, point, pool, [&](double value) {
    return std::lower_bound(edges.begin() + 1, edges.end() - 1, value) - (edges.begin() + 1);
  });
  metrics.equal_mass_bins = to_bins(masses, edges);
  metrics.ece_equal_mass = mean_gap(metrics.equal_mass_bins, rows);
}

}  // namespace steepest::calibrate
