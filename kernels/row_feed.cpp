// SPDX-License-Identifier: Apache-2.0
#include "kernels/row_feed.hpp"

#include <algorithm>

#include "kernels/tile_products.hpp"

namespace steepest::kernels {
namespace {

// A worker reads about this much at a time: long reads for a disk, short enough for the cache.
constexpr std::int64_t block_bytes = std::int64_t{1} << 20;

// Asked of the disk beyond the block that is read.
constexpr std::int64_t blocks_ahead = 8;

}  // namespace

MemoryFeed::MemoryFeed(TrainingData& data, int threads)
    : data_(data),
      rows_(data.features.rows()),
      features_(data.features.columns()),
      scales_(data.mean, data.scale, data.bytes),
      tiles_(static_cast<std::size_t>(threads)),
      peeked_(static_cast<std::size_t>(threads)) {
  if (data.storage == Storage::bfloat16) {
    return;  // to be rounded in any case
  }
  const auto moves = [](double mean) { return mean != 0.0; };
  const auto scales = [](double inverse) { return inverse != 1.0; };
  settled_ = std::none_of(scales_.mean.begin(), scales_.mean.end(), moves) &&
             std::none_of(scales_.inverse.begin(), scales_.inverse.end(), scales);
}

std::int64_t MemoryFeed::outputs() const {
  return static_cast<std::int64_t>(data_.targets.size()) / std::max<std::int64_t>(1, rows());
}

Storage MemoryFeed::storage() const {
  return packed_.empty()                      ? Storage::float32
         : data_.storage == Storage::bfloat16 ? Storage::bfloat16
                                              : Storage::uint8;
}

void MemoryFeed::settle(ThreadPool& pool) {
  if (!packed_.empty() || data_.features.rows() == 0) {
    return;
  }
  if (data_.storage == Storage::bfloat16) {
    packed_ = PackedRows::of_bfloat16(data_.features, scales_, pool);
  } else if (data_.bytes && data_.storage == Storage::uint8) {
    packed_ = PackedRows::of_bytes(data_.features, pool);
  } else if (!settled_) {
    standardize(scales_, pool, data_.features);
    settled_ = true;
    tiles_.assign(tiles_.size(), {});
  }
  if (!packed_.empty()) {
    data_.features = {};
    settled_ = false;
  }
}

bool MemoryFeed::Chosen::holds(const Request& request) const {
  return request.begin == begin && *request.selection == selection &&
         request.count == static_cast<std::int64_t>(indexes.size());
}

bool MemoryFeed::peek(const Request& request, const float** pointers) {
  if (!settled_) {
    return false;
  }
  if (!request.selection->shuffled) {
    const float* row = data_.features.row(request.selection->first + request.begin);
    for (std::int64_t r = 0; r < request.count; ++r, row += features()) {
      pointers[r] = row;
    }
    return true;
  }
  Chosen& chosen = peeked_[static_cast<std::size_t>(request.worker)];
  chosen.selection = *request.selection;
  chosen.begin = request.begin;
  chosen.indexes.resize(static_cast<std::size_t>(request.count));
  select_rows(data_.features, *request.selection, request.begin, request.count,
              chosen.indexes.data(), pointers);
  ask_for_targets(chosen.indexes);
  return true;
}

// Caches are asked for what the rows will be compared with, as the products do for the rows.
void MemoryFeed::ask_for_targets(const std::vector<std::int64_t>& indexes) const {
  const std::int64_t width = outputs();
  const auto ask = [&](const auto& values, std::int64_t each) {
    if (!values.empty()) {
      for (const std::int64_t index : indexes) {
        __builtin_prefetch(values.data() + index * each);
      }
    }
  };
  ask(data_.targets, width);
  ask(data_.labels, 1);
  ask(data_.weights, 1);
}

const float* MemoryFeed::standardized_rows(const Request& request, const std::int64_t* indexes,
                                           std::int64_t pitch) {
  AlignedVector<float>& rows = tiles_[static_cast<std::size_t>(request.worker)];
  rows.resize(static_cast<std::size_t>(request.count * pitch + FeatureMatrix::tail));
  if (!packed_.empty()) {
    packed_.unpack(indexes, request.count, scales_, pitch, rows.data());
    return rows.data();
  }
  const std::int64_t together = request.selection->shuffled ? 1 : request.count;
  for (std::int64_t r = 0; r < request.count; r += together) {
    standardize_rows(data_.features.row(indexes[r]), together, scales_, rows.data() + r * pitch);
  }
  return rows.data();
}

RowFeed::Targets MemoryFeed::tile(const Request& request, std::int64_t* indexes,
                                  const float** pointers) {
  const bool in_order = !request.selection->shuffled;
  const float* following = nullptr;
  const Chosen& chosen = peeked_[static_cast<std::size_t>(request.worker)];
  if (!packed_.empty()) {
    request.selection->indexes_of(request.begin, request.count, indexes);
  } else if (!in_order && chosen.holds(request)) {
    for (std::int64_t r = 0; r < request.count; ++r) {
      indexes[r] = chosen.indexes[static_cast<std::size_t>(r)];
      pointers[r] = data_.features.row(indexes[r]);
    }
  } else {
    select_rows(data_.features, *request.selection, request.begin, request.count, indexes,
                pointers);
  }
  if (in_order && packed_.empty() && request.count > 0) {
    following = pointers[request.count - 1] + features_;
  }
  if (!settled_) {
    const std::int64_t pitch = packed_.empty() ? features_ : padded_length(features_);
    const float* rows = standardized_rows(request, indexes, pitch);
    for (std::int64_t r = 0; r < request.count; ++r, rows += pitch) {
      pointers[r] = rows;
    }
  }
  return {data_.targets.data(), data_.labels.data(),
          data_.weights.empty() ? nullptr : data_.weights.data(), following};
}

// Consecutive rows of the source, or of a shuffled order, ready for a pass.
struct StreamedFeed::Block {
  std::int64_t first = 0;
  std::int64_t count = 0;
  FeatureMatrix features;
  std::vector<double> targets;
  std::vector<std::int32_t> labels;
  std::vector<double> weights;

