// SPDX-License-Identifier: Apache-2.0
// Room is made in order, under the reader's turns; the copying is left to the threads.
#include "src/data/row_store.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <limits>
#include <mutex>
#include <thread>
#include <utility>

namespace steepest::data {
namespace {

constexpr auto float_bytes = static_cast<std::int64_t>(sizeof(float));
constexpr const char* begin_anew = "remove the folder of --checkpoint to begin anew";

}  // namespace

RowStore::RowStore(const CellRoles& roles, RowStorage storage, bool takes_statistics)
    : roles_(roles), storage_(std::move(storage)) {
  dataset_.features = FeatureMatrix(0, roles.features);
  if (takes_statistics) {
    moments_ = std::make_unique<RunningMoments>(roles.features);
  }
}

// What rows of this width and their targets take, and copies of the targets in training.
std::int64_t RowStore::memory_bytes(std::int64_t row_bytes) const {
  const std::int64_t values = (static_cast<std::int64_t>(roles_.targets.size()) +
                               (roles_.has_label ? 1 : 0) + (roles_.weight ? 1 : 0));
  return rows_ * (row_bytes + 2 * values * static_cast<std::int64_t>(sizeof(double)));
}

void RowStore::begin_turn() {
  if (!spilled_ && storage_.memory_bytes > 0 &&
      memory_bytes(roles_.features * float_bytes) > storage_.memory_bytes) {
    spill();
  }
  constexpr std::int64_t flush_rows = 1 << 16;
  if (spilled_ && rows_ - flushed_rows_ >= flush_rows) {
    flush();
  }
}

void RowStore::wait_for_copies() const {
  while (copying_.load() > 0) {
    std::this_thread::yield();
  }
}

bool RowStore::all_copied() const {
  wait_for_copies();
  return !copy_failed_;
}

std::array<ElementFile*, 4> RowStore::files() {
  return {&files_.features, &files_.targets, &files_.labels, &files_.weights};
}

void RowStore::keep_in(const std::string& folder, bool anew) {
  const bool needed[] = {true, !roles_.targets.empty(), roles_.has_label,
                         roles_.weight.has_value()};
  for (std::size_t i = 0; i < std::size(needed); ++i) {
    if (needed[i]) {
      *files()[i] = ElementFile::kept(folder + "/" + kept_names[i], anew);
    }
  }
  spilled_ = true;
  is_kept_ = true;
}

void RowStore::exchange_state(kernels::StateArchive& archive) {
  const auto width = static_cast<std::int64_t>(roles_.targets.size());
  constexpr auto double_bytes = static_cast<std::int64_t>(sizeof(double));
  const std::int64_t row_bytes[] = {std::max<std::int64_t>(1, roles_.features) * float_bytes,
                                    width * double_bytes,
                                    static_cast<std::int64_t>(sizeof(std::int32_t)), double_bytes};
  if (!archive.is_reading()) {
    wait_for_copies();
    flush();
    for (const ElementFile* const file : files()) {
      if (file->is_open()) {
        file->sync();
      }
    }
  }
  archive.exchange_in(rows_, 0, std::numeric_limits<std::int64_t>::max() / 2);
  for (std::size_t i = 0; i < sums_.size(); ++i) {
    const ElementFile& file = *files()[i];
    sums_[i].exchange_state(archive);
    if (!archive.is_reading() || !file.is_open()) {
      continue;
    }
    if (file.size() / row_bytes[i] < rows_) {
      archive.fail(
          fmt::format("{} has not all of its {} rows: {}", file.name(), rows_, begin_anew));
    }
    if (!has_sum(file, 0, rows_ * row_bytes[i], sums_[i])) {
      archive.fail(fmt::format("{} is damaged, the checksum of its {} rows does not match: {}",
                               file.name(), rows_, begin_anew));
    }
  }
  flushed_rows_ = rows_;
  std::vector<double> distinct = distinct_targets_.values();
  archive.exchange_all(distinct,
                       [](kernels::StateArchive& part, double& value) { part.exchange(value); });
  for (const double value : distinct) {
    distinct_targets_.add(value);
  }
  archive.exchange(any_positive_weight_);
}

void RowStore::spill() {
  wait_for_copies();
  const auto open = [&](bool needed) {
    return needed ? ElementFile::temporary(storage_.folder) : ElementFile();
  };
  const std::unique_lock lock(moving_);
  files_ = {open(true), open(!roles_.targets.empty()), open(roles_.has_label),
            open(roles_.weight.has_value())};
  files_.features.write(dataset_.features.data(), dataset_.features.bytes(), 0);
  dataset_.features = FeatureMatrix(0, roles_.features);
  spilled_ = true;
  flush();
}

// Targets, labels, weights and added rows to their files.
void RowStore::flush() {
  const auto width = static_cast<std::int64_t>(roles_.targets.size());
  const auto put = [&](FileIndex file, auto& values, std::int64_t columns) {
    const auto bytes = static_cast<std::int64_t>(sizeof(values[0]));
    write(file, values.data(), static_cast<std::int64_t>(values.size()) * bytes,
          flushed_rows_ * columns * bytes);
    values.clear();
  };
  put(targets, dataset_.targets, width);
  put(labels, dataset_.labels, 1);
  put(weights, dataset_.weights, 1);
  flushed_rows_ = rows_;
  if (!added_.empty()) {
    write(features, added_.data(), static_cast<std::int64_t>(added_.size()) * float_bytes,
          first_added_ * roles_.features * float_bytes);
    if (moments_ != nullptr) {
      const auto count = static_cast<std::int64_t>(added_.size()) / roles_.features;
      std::vector<float> scratch;
      moments_->arrived(first_added_, count, [&](std::int64_t first, std::int64_t rows) {
        return fetch(first, rows, scratch);
      });
    }
    added_.clear();
  }
}

// To a file of rows; what is kept counts in its checksum.
void RowStore::write(FileIndex file, const void* from, std::int64_t bytes, std::int64_t offset) {
  files()[file]->write(from, bytes, offset);
  if (is_kept_) {
    sums_[file].add(from, bytes, offset);
  }
}

const float* RowStore::fetch(std::int64_t first, std::int64_t count,
                             std::vector<float>& scratch) const {
  if (!spilled_) {
    return dataset_.features.row(first);
  }
  scratch.resize(static_cast<std::size_t>(count * roles_.features));
  files_.features.read(scratch.data(), count * roles_.features * float_bytes,
                       first * roles_.features * float_bytes);
  return scratch.data();
}

void RowStore::append(std::int64_t rows) {
  rows_ += rows;
  if (dataset_.features.has_room_for(rows)) {
    dataset_.features.append_rows(rows);
    return;
  }
  const std::unique_lock lock(moving_);
  if (storage_.memory_bytes > 0) {  // half more, but no more than may ever be needed here
    const std::int64_t most = storage_.memory_bytes / (roles_.features * float_bytes);
    dataset_.features.reserve(std::max(rows_, std::min(rows_ + rows_ / 2, most)));
  }
  dataset_.features.append_rows(rows);
}

float* RowStore::add_row() {
  if (!spilled_) {
    append(1);
    return dataset_.features.row(rows_ - 1);
  }
  constexpr std::size_t most_added = 1 << 20;  // floats
  const auto width = static_cast<std::size_t>(roles_.features);
  if (added_.size() >= most_added ||
      (!added_.empty() &&
       first_added_ + static_cast<std::int64_t>(added_.size() / width) != rows_)) {
    flush();
  }
  if (added_.empty()) {
    first_added_ = rows_;
  }
  ++rows_;
  added_.resize(added_.size() + width);
  return added_.data() + added_.size() - width;
}

void RowStore::drop_row() {
  --rows_;
  if (spilled_) {
    added_.resize(added_.size() - static_cast<std::size_t>(roles_.features));
  } else {
    dataset_.features.truncate(rows_);
  }
}

void RowStore::keep_row(const RowDecoder& decoder) {
  for (const double target : decoder.targets()) {
    dataset_.targets.push_back(target);
    distinct_targets_.add(target);
  }
  if (roles_.has_label) {
    dataset_.labels.push_back(decoder.label());
  }
  if (roles_.weight) {
    dataset_.weights.push_back(decoder.weight());
    any_positive_weight_ = any_positive_weight_ || decoder.weight() > 0.0;
  }
  if (moments_ != nullptr && !spilled_) {
    moments_->arrived(rows_ - 1, 1, [this](std::int64_t first, std::int64_t /*count*/) {
      return dataset_.features.row(first);
    });
  }
}

bool RowStore::learn(const ChunkParser& parser, const Piece& piece, RowDecoder& decoder,
                     LearnedCodes& codes) const {
  for (std::size_t t = 0; t < roles_.texts.size(); ++t) {
    const CellRoles::TextColumn& column = roles_.texts[t];
    if (column.known != nullptr) {
      continue;
    }
    std::vector<std::int32_t>& learned = codes[t];
    learned.resize(static_cast<std::size_t>(parser.texts(t).size()), -1);
    for (std::int64_t r = piece.first_row; r < piece.first_row + piece.rows; ++r) {
      const float value =
          column.slot < 0 ? static_cast<float>(parser.label(r)) : parser.row(r)[column.column];
      if (value != value) {
        continue;  // missing
      }
      const auto index = static_cast<std::int32_t>(value);
      std::int32_t& code = learned[static_cast<std::size_t>(index)];
      if (code < 0) {
        code = decoder.learn_text(column.slot, parser.texts(t).text(index));
        if (code < 0) {
          return false;
        }
      }
    }
  }
  return true;
}

bool RowStore::place(const ChunkParser& parser, const Piece& piece, RowDecoder& decoder,
                     LearnedCodes& codes, std::vector<Placement>& placements) {
  if (!learn(parser, piece, decoder, codes)) {
    return false;
  }
  const std::int64_t end = piece.first_row + piece.rows;
  const std::size_t width = roles_.targets.size();
  if (width > 0) {
    dataset_.targets.insert(dataset_.targets.end(), parser.targets(piece.first_row),
                            parser.targets(end - 1) + width);
    for (const double target : parser.distinct_targets()) {
      distinct_targets_.add(target);
    }
  }
  if (roles_.has_label) {
    const bool learned = roles_.texts.back().known == nullptr;
    for (std::int64_t r = piece.first_row; r < end; ++r) {
      const std::int32_t label = parser.label(r);
      dataset_.labels.push_back(learned ? codes.back()[static_cast<std::size_t>(label)] : label);
    }
  }
  if (roles_.weight) {
    for (std::int64_t r = piece.first_row; r < end; ++r) {
      dataset_.weights.push_back(parser.weight(r));
      any_positive_weight_ = any_positive_weight_ || parser.weight(r) > 0.0;
    }
  }
  if (placements.empty()) {
    copying_.fetch_add(1);
  }
  placements.push_back({piece.first_row, rows_, piece.rows});
  if (spilled_) {
    rows_ += piece.rows;
  } else {
    append(piece.rows);
  }
  return true;
}

void RowStore::copy(const ChunkParser& parser, const LearnedCodes& codes,
                    const std::vector<Placement>& placements, std::vector<float>& scratch) {
  if (placements.empty()) {
    return;
  }
  // Also when it fails: a thread that spills waits for it.
  struct Done {
    RowStore& store;
    bool is_whole = false;
    ~Done() {
      if (!is_whole) {
        store.copy_failed_ = true;
      }
      store.copying_.fetch_sub(1);
    }
  } done{*this};
  const std::shared_lock lock(moving_);
  for (const Placement& placement : placements) {
    const std::int64_t floats = placement.rows * roles_.features;
    if (spilled_) {
      scratch.resize(static_cast<std::size_t>(floats));
      fill(parser, codes, placement, scratch.data());
      write(features, scratch.data(), floats * float_bytes,
            placement.to * roles_.features * float_bytes);
    } else {
      float* const to = dataset_.features.row(placement.to);
      dataset_.features.prepare_rows(placement.to, placement.rows);
      fill(parser, codes, placement, to);
    }
    if (moments_ != nullptr) {
      moments_->arrived(placement.to, placement.rows, [&](std::int64_t first, std::int64_t rows) {
        return fetch(first, rows, scratch);
      });
    }
  }
  done.is_whole = true;
}

void RowStore::fill(const ChunkParser& parser, const LearnedCodes& codes,
                    const Placement& placement, float* to) const {
  for (std::int64_t r = 0; r < placement.rows; ++r, to += roles_.features) {
    roles_.gather(parser.row(placement.from + r), to);
    for (std::size_t t = 0; t < roles_.texts.size(); ++t) {
      const CellRoles::TextColumn& column = roles_.texts[t];
      if (column.slot < 0 || column.known != nullptr) {
        continue;
      }
      float& value = to[column.slot];
      if (value == value) {
        value = static_cast<float>(codes[t][static_cast<std::size_t>(value)]);
      }
    }
  }
}

void RowStore::complete() {
  if (spilled_) {
    flush();
  }
}

std::shared_ptr<RowSource> RowStore::finish(Schema schema, RowEncoding encoding,
                                            LabelRule label_rule) {
  const std::int64_t row_bytes = schema.feature_count() * float_bytes;
  if (!spilled_ && storage_.memory_bytes > 0 && memory_bytes(row_bytes) > storage_.memory_bytes) {
    spill();  // levels become more features than fit
  }
  std::optional<ColumnStatistics> statistics;
  if (moments_ != nullptr) {
    std::vector<float> scratch;
    statistics = moments_->finish(rows_, [&](std::int64_t first, std::int64_t count) {
      return fetch(first, count, scratch);
    });
  }
  if (spilled_) {
    return std::make_shared<FileRows>(std::move(files_), rows_, std::move(schema),
                                      std::move(encoding), std::move(label_rule),
                                      std::move(statistics));
  }
  renumber(encoding.positions, rows_, dataset_.features.data());
  encode(dataset_.features, schema.columns, encoding.missing);
  dataset_.features.shrink_to_fit();
  for (std::int32_t& label : dataset_.labels) {
    label =
        label_rule.position.empty() ? label : label_rule.position[static_cast<std::size_t>(label)];
  }
  if (label_rule.two_values) {
    for (const double target : dataset_.targets) {
      dataset_.labels.push_back(target == (*label_rule.two_values)[1] ? 1 : 0);
    }
    dataset_.targets = {};
  }
  dataset_.schema = std::move(schema);
  return std::make_shared<DatasetRows>(std::move(dataset_), std::move(statistics));
}

}  // namespace steepest::data
