// SPDX-License-Identifier: Apache-2.0
#include "src/data/row_subset.hpp"

#include <algorithm>
#include <utility>

namespace steepest::data {
namespace {

// Rows of the source read at once.
constexpr std::int64_t block_rows = 4096;

RowBuffer& below(RowBuffer& buffer) {
  if (buffer.below == nullptr) {
    buffer.below = std::make_shared<RowBuffer>();
  }
  return *buffer.below;
}

}  // namespace

RowSubset::RowSubset(std::shared_ptr<const RowSource> source,
                     std::shared_ptr<const std::vector<std::int64_t>> chosen, bool others)
    : source_(std::move(source)), chosen_(std::move(chosen)), others_(others) {}

std::int64_t RowSubset::rows() const {
  const auto chosen = static_cast<std::int64_t>(chosen_->size());
  return others_ ? source_->rows() - chosen : chosen;
}

// Row of the source that is row i here.
std::int64_t RowSubset::row_of(std::int64_t i) const {
  if (!others_) {
    return (*chosen_)[static_cast<std::size_t>(i)];
  }
  // Before the j-th chosen row there are chosen[j] - j others.
  std::size_t low = 0;
  std::size_t high = chosen_->size();
  while (low < high) {
    const std::size_t middle = (low + high) / 2;
    if ((*chosen_)[middle] - static_cast<std::int64_t>(middle) <= i) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return i + static_cast<std::int64_t>(low);
}

// Reads runs of neighbouring rows of the source and keeps those that are here.
template <class Value, class Read>
const Value* RowSubset::collect(std::int64_t first, std::int64_t count, std::int64_t columns,
                                std::vector<Value>& to, Read read) const {
  const std::int64_t wanted = count * columns + FeatureMatrix::tail;
  if (static_cast<std::int64_t>(to.size()) < wanted) {
    to.resize(static_cast<std::size_t>(wanted));
  }
  Value* out = to.data();
  for (std::int64_t i = first; i < first + count;) {
    const std::int64_t begin = row_of(i);
    const std::int64_t size = std::min(block_rows, row_of(first + count - 1) + 1 - begin);
    const Value* const block = read(begin, size);
    if (block == nullptr) {
      return nullptr;
    }
    for (; i < first + count; ++i) {
      const std::int64_t row = row_of(i) - begin;
      if (row >= size) {
        break;
      }
      out = std::copy_n(block + row * columns, columns, out);
    }
  }
  return to.data();
}

const float* RowSubset::features(std::int64_t first, std::int64_t count, RowBuffer& buffer) const {
  return collect(first, count, feature_count(), buffer.features,
                 [&](std::int64_t begin, std::int64_t size) {
                   return source_->features(begin, size, below(buffer));
                 });
}

const double* RowSubset::targets(std::int64_t first, std::int64_t count, RowBuffer& buffer) const {
  return collect(first, count, outputs(), buffer.targets,
                 [&](std::int64_t begin, std::int64_t size) {
                   return source_->targets(begin, size, below(buffer));
                 });
}

const std::int32_t* RowSubset::labels(std::int64_t first, std::int64_t count,
                                      RowBuffer& buffer) const {
  return collect(first, count, 1, buffer.labels, [&](std::int64_t begin, std::int64_t size) {
    return source_->labels(begin, size, below(buffer));
  });
}

const double* RowSubset::weights(std::int64_t first, std::int64_t count, RowBuffer& buffer) const {
  return collect(first, count, 1, buffer.weights, [&](std::int64_t begin, std::int64_t size) {
    return source_->weights(begin, size, below(buffer));
  });
}

void RowSubset::will_read(std::int64_t first, std::int64_t count) const {
  if (count > 0) {
    const std::int64_t begin = row_of(first);
    source_->will_read(begin, row_of(first + count - 1) + 1 - begin);
  }
}

}  // namespace steepest::data
