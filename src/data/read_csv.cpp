// SPDX-License-Identifier: Apache-2.0
// The whole input into memory: parse every record, then learn levels and fills, then encode.
#include "src/data/read_csv.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <optional>

#include "kernels/thread_pool.hpp"
#include "src/data/block_queue.hpp"
#include "src/data/chunk_parser.hpp"
#include "src/data/excerpt.hpp"
#include "src/data/feature_encoding.hpp"
#include "src/data/learned_schema.hpp"
#include "src/data/rejects.hpp"
#include "src/data/row_decoder.hpp"
#include "src/data/row_store.hpp"
#include "src/data/table_reader.hpp"
#include "src/data/turns.hpp"
#include "steepest/error.hpp"

namespace steepest::data {
namespace {

ColumnPlan plan_for(const TableReader& table, const ReadOptions& options, const Schema* known) {
  return known != nullptr ? match_columns(table.names(), table.dialect().header, options, *known,
                                          /*with_targets=*/true)
                          : plan_columns(table.names(), table.sample(), options);
}

std::vector<std::string> header_hints(const ReadOptions& options, const Schema* known) {
  std::vector<std::string> names = names_in(options);
  if (known != nullptr) {
    for (const FeatureColumn& column : known->columns) {
      names.push_back(column.name);
    }
  }
  return names;
}

// Statistics are taken of features as they come: not of codes, and not of values still missing.
bool features_are_final(const ColumnPlan& plan, const ReadOptions& options) {
  return !encodes(plan.features, options.missing) && plan.weight_column < 0;
}

// What a thread works with.
struct Worker {
  Worker(const CellRoles& roles, const Dialect& dialect, const ReaderLimits& limits)
      : parser(roles, dialect, limits), codes(roles.texts.size()) {}

  ChunkParser parser;
  LearnedCodes codes;
  Block block;
  std::uint32_t begin = 0;  // where the parser took a record to begin
  std::vector<Placement> placements;
  std::vector<float> scratch;
};

// One read of the input. Members are in the order in which they depend on each other.
//
// Threads take blocks and parse them side by side, each from its first line end on, as if that
// ended a record. In the blocks' order, the records around that line end then go through the
// scanner; where it finds that the line end stood in quotes, the block is parsed again from where
// it does not. So what the fast path parsed begins where a record begins, always.
class Reading {
 public:
  Reading(const ReadOptions& options, const RowStorage& storage, const ReadProgress& progress,
          const Schema* known, const ReaderLimits& limits)
      : options_(options),
        known_(known),
        limits_(limits),
        table_(options, progress, limits, header_hints(options, known)),
        plan_(plan_for(table_, options, known)),
        roles_(plan_, table_.names().size(), options, known),
        decoder_(plan_, table_.names(), table_.sample(), options, known, /*may_skip=*/true),
        rejects_(options.rejects_path),
        store_(roles_, storage, storage.statistics && features_are_final(plan_, options)) {}

  ReadRows run() {
    if (limits_.scalar) {
      while (table_.next()) {
        store_.begin_turn();
        read_record();
      }
    } else {
      read_files();
    }
    check_rows();
    store_.complete();
    LearnedSchema learned =
        learn_schema(plan_, decoder_, store_, options_, table_.names().file(), known_);
    ReadRows result;
    result.rows_rejected = rows_rejected_;
    result.bytes_read = table_.bytes_read();
    result.rows = store_.finish(std::move(learned.schema), std::move(learned.encoding),
                                std::move(learned.label_rule));
    return result;
  }

 private:
  void read_files();
  void read_file(kernels::ThreadPool& pool);
  void work(Worker& worker, BlockQueue& queue, Turns& turns);
  void take_block(Worker& worker);
  std::uint32_t find_record(std::string_view text, std::uint32_t at);
  void scan(std::string_view text);
  void scan_records();
  void read_record();
  void reject(const RowProblem& problem);
  void check_rows();

