// SPDX-License-Identifier: Apache-2.0
#include "src/calibrate/bootstrap.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "src/calibrate/reliability.hpp"
#include "steepest/metrics.hpp"

namespace steepest::calibrate {
namespace {

constexpr std::size_t bin_count = SoftmaxMetricsSum::bins;

// Rows that one sum is over.
constexpr std::int64_t block_rows = 32768;
constexpr std::int64_t blocks_in_turn = 16;

// Steele, Lea, Flood 2014, "Fast Splittable Pseudorandom Number Generators".
std::uint64_t split_mix(std::uint64_t x) {
  x = (x ^ (x >> 30U)) * 0xBF58476D1CE4E5B9ULL;
  x = (x ^ (x >> 27U)) * 0x94D049BB133111EBULL;
  return x ^ (x >> 31U);
}

// Poisson variables of mean 1: the place of 32 random bits among the cumulated probabilities. What
// is beyond the last threshold has probability 1e-9.
class PoissonWeights {
 public:
  explicit PoissonWeights(std::uint64_t seed) : seed_(split_mix(seed + increment)) {
    double probability = std::exp(-1.0);
    double sum = 0.0;
    for (std::size_t k = 0; k < thresholds_.size(); ++k) {
      sum += probability;
      thresholds_[k] = static_cast<std::uint32_t>(std::min(sum * 0x1p32, 0x1p32 - 1.0));
      probability /= static_cast<double>(k + 1);
    }
  }

  // Of a row in replicates 2 pair and 2 pair + 1.
  [[nodiscard]] std::array<int, 2> of(std::int64_t row, std::int64_t pair) const {
    constexpr unsigned half = 32;
    const std::uint64_t at = split_mix(seed_ + static_cast<std::uint64_t>(row) * increment);
    const std::uint64_t bits = split_mix(at + static_cast<std::uint64_t>(pair) * increment);
    return {weight(static_cast<std::uint32_t>(bits)),
            weight(static_cast<std::uint32_t>(bits >> half))};
  }

 private:
  static constexpr std::uint64_t increment = 0x9E3779B97F4A7C15ULL;

  [[nodiscard]] int weight(std::uint32_t draw) const {
    int passed = 0;
    for (const std::uint32_t threshold : thresholds_) {
      passed += draw >= threshold ? 1 : 0;
    }
    return passed;
  }

  std::uint64_t seed_;
  std::array<std::uint32_t, 11> thresholds_{};
};

// Of one replicate. `bins` are sums of w (right - confidence).
struct Replicate {
  double weight = 0.0;
  double gap = 0.0;
  std::array<double, 12> coefficients{};  // as wide as a sketch gets
  std::array<double, bin_count> bins{};
  SketchPoint point;  // its T, or the end of the window next to it
  double temperature = 0.0;

  void add(const Replicate& other) {
    weight += other.weight;
    gap += other.gap;
    for (std::size_t k = 0; k < coefficients.size(); ++k) {
      coefficients[k] += other.coefficients[k];
    }
    for (std::size_t b = 0; b < bins.size(); ++b) {
      bins[b] += other.bins[b];
    }
  }

  [[nodiscard]] double ece() const {
    double sum = 0.0;
    for (const double bin : bins) {
      sum += std::fabs(bin);
    }
    return weight > 0.0 ? sum / weight : 0.0;
  }
};

using Replicates = std::vector<Replicate>;

class Resampling {
 public:
  Resampling(const RowSketch& sketch, SketchMap map, std::int64_t replicates, std::uint64_t seed,
             kernels::ThreadPool& pool)
      : sketch_(sketch),
        map_(std::move(map)),
        weights_(seed),
        pool_(pool),
        replicates_(static_cast<std::size_t>(replicates)) {}

  Bootstrap run() {
    Bootstrap result;
    result.replicates = static_cast<std::int64_t>(replicates_.size());
    add_up([this](const float* record, std::int64_t row, Replicates& to) { sum(record, row, to); });
    result.ece_before = interval([](const Replicate& replicate) { return replicate.ece(); });
    for (Replicate& replicate : replicates_) {
      solve(replicate);
      replicate.bins.fill(0.0);
      replicate.weight = 0.0;
    }
    result.ece_after = ece_at_points();
    result.temperature = interval([](const Replicate& replicate) { return replicate.temperature; });
    return result;
  }

  BootstrapInterval run_unit() {
    for (Replicate& replicate : replicates_) {
      replicate.point = {true, 0.0};
    }
    return ece_at_points();
  }

 private:
  BootstrapInterval ece_at_points() {
    add_up([this](const float* record, std::int64_t row, Replicates& to) { bin(record, row, to); });
    return interval([](const Replicate& replicate) { return replicate.ece(); });
  }

