// SPDX-License-Identifier: Apache-2.0
// The whole input into memory: parse every record, then learn levels and fills, then encode.
#include "src/data/read_csv.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <optional>

#include "src/data/block_reading.hpp"
#include "src/data/chunk_parser.hpp"
#include "src/data/excerpt.hpp"
#include "src/data/feature_encoding.hpp"
#include "src/data/learned_schema.hpp"
#include "src/data/rejects.hpp"
#include "src/data/row_decoder.hpp"
#include "src/data/row_store.hpp"
#include "src/data/table_reader.hpp"
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

// What a thread keeps of a block until its rows are copied.
struct Worker {
  ChunkParser parser;
  LearnedCodes codes;
  std::vector<Placement> placements{};
  std::vector<float> scratch{};
};

// One read of the input. Members are in the order in which they depend on each other.
class Reading final : RowSink {
 public:
  Reading(const ReadOptions& options, const RowStorage& storage, const ReadProgress& progress,
          const Schema* known, const ReaderLimits& limits, const KeptRead* kept)
      : options_(options),
        known_(known),
        kept_(kept),
        table_(options, progress, limits, header_hints(options, known)),
        plan_(plan_for(table_, options, known)),
        roles_(plan_, table_.names().size(), options, known),
        decoder_(plan_, table_.names(), table_.sample(), options, known, /*may_skip=*/true),
        rejects_(kept == nullptr ? Rejects(options.rejects_path)
                                 : Rejects(options.rejects_path, kept->folder + "/" + kept_rejects,
                                           !kept->resumed)),
        store_(roles_, storage,
               kept == nullptr && storage.statistics && features_are_final(plan_, options)),
        blocks_(table_, limits, options.threads) {
    for (int worker = 0; worker < blocks_.threads(); ++worker) {
      workers_.push_back(
          {ChunkParser(roles_, table_.dialect(), limits), LearnedCodes(roles_.texts.size())});
    }
    if (kept_ != nullptr) {
      store_.keep_in(kept_->folder, !kept_->resumed);
    }
    if (kept_ != nullptr && kept_->resumed) {
      go_on();
    }
  }

  ReadRows run() {
    if (!is_complete_) {
      blocks_.run(*this, begins_at_);
    }
    check_rows();
    store_.complete();
    if (!is_complete_) {
      is_complete_ = true;
      save();
    }
    LearnedSchema learned =
        learn_schema(plan_, decoder_, store_, options_, table_.names().file(), known_);
    ReadRows result;
    result.rows_rejected = rows_rejected_;
    result.bytes_read = bytes_read_;
    result.rows = store_.finish(std::move(learned.schema), std::move(learned.encoding),
                                std::move(learned.label_rule));
    return result;
  }

 private:
  BlockParser& parser(int worker) override { return mine(worker).parser; }
  void begin_block(int worker) override {
    mine(worker).placements.clear();
    store_.begin_turn();
    report([this] { table_.report(); });
  }
  bool take_rows(int worker, const Piece& piece) override {
    Worker& own = mine(worker);
    return store_.place(own.parser, piece, decoder_, own.codes, own.placements);
  }
  void take_record(int worker) override;
  void finish_block(int worker, std::int64_t /*number*/) override {
    Worker& own = mine(worker);
    store_.copy(own.parser, own.codes, own.placements, own.scratch);
  }
  // All threads are done with the file.
  void finish_file() override {
    report([this] { table_.report_now(); });
  }

  [[nodiscard]] Worker& mine(int worker) { return workers_[static_cast<std::size_t>(worker)]; }
  void go_on();
  void exchange_state(kernels::StateArchive& archive);
  void save();
  template <class Tell>
  void report(const Tell& tell);
  void reject(const RowProblem& problem);
  void check_rows();

  const ReadOptions& options_;
  const Schema* known_;
  const KeptRead* kept_;  // null: nobody will go on with this read
  TableReader table_;
  ColumnPlan plan_;
  CellRoles roles_;
  RowDecoder decoder_;
  Rejects rejects_;
  RowStore store_;
  std::int64_t rows_rejected_ = 0;
  std::string first_reject_;               // what was wrong with it
  std::optional<ReadPosition> begins_at_;  // in the first file that is read; empty: its head
  bool is_complete_ = false;
  std::int64_t bytes_read_ = 0;
  BlockReading blocks_;
  std::vector<Worker> workers_;
};

void Reading::go_on() {
  kernels::StateArchive archive =
      kernels::StateArchive::reading(*kept_->resumed, kept_->resumed_from);
  exchange_state(archive);
  archive.expect_end();
}

// The same both ways.
void Reading::exchange_state(kernels::StateArchive& archive) {
  const ReadPosition at = table_.exchange_state(archive);
  if (archive.is_reading()) {
    begins_at_ = at;
  }
  decoder_.exchange_learned(archive);
  store_.exchange_state(archive);
  rejects_.exchange_state(archive);
  archive.exchange_in(rows_rejected_, 0, table_.records());
  archive.exchange(first_reject_);
  archive.exchange(is_complete_);
  archive.exchange(bytes_read_);
}

// While no row of this thread is on its way to its place.
void Reading::save() {
  bytes_read_ = table_.bytes_read();
  if (kept_ == nullptr || !store_.all_copied()) {
    return;  // what went wrong with a row is told by the thread that had it
  }
  kernels::StateArchive archive = kernels::StateArchive::writing();
  exchange_state(archive);
  kept_->save(archive.written());
}

template <class Tell>
void Reading::report(const Tell& tell) {
  try {
    tell();
  } catch (...) {
    save();
    throw;
  }
  if (kept_ != nullptr && kept_->is_due()) {
    save();
  }
}

void Reading::take_record(int /*worker*/) {
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
  if (first_reject_.empty()) {
    first_reject_ = error_of(decoder_.problem(), table_.reader(), table_.names()).what();
  }
}

void Reading::reject(const RowProblem& problem) {
  if (options_.bad_rows == BadRowPolicy::error || problem.of_column) {
    throw error_of(problem, table_.reader(), table_.names());
  }
  ++rows_rejected_;
  rejects_.add(problem, table_.reader(), table_.names());
  if (first_reject_.empty()) {
    first_reject_ = error_of(problem, table_.reader(), table_.names()).what();
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
                                 grouped(table_.records()), first_reject_));
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
                  const ReadProgress& progress, const Schema* known, const ReaderLimits& limits,
                  const KeptRead* kept) {
  const auto start = std::chrono::steady_clock::now();
  check_options(options);
  ReadRows result = Reading(options, storage, progress, known, limits, kept).run();
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