  void resize(const StreamedData& data, std::int64_t rows) {
    const std::int64_t width = data.rows->feature_count();
    if (features.rows() != rows || features.columns() != width) {
      features = FeatureMatrix(rows, width);
    }
    const auto count_of_rows = static_cast<std::size_t>(rows);
    targets.resize(data.rows->classifies() ? 0 : count_of_rows * data.target_mean.size());
    labels.resize(data.rows->classifies() ? count_of_rows : 0);
    weights.resize(data.weight_mean > 0.0 ? count_of_rows : 0);
  }

  // Row `row` of what the source gave goes to row `to` of the block.
  struct Source {
    const float* features = nullptr;
    const double* targets = nullptr;
    const std::int32_t* labels = nullptr;
    const double* weights = nullptr;
  };
  void take(const StreamedData& data, const ColumnScales& scales, const Source& source,
            std::int64_t row, std::int64_t to) {
    standardize_rows(source.features + row * features.columns(), 1, scales, features.row(to));
    const auto outputs = data.target_mean.size();
    for (std::size_t o = 0; source.targets != nullptr && o < outputs; ++o) {
      targets[static_cast<std::size_t>(to) * outputs + o] =
          (source.targets[static_cast<std::size_t>(row) * outputs + o] - data.target_mean[o]) /
          data.target_scale;
    }
    if (source.labels != nullptr) {
      labels[static_cast<std::size_t>(to)] = source.labels[row];
    }
    if (!weights.empty()) {
      weights[static_cast<std::size_t>(to)] = source.weights[row] / data.weight_mean;
    }
  }

  static Source fetch(const StreamedData& data, std::int64_t first, std::int64_t count,
                      RowBuffer& buffer) {
    const RowSource& rows = *data.rows;
    return {rows.features(first, count, buffer), rows.targets(first, count, buffer),
            rows.labels(first, count, buffer),
            data.weight_mean > 0.0 ? rows.weights(first, count, buffer) : nullptr};
  }

