// SPDX-License-Identifier: Apache-2.0
#include "kernels/second_moment.hpp"

#include <algorithm>

#include "kernels/partials.hpp"
#include "kernels/tile_products.hpp"

namespace steepest::kernels {
namespace {

// Small enough that a tile, read once for every block of columns, stays in the nearest cache.
constexpr std::int64_t tile_bytes = 24 << 10;
constexpr std::int64_t rows_between_flushes = 1024;

// Per thread: a tile of rows, the same rows as the second factor, and the sums in T.
template <class T>
struct Scratch {
  std::vector<const float*> rows;
  std::vector<std::int64_t> indexes;
  std::vector<T> factor;  // (tile, d + 1): w_i [x_i 1]
  std::vector<T> sums;    // (d + 1, padded)
};

template <class T>
void fill_factor(const double* weights, std::int64_t features, std::int64_t count,
                 Scratch<T>& scratch) {
  T* out = scratch.factor.data();
  for (std::int64_t r = 0; r < count; ++r, out += features + 1) {
    const auto row = static_cast<std::size_t>(r);
    const T weight = weights == nullptr ? T(1) : static_cast<T>(weights[scratch.indexes[row]]);
    for (std::int64_t j = 0; j < features; ++j) {
      out[j] = weight * static_cast<T>(scratch.rows[row][j]);
    }
    out[features] = weight;
  }
}

// Adds the sums in T to the partition's doubles: row c of S holds factor column c, and its last
// element is the sum of that column, which is what a feature of ones would have met.
template <class T>
void flush(std::int64_t features, std::int64_t padded, Scratch<T>& scratch, double* part) {
  for (std::int64_t c = 0; c <= features; ++c) {
    T* from = scratch.sums.data() + c * padded;
    for (std::int64_t j = 0; j < features; ++j) {
      part[c * (features + 1) + j] += static_cast<double>(from[j]);
    }
    std::fill(from, from + padded, T(0));
  }
}

}  // namespace

template <class T>
std::vector<double> second_moment(RowFeed& feed, const RowSelection& rows, ThreadPool& pool) {
  const std::int64_t d = feed.features();
  const std::int64_t padded = padded_length(d);
  const BankShape shape{d, d + 1, 1};
  const std::int64_t partitions = partition_count(rows.count, shape);
  const std::int64_t tile = std::clamp<std::int64_t>(
      tile_bytes / ((d + 1) * static_cast<std::int64_t>(sizeof(float))), 8, rows_between_flushes);
  std::vector<double> parts(static_cast<std::size_t>(partitions * shape.elements()), 0.0);
  std::vector<Scratch<T>> scratches(static_cast<std::size_t>(pool.threads()));
  feed.prepare(rows, pool);
  pool.for_each(partitions, [&](std::int64_t p, int worker) {
    Scratch<T>& scratch = scratches[static_cast<std::size_t>(worker)];
    scratch.rows.resize(static_cast<std::size_t>(tile));
    scratch.indexes.resize(static_cast<std::size_t>(tile));
    scratch.factor.resize(static_cast<std::size_t>(tile * (d + 1)));
    scratch.sums.assign(static_cast<std::size_t>((d + 1) * padded), T(0));
    double* part = parts.data() + p * shape.elements();
    const std::int64_t end = (p + 1) * rows.count / partitions;
    std::int64_t unflushed = 0;
    for (std::int64_t r = p * rows.count / partitions; r < end; r += tile) {
      const std::int64_t count = std::min(tile, end - r);
      const RowFeed::Targets targets =
          feed.tile({&rows, r, count, end, worker}, scratch.indexes.data(), scratch.rows.data());
      fill_factor(targets.weights, d, count, scratch);
      for (std::int64_t i = 0; i < count; ++i) {  // the corner: the sum of the weights
        part[shape.elements() - 1] +=
            static_cast<double>(scratch.factor[static_cast<std::size_t>(i * (d + 1) + d)]);
      }
      tile_gradient(scratch.rows.data(), count, d, scratch.factor.data(),
                    PaddedColumns<T>{scratch.sums.data(), d + 1, padded});
      unflushed += count;
      if (unflushed + tile > rows_between_flushes) {
        flush(d, padded, scratch, part);
        unflushed = 0;
      }
    }
    flush(d, padded, scratch, part);
  });
  std::vector<double> moment(static_cast<std::size_t>(shape.elements()), 0.0);
  for (std::int64_t p = 0; p < partitions; ++p) {
    for (std::int64_t e = 0; e < shape.elements(); ++e) {
      moment[static_cast<std::size_t>(e)] +=
          parts[static_cast<std::size_t>(p * shape.elements() + e)];
    }
  }
  for (double& element : moment) {
    element /= static_cast<double>(rows.count);
  }
  for (std::int64_t j = 0; j < d; ++j) {  // the last row holds the sums; the last column mirrors it
    moment[static_cast<std::size_t>(j * (d + 1) + d)] =
        moment[static_cast<std::size_t>(d * (d + 1) + j)];
  }
  return moment;
}

template std::vector<double> second_moment<float>(RowFeed&, const RowSelection&, ThreadPool&);
template std::vector<double> second_moment<double>(RowFeed&, const RowSelection&, ThreadPool&);

}  // namespace steepest::kernels