  const ReadOptions& options_;
  const Schema* known_;
  const ReaderLimits& limits_;
  TableReader table_;
  ColumnPlan plan_;
  CellRoles roles_;
  RowDecoder decoder_;
  Rejects rejects_;
  RowStore store_;
  std::int64_t rows_rejected_ = 0;
  std::vector<Worker> workers_;
  bool file_ended_ = false;  // a block was shorter than others: it was the last
  std::optional<InputError> first_reject_;
};

void Reading::read_files() {
  kernels::ThreadPool pool(options_.threads);
  for (int i = 0; i < pool.threads(); ++i) {
    workers_.emplace_back(roles_, table_.dialect(), limits_);
  }
  do {
    read_file(pool);
  } while (table_.open_next());
}

void Reading::read_file(kernels::ThreadPool& pool) {
  RecordReader& reader = table_.reader();
  const bool all_there = reader.head_is_all();
  std::string begun = reader.begin_pushing();
  const std::int64_t offset = reader.bytes_read() + static_cast<std::int64_t>(begun.size());
  file_ended_ = false;
  BlockQueue queue(reader.source(), std::move(begun), offset, limits_, pool.threads());
  Turns turns;
  pool.for_each(all_there ? 1 : pool.threads(), [&](std::int64_t index, int /*thread*/) {
    work(workers_[static_cast<std::size_t>(index)], queue, turns);
  });
  turns.rethrow();
  reader.close();
  scan_records();
}

// Blocks until there are no more. What goes wrong in a block is told when its turn comes.
void Reading::work(Worker& worker, BlockQueue& queue, Turns& turns) {
  for (bool more = true; more;) {
    std::exception_ptr error;
    try {
      more = queue.take(worker.block);
      if (more) {
        const std::size_t line_end = worker.block.view().find('\n');
        worker.begin = line_end == std::string_view::npos
                           ? worker.block.size()
                           : static_cast<std::uint32_t>(line_end) + 1;
        worker.parser.parse(worker.block.text(), worker.begin, worker.block.size());
      }
    } catch (...) {
      error = std::current_exception();
    }
    worker.placements.clear();
    const bool go_on = turns.take(worker.block.number(), [&] {
      if (error != nullptr) {
        std::rethrow_exception(error);
      }
      if (more) {
        take_block(worker);
      }
    });
    if (!go_on) {
      return;
    }
    try {
      store_.copy(worker.parser, worker.codes, worker.placements, worker.scratch);
    } catch (...) {
      turns.fail(std::current_exception());
      return;
    }
  }
}

void Reading::take_block(Worker& worker) {
  const std::string_view text = worker.block.view();
  store_.begin_turn();
  if (file_ended_) {
    throw InputError(Location{table_.reader().name()},
                     "the file grew while it was read; read it again when it is whole");
  }
  file_ended_ = worker.block.number() > 0 && worker.block.size() < limits_.block_bytes;
  scan(text.substr(0, worker.begin));
  if (worker.begin < text.size() && !table_.reader().between_records()) {
    const std::uint32_t begin = find_record(text, worker.begin);
    worker.parser.parse(text.data(), begin, worker.block.size());
  }
  for (const Piece& piece : worker.parser.pieces()) {
    if (piece.rows > 0 &&
        store_.place(worker.parser, piece, decoder_, worker.codes, worker.placements)) {
      table_.skip_rows(piece.rows, piece.end - piece.begin, piece.lines);
    } else {
      scan(text.substr(piece.begin, piece.end - piece.begin));
    }
  }
  scan(text.substr(worker.parser.used()));
  table_.report();
}

// Scans on, line by line, until a record ends; where the next one begins.
std::uint32_t Reading::find_record(std::string_view text, std::uint32_t at) {
  while (at < text.size() && !table_.reader().between_records()) {
    const std::size_t line_end = text.find('\n', at);
    const auto next = line_end == std::string_view::npos ? static_cast<std::uint32_t>(text.size())
                                                         : static_cast<std::uint32_t>(line_end) + 1;
    scan(text.substr(at, next - at));
    at = next;
  }
  return at;
}

// Text that follows all the reader has seen.
void Reading::scan(std::string_view text) {
  if (!text.empty()) {
    table_.reader().push(text);
    scan_records();
  }
}

void Reading::scan_records() {
  while (table_.next_in_file()) {
    read_record();
  }
}

void Reading::read_record() {
  if (table_.problem() != nullptr) {
    RowProblem problem = *table_.problem();
    problem.fixes.emplace_back(RowDecoder::skip_fix);
    reject(problem);
    return;
  }
  const RowDecoder::Outcome outcome = decoder_.decode(table_.record(), store_.add_row());
  if (outcome == RowDecoder::Outcome::row) {
    store_.keep_row(decoder_);
    return;
  }
  store_.drop_row();
  if (outcome == RowDecoder::Outcome::bad) {
    reject(decoder_.problem());
    return;
  }
  ++rows_rejected_;
  rejects_.add(decoder_.problem(), table_.reader(), table_.names());
  if (!first_reject_) {
    first_reject_ = error_of(decoder_.problem(), table_.reader(), table_.names());
  }
}

void Reading::reject(const RowProblem& problem) {
  if (options_.bad_rows == BadRowPolicy::error || problem.of_column) {
    throw error_of(problem, table_.reader(), table_.names());
  }
  ++rows_rejected_;
  rejects_.add(problem, table_.reader(), table_.names());
  if (!first_reject_) {
    first_reject_ = error_of(problem, table_.reader(), table_.names());
  }
}

// Every record of the input is a row or was rejected; some row is left; the weights are usable.
void Reading::check_rows() {
  if (store_.rows() + rows_rejected_ != table_.records()) {
    throw std::logic_error(fmt::format("the reader lost rows: {} read, {} kept, {} rejected",
                                       table_.records(), store_.rows(), rows_rejected_));
  }
  if (table_.records() == 0) {
    table_.throw_no_rows();
  }
  rejects_.finish();
  if (store_.rows() == 0) {
    throw InputError(Location{table_.names().file()},
                     fmt::format("all {} rows were skipped; the first one: {}",
                                 grouped(table_.records()), first_reject_->what()));
  }
  if (roles_.weight && !store_.any_positive_weight()) {
    Location location{table_.names().file(), 0, 0, plan_.weight_column + 1, plan_.weight_name};
    throw InputError(location, "all weights are zero: at least one must be positive");
  }
}

}  // namespace

void check_options(const ReadOptions& options) {
  if (!options.rejects_path.empty() && options.bad_rows == BadRowPolicy::error &&
      options.missing != MissingPolicy::drop) {
    throw OptionError(
        "--rejects needs rows that are skipped: add --on-bad-row skip or "
        "--missing drop");
  }
}

ReadRows read_csv(const ReadOptions& options, const RowStorage& storage,
                  const ReadProgress& progress, const Schema* known, const ReaderLimits& limits) {
  const auto start = std::chrono::steady_clock::now();
  check_options(options);
  ReadRows result = Reading(options, storage, progress, known, limits).run();
  result.read_seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return result;
}

Dataset read_csv(const ReadOptions& options, const ReadProgress& progress, const Schema* known,
                 const ReaderLimits& limits) {
  const RowStorage storage{0, {}, /*statistics=*/false};
  ReadRows read = read_csv(options, storage, progress, known, limits);
  Dataset dataset = std::move(*read.rows->in_memory());
  dataset.rows_rejected = read.rows_rejected;
  dataset.bytes_read = read.bytes_read;
  dataset.read_seconds = read.read_seconds;
  return dataset;
}

}  // namespace steepest::data

namespace steepest {

Dataset read_dataset(const ReadOptions& options, const ReadProgress& progress,
                     const Schema* known) {
  return data::read_csv(options, progress, known, data::ReaderLimits{});
}

}  // namespace steepest
