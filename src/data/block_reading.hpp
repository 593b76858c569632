// SPDX-License-Identifier: Apache-2.0
// All files of a table, block by block on several threads, with the rows in the order of the files.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "kernels/thread_pool.hpp"
#include "src/data/block_parser.hpp"
#include "src/data/block_queue.hpp"
#include "src/data/reader_limits.hpp"
#include "src/data/table_reader.hpp"
#include "src/data/turns.hpp"

namespace steepest::data {

/// What becomes of rows. All calls but finish_block are for one thread at a time, in the order of
/// the rows. `worker` is in [0, threads), and keeps to one block from begin_block to finish_block.
class RowSink {
 public:
  /// The worker's parser: with it a block is parsed, before begin_block and perhaps once more
  /// after.
  virtual BlockParser& parser(int worker) = 0;

  virtual void begin_block(int worker) = 0;

  /// Takes the rows of a piece of the parser's; false, with nothing taken, leaves them to the
  /// scanner, which gives them to take_record one by one.
  virtual bool take_rows(int worker, const Piece& piece) = 0;

  /// Takes the record where the table stands, or what is wrong with it.
  virtual void take_record(int worker) = 0;

  /// Does what other threads need not wait for with the rows taken since begin_block. `number`
  /// counts the file's blocks from 0.
  virtual void finish_block(int worker, std::int64_t number) = 0;

  /// Takes leave of a file; the rows behind its last block have come to worker 0.
  virtual void finish_file() = 0;

 protected:
  ~RowSink() = default;
};

/// One read of a table.
///
/// Threads take blocks and parse them side by side, each from its first line end on, as if that
/// ended a record. In the blocks' order, the records around that line end then go through the
/// scanner; where it finds that the line end stood in quotes, the block is parsed again from where
/// it does not. So what the fast path parsed begins where a record begins, always.
class BlockReading {
 public:
  /// References stay valid until run() returns. `threads` as in ReadOptions.
  BlockReading(TableReader& table, const ReaderLimits& limits, int threads);

  [[nodiscard]] int threads() const { return pool_.threads(); }

  /// Gives all rows to the sink, from `begins_at` of the table's file on where that is given.
  /// Throws InputError, and what the sink throws; of several errors the first by the order of the
  /// rows.
  void run(RowSink& sink, std::optional<ReadPosition> begins_at = {});

 private:
  // What a thread works with.
  struct Worker {
    int index = 0;
    Block block;
    std::uint32_t begin = 0;  // where the parser took a record to begin
  };

  void read_file(RowSink& sink, const std::optional<ReadPosition>& begins_at);
  void work(Worker& worker, BlockQueue& queue, Turns& turns, RowSink& sink);
  void take_block(Worker& worker, RowSink& sink);
  std::uint32_t find_record(std::string_view text, std::uint32_t at, int worker, RowSink& sink);
  void scan(std::string_view text, int worker, RowSink& sink);
  void scan_records(int worker, RowSink& sink);

  TableReader& table_;
  const ReaderLimits& limits_;
  kernels::ThreadPool pool_;
  std::vector<Worker> workers_;
  bool file_ended_ = false;  // a block was shorter than others: it was the last
};

}  // namespace steepest::data
