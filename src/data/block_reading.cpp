// SPDX-License-Identifier: Apache-2.0
// Parsing is side by side; what depends on all that came before is in the order of the blocks.
#include "src/data/block_reading.hpp"

#include <exception>
#include <utility>

#include "steepest/error.hpp"

namespace steepest::data {

BlockReading::BlockReading(TableReader& table, const ReaderLimits& limits, int threads)
    : table_(table),
      limits_(limits),
      pool_(limits.scalar ? 1 : threads),
      workers_(static_cast<std::size_t>(pool_.threads())) {
  for (int i = 0; i < pool_.threads(); ++i) {
    workers_[static_cast<std::size_t>(i)].index = i;
  }
}

void BlockReading::run(RowSink& sink, std::optional<ReadPosition> begins_at) {
  if (limits_.scalar) {
    for (std::int64_t number = 0; table_.next(); ++number) {
      sink.begin_block(0);
      sink.take_record(0);
      sink.finish_block(0, number);
    }
    sink.finish_file();
    return;
  }
  do {
    read_file(sink, std::exchange(begins_at, std::nullopt));
  } while (table_.open_next());
}

void BlockReading::read_file(RowSink& sink, const std::optional<ReadPosition>& begins_at) {
  RecordReader& reader = table_.reader();
  const bool all_there = reader.head_is_all();
  std::string begun = reader.begin_pushing();
  std::int64_t offset = reader.bytes_read() + static_cast<std::int64_t>(begun.size());
  if (begins_at) {
    offset = reader.go_on_at(*begins_at, begun, [this] { table_.report_now(); });
  }
  file_ended_ = false;
  BlockQueue queue(reader.source(), std::move(begun), offset, limits_, pool_.threads());
  Turns turns;
  pool_.for_each(all_there ? 1 : pool_.threads(), [&](std::int64_t index, int /*thread*/) {
    work(workers_[static_cast<std::size_t>(index)], queue, turns, sink);
  });
  turns.rethrow();
  reader.close();
  scan_records(0, sink);
  sink.finish_file();
}

// Blocks until there are no more. What goes wrong in a block is told when its turn comes.
void BlockReading::work(Worker& worker, BlockQueue& queue, Turns& turns, RowSink& sink) {
  for (bool more = true; more;) {
    std::exception_ptr error;
    try {
      more = queue.take(worker.block);
      if (more) {
        const std::size_t line_end = worker.block.view().find('\n');
        worker.begin = line_end == std::string_view::npos
                           ? worker.block.size()
                           : static_cast<std::uint32_t>(line_end) + 1;
        sink.parser(worker.index).parse(worker.block.text(), worker.begin, worker.block.size());
      }
    } catch (...) {
      error = std::current_exception();
    }
    const bool go_on = turns.take(worker.block.number(), [&] {
      if (error != nullptr) {
        std::rethrow_exception(error);
      }
      if (more) {
        take_block(worker, sink);
      }
    });
    if (!go_on) {
      return;
    }
    try {
      if (more) {
        sink.finish_block(worker.index, worker.block.number());
      }
    } catch (...) {
      turns.fail(std::current_exception());
      return;
    }
  }
}

void BlockReading::take_block(Worker& worker, RowSink& sink) {
  const std::string_view text = worker.block.view();
  BlockParser& parser = sink.parser(worker.index);
  sink.begin_block(worker.index);
  if (file_ended_) {
    throw InputError(Location{table_.reader().name()},
                     "the file grew while it was read; read it again when it is whole");
  }
  file_ended_ = worker.block.number() > 0 && worker.block.size() < limits_.block_bytes;
  scan(text.substr(0, worker.begin), worker.index, sink);
  if (worker.begin < text.size() && !table_.reader().between_records()) {
    const std::uint32_t begin = find_record(text, worker.begin, worker.index, sink);
    parser.parse(text.data(), begin, worker.block.size());
  }
  for (const Piece& piece : parser.pieces()) {
    if (piece.rows > 0 && sink.take_rows(worker.index, piece)) {
      table_.skip_rows(piece.rows, piece.end - piece.begin, piece.lines);
    } else {
      scan(text.substr(piece.begin, piece.end - piece.begin), worker.index, sink);
    }
  }
  scan(text.substr(parser.used()), worker.index, sink);
}

// Scans on, line by line, until a record ends; where the next one begins.
std::uint32_t BlockReading::find_record(std::string_view text, std::uint32_t at, int worker,
                                        RowSink& sink) {
  while (at < text.size() && !table_.reader().between_records()) {
    const std::size_t line_end = text.find('\n', at);
    const auto next = line_end == std::string_view::npos ? static_cast<std::uint32_t>(text.size())
                                                         : static_cast<std::uint32_t>(line_end) + 1;
    scan(text.substr(at, next - at), worker, sink);
    at = next;
  }
  return at;
}

// Text that follows all the reader has seen.
void BlockReading::scan(std::string_view text, int worker, RowSink& sink) {
  if (!text.empty()) {
    table_.reader().push(text);
    scan_records(worker, sink);
  }
}

void BlockReading::scan_records(int worker, RowSink& sink) {
  while (table_.next_in_file()) {
    sink.take_record(worker);
  }
}

}  // namespace steepest::data
