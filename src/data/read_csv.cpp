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

// What a thread works with.
struct Worker {
  Worker(const CellRoles& roles, char delimiter, const ReaderLimits& limits)
      : parser(roles, delimiter, limits), codes(roles.texts.size()) {}

  ChunkParser parser;
  LearnedCodes codes;
  Block block;
  std::uint32_t begin = 0;  // where the parser took a record to begin
  std::vector<Placement> placements;
};

// One read of the input. Members are in the order in which they depend on each other.
//
// Threads take blocks and parse them side by side, each from its first line end on, as if that
// ended a record. In the blocks' order, the records around that line end then go through the
// scanner; where it finds that the line end stood in quotes, the block is parsed again from where
// it does not. So what the fast path parsed begins where a record begins, always.
class Reading {
 public:
  Reading(const ReadOptions& options, const ReadProgress& progress, const Schema* known,
          const ReaderLimits& limits)
      : options_(options),
        known_(known),
        limits_(limits),
        table_(options, progress, limits, header_hints(options, known)),
        plan_(plan_for(table_, options, known)),
        roles_(plan_, table_.names().size(), options, known),
        decoder_(plan_, table_.names(), table_.sample(), options, known, /*may_skip=*/true),
        rejects_(options.rejects_path),
        store_(roles_, dataset_) {}

  Dataset run() {
    if (limits_.scalar) {
      while (table_.next()) {
        read_record();
      }
    } else {
      read_files();
    }
    check_rows();
    learn_schema();
    convert_two_values();
    encode(dataset_.features, dataset_.schema.columns, options_.missing);
    dataset_.features.shrink_to_fit();
    dataset_.bytes_read = table_.bytes_read();
    return std::move(dataset_);
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
  void learn_schema();
  void learn_classes();
  void convert_two_values();

  const ReadOptions& options_;
  const Schema* known_;
  const ReaderLimits& limits_;
  TableReader table_;
  ColumnPlan plan_;
  CellRoles roles_;
  RowDecoder decoder_;
  Rejects rejects_;
  Dataset dataset_;
  RowStore store_;
  std::vector<Worker> workers_;
  bool file_ended_ = false;  // a block was shorter than others: it was the last
  std::optional<InputError> first_reject_;
};

void Reading::read_files() {
  kernels::ThreadPool pool(options_.threads);
  for (int i = 0; i < pool.threads(); ++i) {
    workers_.emplace_back(roles_, table_.dialect().delimiter, limits_);
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
  BlockQueue queue(reader.source(), std::move(begun), offset, limits_.block_bytes);
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
    store_.copy(worker.parser, worker.codes, worker.placements);
  }
}

void Reading::take_block(Worker& worker) {
  const std::string_view text = worker.block.view();
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
  ++dataset_.rows_rejected;
  rejects_.add(decoder_.problem(), table_.reader(), table_.names());
  if (!first_reject_) {
    first_reject_ = error_of(decoder_.problem(), table_.reader(), table_.names());
  }
}

void Reading::reject(const RowProblem& problem) {
  if (options_.bad_rows == BadRowPolicy::error || problem.of_column) {
    throw error_of(problem, table_.reader(), table_.names());
  }
  ++dataset_.rows_rejected;
  rejects_.add(problem, table_.reader(), table_.names());
  if (!first_reject_) {
    first_reject_ = error_of(problem, table_.reader(), table_.names());
  }
}

// Every record of the input is a row or was rejected; some row is left; the weights are usable.
void Reading::check_rows() {
  if (dataset_.rows() + dataset_.rows_rejected != table_.records()) {
    throw std::logic_error(fmt::format("the reader lost rows: {} read, {} kept, {} rejected",
                                       table_.records(), dataset_.rows(), dataset_.rows_rejected));
  }
  if (table_.records() == 0) {
    table_.throw_no_rows();
  }
  rejects_.finish();
  if (dataset_.rows() == 0) {
    throw InputError(Location{table_.names().file()},
                     fmt::format("all {} rows were skipped; the first one: {}",
                                 grouped(table_.records()), first_reject_->what()));
  }
  if (!dataset_.weights.empty() && std::none_of(dataset_.weights.begin(), dataset_.weights.end(),
                                                [](double weight) { return weight > 0.0; })) {
    Location location{table_.names().file(), 0, 0, plan_.weight_column + 1, plan_.weight_name};
    throw InputError(location, "all weights are zero: at least one must be positive");
  }
}

void Reading::learn_schema() {
  if (known_ != nullptr) {
    dataset_.schema = *known_;
    return;
  }
  Schema& schema = dataset_.schema;
  schema.columns = plan_.features;
  schema.target_names = plan_.target_names;
  schema.weight_name = plan_.weight_name;
  const std::string& file = table_.names().file();
  learn_levels(dataset_.features, schema.columns, decoder_.dictionaries(), file);
  if (options_.missing == MissingPolicy::mean) {
    learn_fills(dataset_.features, schema.columns, file);
  }
  if (plan_.targets_are_classes) {
    learn_classes();
  }
}

void Reading::learn_classes() {
  Dictionary::Sorted sorted = decoder_.classes().sorted();
  if (sorted.levels.size() < 2) {
    Location location{table_.names().file(), 0, 0, plan_.target_columns[0] + 1,
                      plan_.target_names[0]};
    throw InputError(location, fmt::format("the target has only one class, {}; there must be two "
                                           "at least to tell apart",
                                           quoted(sorted.levels[0])));
  }
  for (std::int32_t& label : dataset_.labels) {
    label = sorted.position[static_cast<std::size_t>(label)];
  }
  dataset_.schema.classes = std::move(sorted.levels);
}

// TargetKind::automatic: a single numeric target with two distinct values is a label.
void Reading::convert_two_values() {
  const bool decides = known_ == nullptr && options_.target_kind == TargetKind::automatic &&
                       plan_.numbers_were_assumed && plan_.target_columns.size() == 1;
  std::vector<double> values = store_.distinct_targets().values();
  if (!decides || values.size() != 2) {
    return;
  }
  std::sort(values.begin(), values.end());
  for (const double target : dataset_.targets) {
    dataset_.labels.push_back(target == values[1] ? 1 : 0);
  }
  dataset_.schema.classes = {shortest(values[0]), shortest(values[1])};
  dataset_.targets = {};
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

Dataset read_csv(const ReadOptions& options, const ReadProgress& progress, const Schema* known,
                 const ReaderLimits& limits) {
  const auto start = std::chrono::steady_clock::now();
  check_options(options);
  Dataset dataset = Reading(options, progress, known, limits).run();
  dataset.read_seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return dataset;
}

}  // namespace steepest::data

namespace steepest {

Dataset read_dataset(const ReadOptions& options, const ReadProgress& progress,
                     const Schema* known) {
  return data::read_csv(options, progress, known, data::ReaderLimits{});
}

}  // namespace steepest