  // body(record, row, sums) for all rows that count, into replicates_, block by block in order.
  template <class Body>
  void add_up(Body body) {
    const std::int64_t blocks = (sketch_.rows() + block_rows - 1) / block_rows;
    std::vector<std::vector<float>> memory(static_cast<std::size_t>(pool_.threads()));
    std::vector<Replicates> parts(static_cast<std::size_t>(std::min(blocks, blocks_in_turn)));
    for (std::int64_t done = 0; done < blocks; done += blocks_in_turn) {
      const std::int64_t count = std::min(blocks_in_turn, blocks - done);
      pool_.for_each(count, [&](std::int64_t index, int worker) {
        Replicates& part = parts[static_cast<std::size_t>(index)];
        part.assign(replicates_.size(), {});
        const std::int64_t first = (done + index) * block_rows;
        const std::int64_t rows = std::min(block_rows, sketch_.rows() - first);
        const float* record = sketch_.read(first, rows, memory[static_cast<std::size_t>(worker)]);
        for (std::int64_t r = 0; r < rows; ++r, record += sketch_.record()) {
          if (!std::isnan(record[0])) {
            body(record, first + r, part);
          }
        }
      });
      for (std::int64_t index = 0; index < count; ++index) {
        for (std::size_t b = 0; b < replicates_.size(); ++b) {
          replicates_[b].add(parts[static_cast<std::size_t>(index)][b]);
        }
      }
    }
  }

  // body(replicate, weight) for those that have the row.
  template <class Body>
  void for_each_weight(std::int64_t row, Replicates& to, Body body) const {
    for (std::size_t b = 0; b < to.size(); b += 2) {
      const std::array<int, 2> weights = weights_.of(row, static_cast<std::int64_t>(b / 2));
      for (std::size_t k = 0; k < 2 && b + k < to.size(); ++k) {
        if (weights[k] > 0) {
          body(b + k, static_cast<double>(weights[k]));
        }
      }
    }
  }

  void sum(const float* record, std::int64_t row, Replicates& to) const {
    const double confidence = confidence_at(record, map_.width, {true, 0.0});
    const double gap = (std::signbit(record[0]) ? 0.0 : 1.0) - confidence;
    const std::size_t bin = equal_width_bin(confidence);
    const auto width = static_cast<std::size_t>(map_.width);
    for_each_weight(row, to, [&](std::size_t b, double weight) {
      Replicate& replicate = to[b];
      replicate.weight += weight;
      replicate.bins[bin] += weight * gap;
      for (std::size_t k = 0; k < width; ++k) {
        replicate.coefficients[k] += weight * static_cast<double>(record[1 + k]);
      }
      replicate.gap += weight * static_cast<double>(record[1 + width]);
    });
  }

  void bin(const float* record, std::int64_t row, Replicates& to) const {
    const double right = std::signbit(record[0]) ? 0.0 : 1.0;
    for_each_weight(row, to, [&](std::size_t b, double weight) {
      const double confidence = confidence_at(record, sketch_.width(), replicates_[b].point);
      to[b].weight += weight;
      to[b].bins[equal_width_bin(confidence)] += weight * (right - confidence);
    });
  }

  // M - beta c: falls in t.
  [[nodiscard]] double excess(const Replicate& replicate, double t) const {
    double slope = 0.0;  // of the polynomial, by t
    for (std::size_t k = replicate.coefficients.size() - 1; k > 0; --k) {
      slope = slope * t + static_cast<double>(k) * replicate.coefficients[k];
    }
    return -slope / map_.scale - std::exp(map_.center + map_.scale * t) * replicate.gap;
  }

  void solve(Replicate& replicate) const {
    constexpr int halvings = 60;
    double low = -1.0;
    double high = 1.0;
    if (!(excess(replicate, low) > 0.0)) {
      replicate.point.t = low;
      replicate.temperature = std::numeric_limits<double>::infinity();
      return;
    }
    if (!(excess(replicate, high) < 0.0)) {
      replicate.point.t = high;
      replicate.temperature = 0.0;
      return;
    }
    for (int i = 0; i < halvings; ++i) {
      const double middle = 0.5 * (low + high);
      (excess(replicate, middle) > 0.0 ? low : high) = middle;
    }
    replicate.point.t = 0.5 * (low + high);
    replicate.temperature = std::exp(-map_.center - map_.scale * replicate.point.t);
  }

  template <class Value>
  [[nodiscard]] BootstrapInterval interval(Value value) const {
    constexpr double tail = 0.025;
    std::vector<double> values;
    for (const Replicate& replicate : replicates_) {
      values.push_back(value(replicate));
    }
    std::sort(values.begin(), values.end());
    const auto quantile = [&](double share) {
      const double position = share * static_cast<double>(values.size() - 1);
      const auto below = static_cast<std::size_t>(position);
      const double rest = position - static_cast<double>(below);
      const double low = values[below];
      const double high = values[std::min(below + 1, values.size() - 1)];
      return rest > 0.0 && high > low ? low + rest * (high - low) : low;
    };
    return {quantile(tail), quantile(1.0 - tail)};
  }

  const RowSketch& sketch_;
  SketchMap map_;
  PoissonWeights weights_;
  kernels::ThreadPool& pool_;
  Replicates replicates_;
};

}  // namespace

Bootstrap bootstrap(const RowSketch& sketch, const SketchMap& map, std::int64_t replicates,
                    std::uint64_t seed, kernels::ThreadPool& pool) {
  return Resampling(sketch, map, replicates, seed, pool).run();
}

BootstrapInterval bootstrap_ece(const RowSketch& sketch, std::int64_t replicates,
                                std::uint64_t seed, kernels::ThreadPool& pool) {
  return Resampling(sketch, {}, replicates, seed, pool).run_unit();
}

}  // namespace steepest::calibrate
