// SPDX-License-Identifier: Apache-2.0
#include "src/calibrate/reliability.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <numeric>

#include "src/calibrate/held_confidences.hpp"
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

void add_bins(const BinSums& part, BinSums& total) {
  for (std::size_t b = 0; b < total.size(); ++b) {
    total[b].count += part[b].count;
    total[b].right += part[b].right;
    total[b].confidence += part[b].confidence;
  }
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
          add_bins(part, total);
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
        const auto key = std::bit_cast<std::uint32_t>(
            negative_log_confidence(record, sketch.width(), point) + 0.0F);
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

// As sum_bins(), of rows that are held.
template <class BinOf>
BinSums sum_held_bins(const HeldConfidences& held, kernels::ThreadPool& pool, BinOf bin_of) {
  std::vector<BinSums> parts(static_cast<std::size_t>((held.rows() + block_rows - 1) / block_rows));
  pool.for_each(static_cast<std::int64_t>(parts.size()), [&](std::int64_t block, int /*worker*/) {
    BinSums& sums = parts[static_cast<std::size_t>(block)];
    const std::int64_t end = std::min((block + 1) * block_rows, held.rows());
    for (auto r = static_cast<std::size_t>(block * block_rows); r < static_cast<std::size_t>(end);
         ++r) {
      const double confidence = held.confidences[r];
      if (std::isnan(confidence)) {
        continue;
      }
      BinSum& bin = sums[static_cast<std::size_t>(bin_of(std::fabs(confidence)))];
      ++bin.count;
      bin.right += std::signbit(confidence) ? 0 : 1;
      bin.confidence += std::fabs(confidence);
    }
  });
  BinSums total{};
  for (const BinSums& part : parts) {
    add_bins(part, total);
  }
  return total;
}

// Confidences at these ranks of -log confidence, ascending ranks from 0: by the upper half of its
// bits first, floats not below 0 being in the order of their bits, then by the lower.
std::vector<double> at_ranks(const RowSketch& sketch, SketchPoint point, kernels::ThreadPool& pool,
                             const std::vector<std::int64_t>& ranks) {
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
  std::vector<double> values;
  for (std::size_t r = 0; r < ranks.size(); ++r) {
    const std::size_t at = cell_of_rank[r];
    std::int64_t rows = before[at];
    std::size_t low = 0;
    while (rows + lower[at * half_range + low] <= ranks[r]) {
      rows += lower[at * half_range + low++];
    }
    values.push_back(confidence_of(
        std::bit_cast<float>(static_cast<std::uint32_t>(cells[at] << half_bits | low))));
  }
  return values;
}

// Quantiles of confidence of so many rows, ascending, from confidences_at(ranks).
template <class ConfidencesAt>
Edges quantile_edges(std::int64_t rows, ConfidencesAt confidences_at) {
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
  const std::vector<double> values = confidences_at(sorted);
  const auto value_at = [&](std::int64_t rank) {
    const auto found = std::lower_bound(sorted.begin(), sorted.end(), rank) - sorted.begin();
    return values[static_cast<std::size_t>(found)];
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

float negative_log_confidence(const float* record, std::int64_t width, SketchPoint point) {
  if (point.at_unit) {
    return std::fabs(record[0]);
  }
  double sum = 0.0;
  for (std::int64_t k = width; k > 0; --k) {
    sum = sum * point.t + static_cast<double>(record[k]);
  }
  return static_cast<float>(std::max(sum, 0.0));
}

double confidence_at(const float* record, std::int64_t width, SketchPoint point) {
  return confidence_of(negative_log_confidence(record, width, point));
}

std::size_t equal_width_bin(double confidence) {
  constexpr double slack = edge_slack * bin_count;
  const double place = confidence * bin_count - slack;
  const int whole = static_cast<int>(place);
  return static_cast<std::size_t>(
      std::clamp(whole - (static_cast<double>(whole) == place ? 1 : 0), 0, bin_count - 1));
}

namespace {

// Both kinds of bins; sum(bin_of) and confidences_at(ranks) go over the rows.
template <class Sum, class ConfidencesAt>
void fill_bins(Sum sum, ConfidencesAt confidences_at, CalibrationMetrics& metrics) {
  Edges equal{};
  for (std::size_t b = 0; b < equal.size(); ++b) {
    equal[b] = static_cast<double>(b) / bin_count;
  }
  const BinSums sums = sum(equal_width_bin);
  std::int64_t rows = 0;
  double confidence = 0.0;
  for (const BinSum& bin : sums) {
    rows += bin.count;
    confidence += bin.confidence;
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

  const Edges edges = quantile_edges(rows, confidences_at);
  const BinSums masses = sum([&](double value) {
    int below = 0;  // edges between bins: no branch, so that it takes vectors
    for (std::size_t b = 1; b < bin_count; ++b) {
      below += edges[b] < value ? 1 : 0;
    }
    return below;
  });
  metrics.equal_mass_bins = to_bins(masses, edges);
  metrics.ece_equal_mass = mean_gap(metrics.equal_mass_bins, rows);
}

}  // namespace

void measure_reliability(const RowSketch& sketch, SketchPoint point, kernels::ThreadPool& pool,
                         CalibrationMetrics& metrics) {
  using Ranks = std::vector<std::int64_t>;
  if (sketch.rows() <= most_held_rows) {
    const HeldConfidences held(sketch, point, pool);
    fill_bins([&](auto bin_of) { return sum_held_bins(held, pool, bin_of); },
              [&](const Ranks& ranks) { return confidences_at_ranks(held, ranks, pool); }, metrics);
  } else {
    fill_bins([&](auto bin_of) { return sum_bins(sketch, point, pool, bin_of); },
              [&](const Ranks& ranks) { return at_ranks(sketch, point, pool, ranks); }, metrics);
  }
}

}  // namespace steepest::calibrate
