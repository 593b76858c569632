// SPDX-License-Identifier: Apache-2.0
#include "kernels/second_moment.hpp"

#include <algorithm>

#include "kernels/aligned_vector.hpp"
#include "kernels/partitions.hpp"
#include "kernels/tile_moment.hpp"

namespace steepest::kernels {
namespace {

// Many rows a tile, so that the sums are loaded seldom, but few enough for the second-level cache,
// and for the first where sums are few.
constexpr std::int64_t most_tile_bytes = 512 << 10;
constexpr std::int64_t tile_bytes_of_few_sums = 24 << 10;
constexpr std::int64_t few_sums_bytes = 16 << 10;
constexpr std::int64_t most_tile_rows = 128;
constexpr std::int64_t rows_between_flushes = 1024;

// Sums over a part of the rows, by one thread at a time.
template <class T>
class MomentSum {
 public:
  MomentSum(std::int64_t features, std::int64_t outputs)
      : features_(features),
        outputs_(outputs),
        width_(features + 1 + outputs),
        pitch_(panel_pitch<T>(width_)) {}

  [[nodiscard]] std::int64_t tile_rows() const {
    const std::int64_t row_bytes = pitch_ * static_cast<std::int64_t>(sizeof(T));
    const bool few = width_ * row_bytes <= few_sums_bytes;
    const std::int64_t bytes = few ? tile_bytes_of_few_sums : most_tile_bytes;
    return std::clamp<std::int64_t>(bytes / row_bytes, 8, most_tile_rows);
  }

  void start() {
    const auto rows = static_cast<std::size_t>(tile_rows());
    pointers_.resize(rows);
    indexes_.resize(rows);
    panel_.assign(rows * static_cast<std::size_t>(pitch_), T(0));
    sums_.assign(static_cast<std::size_t>(width_ * pitch_), T(0));
  }

  // Adds rows of the request to the sums in T.
  void add(RowFeed& feed, const RowFeed::Request& request) {
    const RowFeed::Targets targets = feed.tile(request, indexes_.data(), pointers_.data());
    widen_rows(pointers_.data(), request.count, features_, pitch_, panel_.data());
    for (std::int64_t r = 0; r < request.count; ++r) {
      finish_row(targets, indexes_[static_cast<std::size_t>(r)], panel_.data() + r * pitch_);
    }
    const T* left = panel_.data();
    if (targets.weights != nullptr) {
      weigh(targets, request.count);
      left = weighted_.data();
    }
    const std::int64_t row_bytes = features_ * static_cast<std::int64_t>(sizeof(float));
    tile_moment(left, panel_.data(), request.count, width_, targets.following,
                request.count * row_bytes, sums_.data());
  }

  // Adds the sums in T, from the diagonal to the right, to `part` and clears them.
  void flush(double* part) {
    for (std::int64_t i = 0; i < width_; ++i) {
      T* const from = sums_.data() + i * pitch_;
      for (std::int64_t j = i; j < width_; ++j) {
        part[i * width_ + j] += static_cast<double>(from[j]);
      }
      std::fill(from, from + pitch_, T(0));
    }
  }

 private:
  // [x rubbish 0 ..] becomes [x 1 y 0 ..]; rubbish ends at a whole vector.
  void finish_row(const RowFeed::Targets& targets, std::int64_t index, T* row) const {
    T* next = row + features_;
    *next++ = T(1);
    for (std::int64_t o = 0; o < outputs_; ++o) {
      *next++ = static_cast<T>(targets.values[index * outputs_ + o]);
    }
    constexpr std::int64_t lanes = 64 / static_cast<std::int64_t>(sizeof(T));
    T* const end = row + (features_ + lanes - 1) / lanes * lanes;
    while (next < end) {
      *next++ = T(0);
    }
  }

  void weigh(const RowFeed::Targets& targets, std::int64_t count) {
    weighted_.resize(panel_.size());
    for (std::int64_t r = 0; r < count; ++r) {
      const T weight = static_cast<T>(targets.weights[indexes_[static_cast<std::size_t>(r)]]);
      for (std::int64_t j = r * pitch_; j < r * pitch_ + width_; ++j) {
        weighted_[static_cast<std::size_t>(j)] = weight * panel_[static_cast<std::size_t>(j)];
      }
    }
  }

  std::int64_t features_;
  std::int64_t outputs_;
  std::int64_t width_;
  std::int64_t pitch_;
  std::vector<const float*> pointers_;
  std::vector<std::int64_t> indexes_;
  AlignedVector<T> panel_;     // (tile, pitch): [x 1 y]
  AlignedVector<T> weighted_;  // the same, times the weights
  AlignedVector<T> sums_;      // (width, pitch)
};

// The mean of the parts, whose elements left of the diagonal mirror those to the right.
std::vector<double> mean_of_parts(const std::vector<double>& parts, std::int64_t partitions,
                                  std::int64_t width, std::int64_t count, ThreadPool& pool) {
  std::vector<double> moment(static_cast<std::size_t>(width * width), 0.0);
  pool.for_each(width, [&](std::int64_t i, int /*worker*/) {
    for (std::int64_t j = i; j < width; ++j) {
      double sum = 0.0;
      for (std::int64_t p = 0; p < partitions; ++p) {
        sum += parts[static_cast<std::size_t>((p * width + i) * width + j)];
      }
      const double mean = sum / static_cast<double>(count);
      moment[static_cast<std::size_t>(i * width + j)] = mean;
      moment[static_cast<std::size_t>(j * width + i)] = mean;
    }
  });
  return moment;
}

}  // namespace

template <class T>
std::vector<double> second_moment(RowFeed& feed, const RowSelection& rows, std::int64_t outputs,
                                  ThreadPool& pool) {
  const std::int64_t d = feed.features();
  const std::int64_t width = d + 1 + outputs;
  const std::int64_t partitions = partition_count(rows.count, BankShape{width - 1, width, 1});
  std::vector<double> parts(static_cast<std::size_t>(partitions * width * width), 0.0);
  std::vector<MomentSum<T>> sums(static_cast<std::size_t>(pool.threads()),
                                 MomentSum<T>(d, outputs));
  const std::int64_t tile = sums.front().tile_rows();
  feed.prepare(rows, pool);
  pool.for_each(partitions, [&](std::int64_t p, int worker) {
    MomentSum<T>& sum = sums[static_cast<std::size_t>(worker)];
    sum.start();
    double* const part = parts.data() + p * width * width;
    const std::int64_t end = (p + 1) * rows.count / partitions;
    std::int64_t unflushed = 0;
    for (std::int64_t r = p * rows.count / partitions; r < end; r += tile) {
      const std::int64_t count = std::min(tile, end - r);
      sum.add(feed, {&rows, r, count, end, worker});
      unflushed += count;
      if (unflushed + tile > rows_between_flushes) {
        sum.flush(part);
        unflushed = 0;
      }
    }
    sum.flush(part);
  });
  return mean_of_parts(parts, partitions, width, rows.count, pool);
}

template std::vector<double> second_moment<float>(RowFeed&, const RowSelection&, std::int64_t,
                                                  ThreadPool&);
template std::vector<double> second_moment<double>(RowFeed&, const RowSelection&, std::int64_t,
                                                   ThreadPool&);

}  // namespace steepest::kernels
