// SPDX-License-Identifier: Apache-2.0
// Room is made in order, under the reader's turns; the copying is left to the threads.
#include "src/data/row_store.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <mutex>

namespace steepest::data {
namespace {

// One call for all pages costs half of a fault at each. Best effort: Linux 5.14 and later.
void prepare_pages(float* first, std::int64_t count) {
#ifdef MADV_POPULATE_WRITE
  constexpr std::uintptr_t page = 4096;
  const auto begin = (reinterpret_cast<std::uintptr_t>(first) + page - 1) / page * page;
  const auto end = reinterpret_cast<std::uintptr_t>(first + count) / page * page;
  if (begin < end) {
    ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_POPULATE_WRITE);
  }
#else
  static_cast<void>(first);
  static_cast<void>(count);
#endif
}

}  // namespace

RowStore::RowStore(const CellRoles& roles, Dataset& dataset) : roles_(roles), dataset_(dataset) {
  dataset_.features = FeatureMatrix(0, roles.features);
}

float* RowStore::append(std::int64_t rows) {
  if (dataset_.features.has_room_for(rows)) {
    return dataset_.features.append_rows(rows);
  }
  const std::unique_lock lock(moving_);
  return dataset_.features.append_rows(rows);
}

float* RowStore::add_row() { return append(1); }

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
    }
  }
  placements.push_back({piece.first_row, dataset_.features.rows(), piece.rows});
  append(piece.rows);
  return true;
}

void RowStore::copy(const ChunkParser& parser, const LearnedCodes& codes,
                    const std::vector<Placement>& placements) {
  const std::shared_lock lock(moving_);
  for (const Placement& placement : placements) {
    prepare_pages(dataset_.features.row(placement.to),
                  placement.rows * dataset_.features.columns());
    for (std::int64_t r = 0; r < placement.rows; ++r) {
      const float* const cells = parser.row(placement.from + r);
      float* const features = dataset_.features.row(placement.to + r);
      for (const CellRoles::Run& run : roles_.runs) {
        std::memcpy(features + run.slot, cells + run.column, run.length * sizeof(float));
      }
      for (std::size_t t = 0; t < roles_.texts.size(); ++t) {
        const CellRoles::TextColumn& column = roles_.texts[t];
        if (column.slot < 0 || column.known != nullptr) {
          continue;
        }
        float& value = features[column.slot];
        if (value == value) {
          value = static_cast<float>(codes[t][static_cast<std::size_t>(value)]);
        }
      }
    }
  }
}

}  // namespace steepest::data
