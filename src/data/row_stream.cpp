// SPDX-License-Identifier: Apache-2.0
// Rows for a known schema: every row of the file gives its text, or there is an error.
#include "src/data/row_stream.hpp"

#include <optional>
#include <utility>
#include <vector>

#include "src/data/block_reading.hpp"
#include "src/data/chunk_parser.hpp"
#include "src/data/feature_encoding.hpp"
#include "src/data/row_decoder.hpp"
#include "steepest/error.hpp"

namespace steepest::data {
namespace {

std::vector<std::string> names_of(const Schema& schema) {
  std::vector<std::string> names;
  for (const FeatureColumn& column : schema.columns) {
    names.push_back(column.name);
  }
  return names;
}

// One read of the input. Members are in the order in which they depend on each other.
class Streaming final : RowSink {
 public:
  Streaming(const ReadOptions& options, const Schema& schema, const RowsToText& to_text,
            const TextSink& sink, const ReadProgress& progress, const ReaderLimits& limits)
      : options_(options),
        schema_(schema),
        to_text_(to_text),
        sink_(sink),
        table_(options, progress, limits, names_of(schema)),
        plan_(match_columns(table_.names(), table_.dialect().header, options, schema,
                            /*with_targets=*/false)),
        roles_(plan_, table_.names().size(), options, &schema),
        decoder_(plan_, table_.names(), table_.sample(), options, &schema, /*may_skip=*/false),
        slots_(schema.columns.size()),
        blocks_(table_, limits, options.threads) {
    for (int worker = 0; worker < blocks_.threads(); ++worker) {
      taken_.emplace_back(ChunkParser(roles_, table_.dialect(), limits));
    }
    written_.emplace();
  }

  StreamedRows run() {
    blocks_.run(*this);
    if (table_.records() == 0) {
      table_.throw_no_rows();
    }
    return {table_.records(), table_.file_bytes_read()};
  }

 private:
  // Rows that follow each other: of the parser, or of `scanned`.
  struct Stretch {
    bool scanned = false;
    std::int64_t first = 0;
    std::int64_t rows = 0;
  };

  // What a thread has taken of a block.
  struct Taken {
    explicit Taken(ChunkParser its_parser) : parser(std::move(its_parser)) {}

    ChunkParser parser;
    std::vector<Stretch> stretches;
    std::vector<float> scanned;  // (rows, slots)
    std::vector<float> decoded;  // a row
    FeatureMatrix rows;
    std::string text;
  };

  // Goes over the rows taken.
  struct Place {
    std::size_t stretch = 0;
    std::int64_t row = 0;  // of the stretch
  };

  BlockParser& parser(int worker) override { return taken(worker).parser; }

  void begin_block(int /*worker*/) override { table_.report(); }

  bool take_rows(int worker, const Piece& piece) override {
    taken(worker).stretches.push_back({false, piece.first_row, piece.rows});
    return true;
  }

  void take_record(int worker) override {
    if (table_.problem() != nullptr) {
      throw error_of(*table_.problem(), table_.reader(), table_.names());
    }
    Taken& mine = taken(worker);
    const std::size_t at = mine.scanned.size();
    mine.scanned.resize(at + slots_);
    if (decoder_.decode(table_.record(), mine.scanned.data() + at) != RowDecoder::Outcome::row) {
      throw error_of(decoder_.problem(), table_.reader(), table_.names());
    }
    if (mine.stretches.empty() || !mine.stretches.back().scanned) {
      mine.stretches.push_back({true, static_cast<std::int64_t>(at / slots_), 0});
    }
    ++mine.stretches.back().rows;
  }

  void finish_block(int worker, std::int64_t number) override {
    write(taken(worker), number, *written_);
  }

  void finish_file() override {
    Turns behind;  // all blocks
    write(taken(0), 0, behind);
    written_.emplace();
  }

  void write(Taken& mine, std::int64_t number, Turns& turns) {
    Place place;
    deliver(number, turns, sink_, mine.text,
            [&](std::string& text) { return append_text(mine, place, text); });
    mine.stretches.clear();
    mine.scanned.clear();
  }

  // The text of the next rows; false when there are none left.
  bool append_text(Taken& mine, Place& place, std::string& text) {
    const std::int64_t features = schema_.feature_count();
    if (mine.rows.columns() != features) {
      mine.rows = FeatureMatrix(0, features);
      mine.decoded.resize(slots_);
    }
    mine.rows.truncate(0);
    for (std::int64_t left = rows_at_once(features);
         left > 0 && place.stretch < mine.stretches.size(); --left) {
      const Stretch& stretch = mine.stretches[place.stretch];
      const std::int64_t row = stretch.first + place.row;
      const float* decoded = mine.decoded.data();
      if (stretch.scanned) {
        decoded = mine.scanned.data() + static_cast<std::size_t>(row) * slots_;
      } else {
        roles_.gather(mine.parser.row(row), mine.decoded.data());
      }
      encode_row(schema_.columns, options_.missing, decoded, mine.rows.append_row());
      if (++place.row == stretch.rows) {
        place = {place.stretch + 1, 0};
      }
    }
    if (mine.rows.rows() == 0) {
      return false;
    }
    to_text_(mine.rows, text);
    return true;
  }

  [[nodiscard]] Taken& taken(int worker) { return taken_[static_cast<std::size_t>(worker)]; }

  const ReadOptions& options_;
  const Schema& schema_;
  const RowsToText& to_text_;
  const TextSink& sink_;
  TableReader table_;
  ColumnPlan plan_;
  CellRoles roles_;
  RowDecoder decoder_;
  std::size_t slots_;  // features as decoded
  BlockReading blocks_;
  std::vector<Taken> taken_;      // by worker
  std::optional<Turns> written_;  // of the file's blocks
};

}  // namespace

void check_keeps_rows(const ReadOptions& options) {
  if (options.missing == MissingPolicy::drop) {
    throw OptionError(
        "--missing drop cannot be used here: every row of the file gets its row of output; valid "
        "are error, mean and zero");
  }
  if (options.bad_rows == BadRowPolicy::skip) {
    throw OptionError(
        "--on-bad-row skip cannot be used here: every row of the file gets its row of output");
  }
}

StreamedRows stream_csv(const ReadOptions& options, const Schema& schema, const RowsToText& to_text,
                        const TextSink& sink, const ReadProgress& progress,
                        const ReaderLimits& limits) {
  check_keeps_rows(options);
  return Streaming(options, schema, to_text, sink, progress, limits).run();
}

}  // namespace steepest::data