  [[nodiscard]] Targets view() const {
    return {targets.data(), labels.data(), weights.empty() ? nullptr : weights.data(), nullptr};
  }
};

struct StreamedFeed::Worker {
  RowBuffer buffer;
  Block block;
};

StreamedFeed::StreamedFeed(StreamedData data, int threads)
    : data_(std::move(data)),
      scales_(data_.mean, data_.scale, data_.bytes),
      workers_(static_cast<std::size_t>(threads)) {
  const auto floats = static_cast<std::int64_t>(sizeof(float));
  bytes_per_row_ = data_.rows->feature_count() * floats +
                   static_cast<std::int64_t>((data_.target_mean.size() + 2) * sizeof(double));
  // Twice: as the source holds them, and standardized.
  const std::int64_t share = data_.memory_bytes / (std::int64_t{4} * threads);
  block_rows_ = std::max<std::int64_t>(1, std::min(block_bytes, share) / bytes_per_row_);
  window_rows_ = data_.memory_bytes / 2 / bytes_per_row_;
}

StreamedFeed::~StreamedFeed() = default;

std::int64_t StreamedFeed::outputs() const {
  return data_.rows->classifies() ? 0 : static_cast<std::int64_t>(data_.target_mean.size());
}

void StreamedFeed::read(std::int64_t first, std::int64_t count, Worker& worker) const {
  worker.block.first = first;
  worker.block.count = 0;  // until it is whole
  worker.block.resize(data_, std::max(count, block_rows_));
  const Block::Source source = Block::fetch(data_, first, count, worker.buffer);
  for (std::int64_t i = 0; i < count; ++i) {
    worker.block.take(data_, scales_, source, i, i);
  }
  worker.block.count = count;
}

bool StreamedFeed::in_window(const RowSelection& selection) const {
  return window_ != nullptr && selection.seed == windowed_.seed &&
         selection.epoch == windowed_.epoch && selection.together == windowed_.together &&
         selection.first >= windowed_.first &&
         selection.first + selection.count <= windowed_.first + windowed_.count;
}

void StreamedFeed::prepare(const RowSelection& selection, ThreadPool& pool) {
  if (!selection.shuffled || in_window(selection) || selection.count > window_rows_) {
    return;
  }
  windowed_ = selection;
  windowed_.count = 0;  // until it is whole
  const std::int64_t whole_batches = window_rows_ / selection.count * selection.count;
  const std::int64_t count = std::min(whole_batches, rows() - selection.first);
  fill_window(selection.first, count, pool);
  windowed_.count = count;
}

void StreamedFeed::fill_window(std::int64_t first, std::int64_t count, ThreadPool& pool) {
  if (window_ == nullptr) {
    window_ = std::make_unique<Block>();
  }
  window_->resize(data_, std::min(window_rows_, rows()));
  const RowOrder order = windowed_.order();
  const std::int64_t blocks = (rows() + block_rows_ - 1) / block_rows_;
  pool.for_each(blocks, [&](std::int64_t block, int worker) {
    const std::int64_t begin = block * block_rows_;
    const std::int64_t size = std::min(block_rows_, rows() - begin);
    const std::int64_t ahead = begin + blocks_ahead * block_rows_;
    if (ahead < rows()) {
      data_.rows->will_read(ahead, std::min(block_rows_, rows() - ahead));
    }
    RowBuffer& buffer = workers_[static_cast<std::size_t>(worker)].buffer;
    const Block::Source source = Block::fetch(data_, begin, size, buffer);
    for (std::int64_t i = 0; i < size; ++i) {
      const std::int64_t place = order.position_of(begin + i) - first;
      if (place >= 0 && place < count) {
        window_->take(data_, scales_, source, i, place);
      }
    }
  });
}

// Row by row, wherever they lie.
void StreamedFeed::gather(const Request& request, Worker& worker) const {
  const RowSelection& selection = *request.selection;
  const RowOrder order = selection.order();
  worker.block.count = 0;
  worker.block.resize(data_, std::max(request.count, block_rows_));
  for (std::int64_t r = 0; r < request.count; ++r) {
    const std::int64_t row = order(selection.first + request.begin + r);
    worker.block.take(data_, scales_, Block::fetch(data_, row, 1, worker.buffer), 0, r);
  }
}

RowFeed::Targets StreamedFeed::tile(const Request& request, std::int64_t* indexes,
                                    const float** pointers) {
  const RowSelection& selection = *request.selection;
  const std::int64_t begin = selection.first + request.begin;
  Worker& worker = workers_[static_cast<std::size_t>(request.worker)];
  const Block* block = &worker.block;
  std::int64_t row = 0;  // of the block
  if (selection.shuffled && in_window(selection)) {
    block = window_.get();
    row = begin - windowed_.first;
  } else if (selection.shuffled) {
    gather(request, worker);
  } else {
    const bool there =
        begin >= block->first && begin + request.count <= block->first + block->count;
    if (!there) {
      const std::int64_t end = selection.first + request.end;
      read(begin, std::min(std::max(block_rows_, request.count), end - begin), worker);
      const std::int64_t ahead = begin + block->count + (blocks_ahead - 1) * block_rows_;
      if (ahead < end) {
        data_.rows->will_read(ahead, std::min(block_rows_, end - ahead));
      }
    }
    row = begin - block->first;
  }
  for (std::int64_t r = 0; r < request.count; ++r) {
    indexes[r] = row + r;
    pointers[r] = block->features.row(row + r);
  }
  return block->view();
}

}  // namespace steepest::kernels
