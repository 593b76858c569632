// SPDX-License-Identifier: Apache-2.0
#include "src/train/separation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <vector>

#include "kernels/thread_pool.hpp"

namespace steepest::train {
namespace {

constexpr std::int64_t block_rows = 2048;

// The score of `label` minus the highest of the others.
double margin_of(const double* scores, std::int64_t columns, std::int32_t label) {
  if (columns == 1) {
    return label == 1 ? scores[0] : -scores[0];
  }
  double highest = -std::numeric_limits<double>::infinity();
  for (std::int64_t c = 0; c < columns; ++c) {
    highest = c == label ? highest : std::max(highest, scores[c]);
  }
  return scores[label] - highest;
}

// Least and greatest value of every feature in every class, (C, d) each.
struct Ranges {
  std::vector<float> least;
  std::vector<float> greatest;

  explicit Ranges(std::size_t size)
      : least(size, std::numeric_limits<float>::infinity()),
        greatest(size, -std::numeric_limits<float>::infinity()) {}

  void add(std::size_t at, float value) {
    least[at] = std::min(least[at], value);
    greatest[at] = std::max(greatest[at], value);
  }
  void merge(const Ranges& other) {
    for (std::size_t at = 0; at < least.size(); ++at) {
      least[at] = std::min(least[at], other.least[at]);
      greatest[at] = std::max(greatest[at], other.greatest[at]);
    }
  }
};

Ranges ranges_of(const RowSource& data, int threads) {
  kernels::ThreadPool pool(threads);
  const std::int64_t width = data.feature_count();
  const auto size = static_cast<std::size_t>(data.outputs() * width);
  std::vector<Ranges> found(static_cast<std::size_t>(pool.threads()), Ranges(size));
  std::vector<RowBuffer> buffers(found.size());
  pool.for_each((data.rows() + block_rows - 1) / block_rows, [&](std::int64_t block, int thread) {
    const auto worker = static_cast<std::size_t>(thread);
    const std::int64_t first = block * block_rows;
    const std::int64_t count = std::min(block_rows, data.rows() - first);
    const float* row = data.features(first, count, buffers[worker]);
    const std::int32_t* const labels = data.labels(first, count, buffers[worker]);
    const double* const weights = data.weights(first, count, buffers[worker]);
    for (std::int64_t i = 0; i < count; ++i, row += width) {
      for (std::int64_t j = 0; (weights == nullptr || weights[i] > 0.0) && j < width; ++j) {
        found[worker].add(static_cast<std::size_t>(labels[i] * width + j), row[j]);
      }
    }
  });
  for (std::size_t worker = 1; worker < found.size(); ++worker) {
    found.front().merge(found[worker]);
  }
  return std::move(found.front());
}

}  // namespace

double smallest_margin(kernels::Backend& backend, const RowSource& data, std::int64_t rows,
                       std::int64_t columns) {
  double smallest = std::numeric_limits<double>::infinity();
  std::vector<double> scores(static_cast<std::size_t>(block_rows * columns));
  RowBuffer buffer;
  for (std::int64_t first = 0; first < rows; first += block_rows) {
    const std::int64_t count = std::min(block_rows, rows - first);
    backend.scores(0, first, count, scores.data());
    const std::int32_t* const labels = data.labels(first, count, buffer);
    const double* const weights = data.weights(first, count, buffer);
    for (std::int64_t i = 0; i < count; ++i) {
      if (weights == nullptr || weights[i] > 0.0) {
        smallest = std::min(smallest, margin_of(scores.data() + i * columns, columns, labels[i]));
      }
    }
  }
  return smallest;
}

std::string find_separating_feature(const RowSource& data, bool intercept, int threads) {
  constexpr std::int64_t most_ranges = 10'000'000;
  const std::int64_t width = data.feature_count();
  const std::int64_t classes = data.outputs();
  if (classes * width > most_ranges) {
    return "";
  }
  const Ranges ranges = ranges_of(data, threads);
  for (std::int64_t j = 0; j < width; ++j) {
    for (std::int64_t c = 0; c < classes; ++c) {
      Ranges mine(1);
      Ranges others(1);
      for (std::int64_t k = 0; k < classes; ++k) {
        const auto at = static_cast<std::size_t>(k * width + j);
        Ranges& side = k == c ? mine : others;
        if (ranges.least[at] <= ranges.greatest[at]) {  // the class has rows
          side.add(0, ranges.least[at]);
          side.add(0, ranges.greatest[at]);
        }
      }
      if (mine.least[0] > mine.greatest[0]) {
        continue;
      }
      const auto separates = [&](float near, float far, float border, float end, float sign) {
        const bool at_zero = sign * near >= 0.0F && sign * border <= 0.0F;
        return sign * near >= sign * border && (intercept || at_zero) &&
               (sign * far > sign * border || sign * end < sign * near);
      };
      const bool above =
          separates(mine.least[0], mine.greatest[0], others.greatest[0], others.least[0], 1.0F);
      const bool below =
          separates(mine.greatest[0], mine.least[0], others.least[0], others.greatest[0], -1.0F);
      if (above || below) {
        return fmt::format(
            "column \"{}\" alone separates class \"{}\" (all its values are {:g} or "
            "{}, the others' {:g} or {})",
            data.schema().feature_names()[static_cast<std::size_t>(j)],
            data.schema().classes[static_cast<std::size_t>(c)],
            above ? mine.least[0] : mine.greatest[0], above ? "more" : "less",
            above ? others.greatest[0] : others.least[0], above ? "less" : "more");
      }
    }
  }
  return "";
}

}  // namespace steepest::train
