// SPDX-License-Identifier: Apache-2.0
// The rows read so far: taken in order, one by one or by the block, and copied by many threads. In
// memory as long as they fit, in files from then on.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <string>
#include <vector>

#include "kernels/state_archive.hpp"
#include "src/data/chunk_parser.hpp"
#include "src/data/file_rows.hpp"
#include "src/data/place_sum.hpp"
#include "src/data/row_decoder.hpp"
#include "src/data/running_moments.hpp"
#include "steepest/dataset.hpp"

namespace steepest::data {

/// By text column of CellRoles and by the index of a thread's text: the code learned, -1 for none.
using LearnedCodes = std::vector<std::vector<std::int32_t>>;

/// Rows of a parser that have a place among all rows and are not there yet.
struct Placement {
  std::int64_t from = 0;  ///< row of the parser
  std::int64_t to = 0;    ///< row of all
  std::int64_t rows = 0;
};

/// begin_turn, add_row, drop_row, keep_row and place are for one thread at a time; copy is for any
/// number, also beside those.
class RowStore {
 public:
  /// `takes_statistics`: whether statistics of the features are taken as they come, without
  /// weights.
  RowStore(const CellRoles& roles, RowStorage storage, bool takes_statistics);

  /// Puts all rows into files in a folder from the start, for another process to go on with;
  /// `anew`: whatever was there. Before the first row, and without statistics.
  void keep_in(const std::string& folder, bool anew);

  /// Names of these files.
  static constexpr const char* kept_names[] = {"features.rows", "targets.rows", "labels.rows",
                                               "weights.rows"};

  /// Of kept rows: waits until all are in their files and on the disk, and writes how many they
  /// are and their checksums; or takes what the files hold, which it reads once to see that it is
  /// what was written. While this thread has none placed that are not copied.
  void exchange_state(kernels::StateArchive& archive);

  [[nodiscard]] std::int64_t rows() const { return rows_; }

  /// Moves the rows to files when they have grown too many. Call while this thread has none placed
  /// that are not copied.
  void begin_turn();

  /// A new row for the decoder to fill; drop_row() takes it back, keep_row() takes what else it
  /// holds.
  float* add_row();
  void drop_row();
  void keep_row(const RowDecoder& decoder);

  /// Takes the rows of a piece, all but their features. False, with nothing taken, when one holds a
  /// text that cannot be learned.
  bool place(const ChunkParser& parser, const Piece& piece, RowDecoder& decoder,
             LearnedCodes& codes, std::vector<Placement>& placements);

  /// Puts features where place() has made room. `scratch` is the thread's own.
  void copy(const ChunkParser& parser, const LearnedCodes& codes,
            const std::vector<Placement>& placements, std::vector<float>& scratch);

  /// Waits for the copies under way; false when one has failed, so that rows are missing. While
  /// this thread has none placed that are not copied.
  [[nodiscard]] bool all_copied() const;

  [[nodiscard]] const DistinctValues& distinct_targets() const { return distinct_targets_; }
  [[nodiscard]] bool any_positive_weight() const { return any_positive_weight_; }

  /// No more rows come: those that are left go to the files, if there are any.
  void complete();

  /// Calls body(decoded, rows) for all rows as decoded, in order, when they are complete.
  template <class Body>
  void for_each_block(Body body) const;

  /// All rows, as what was learned makes them. Nothing can be added any more.
  [[nodiscard]] std::shared_ptr<RowSource> finish(Schema schema, RowEncoding encoding,
                                                  LabelRule label_rule);

 private:
  enum FileIndex : std::size_t { features, targets, labels, weights };  // as kept_names

  bool learn(const ChunkParser& parser, const Piece& piece, RowDecoder& decoder,
             LearnedCodes& codes) const;
  void fill(const ChunkParser& parser, const LearnedCodes& codes, const Placement& placement,
            float* to) const;
  void append(std::int64_t rows);
  void wait_for_copies() const;
  [[nodiscard]] std::int64_t memory_bytes(std::int64_t row_bytes) const;
  void spill();
  void flush();
  [[nodiscard]] std::array<ElementFile*, 4> files();
  void write(FileIndex file, const void* from, std::int64_t bytes, std::int64_t offset);
  const float* fetch(std::int64_t first, std::int64_t count, std::vector<float>& scratch) const;

  const CellRoles& roles_;
  RowStorage storage_;
  Dataset dataset_;  // when spilled, only what is not in the files yet of all but the features
  std::int64_t rows_ = 0;
  DistinctValues distinct_targets_;
  bool any_positive_weight_ = false;
  std::shared_mutex moving_;              // held alone while the matrix grows
  std::atomic<std::int64_t> copying_{0};  // threads with rows placed that are not copied
  std::atomic<bool> copy_failed_{false};
  bool spilled_ = false;
  RowFiles files_;
  bool is_kept_ = false;
  std::array<PlaceSum, 4> sums_;   // of kept rows
  std::int64_t flushed_rows_ = 0;  // of targets, labels and weights
  std::vector<float> added_;       // rows of add_row() that are not in the files yet
  std::int64_t first_added_ = 0;
  std::unique_ptr<RunningMoments> moments_;
};

template <class Body>
void RowStore::for_each_block(Body body) const {
  constexpr std::int64_t block_rows = 4096;
  std::vector<float> scratch;
  for (std::int64_t first = 0; first < rows_; first += block_rows) {
    const std::int64_t count = std::min(block_rows, rows_ - first);
    body(fetch(first, count, scratch), count);
  }
}

}  // namespace steepest::data
