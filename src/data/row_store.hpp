// SPDX-License-Identifier: Apache-2.0
// The rows read so far: taken in order, one by one or by the block, and copied by many threads.
#pragma once

#include <cstdint>
#include <shared_mutex>
#include <vector>

#include "src/data/chunk_parser.hpp"
#include "src/data/row_decoder.hpp"
#include "steepest/dataset.hpp"

namespace steepest::data {

/// By text column of CellRoles and by the index of a thread's text: the code learned, -1 for none.
using LearnedCodes = std::vector<std::vector<std::int32_t>>;

/// Rows of a parser that have a place in the matrix and are not there yet.
struct Placement {
  std::int64_t from = 0;  ///< row of the parser
  std::int64_t to = 0;    ///< row of the matrix
  std::int64_t rows = 0;
};

/// add_row, drop_row, keep_row and place are for one thread at a time; copy is for any number, also
/// beside those.
class RowStore {
 public:
  RowStore(const CellRoles& roles, Dataset& dataset);

  /// A new row for the decoder to fill; drop_row() takes it back, keep_row() takes what else it
  /// holds.
  float* add_row();
  void drop_row() { dataset_.features.truncate(dataset_.features.rows() - 1); }
  void keep_row(const RowDecoder& decoder);

  /// Takes the rows of a piece, all but their features. False, with nothing taken, when one holds a
  /// text that cannot be learned.
  bool place(const ChunkParser& parser, const Piece& piece, RowDecoder& decoder,
             LearnedCodes& codes, std::vector<Placement>& placements);

  /// Puts features where place() has made room.
  void copy(const ChunkParser& parser, const LearnedCodes& codes,
            const std::vector<Placement>& placements);

  [[nodiscard]] const DistinctValues& distinct_targets() const { return distinct_targets_; }

 private:
  bool learn(const ChunkParser& parser, const Piece& piece, RowDecoder& decoder,
             LearnedCodes& codes) const;
  float* append(std::int64_t rows);

  const CellRoles& roles_;
  Dataset& dataset_;
  DistinctValues distinct_targets_;
  std::shared_mutex moving_;  // held alone while the matrix grows
};

}  // namespace steepest::data
