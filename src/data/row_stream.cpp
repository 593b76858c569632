// SPDX-License-Identifier: Apache-2.0
// Rows for a known schema, a block at a time: every row of the file gives a row, or an error.
#include "src/data/row_stream.hpp"

#include "src/data/feature_encoding.hpp"
#include "steepest/error.hpp"

namespace steepest {
namespace data {
namespace {

ReadOptions checked(ReadOptions options) {
  if (options.missing == MissingPolicy::drop) {
    throw OptionError(
        "--missing drop cannot be used here: every row of the file gets its row of output; valid "
        "are error, mean and zero");
  }
  if (options.bad_rows == BadRowPolicy::skip) {
    throw OptionError(
        "--on-bad-row skip cannot be used here: every row of the file gets its row of output");
  }
  return options;
}

std::vector<std::string> names_of(const Schema& schema) {
  std::vector<std::string> names;
  for (const FeatureColumn& column : schema.columns) {
    names.push_back(column.name);
  }
  return names;
}

}  // namespace

RowStreaming::RowStreaming(ReadOptions options, Schema schema, const ReaderLimits& limits)
    : options_(checked(std::move(options))),
      schema_(std::move(schema)),
      table_(options_, {}, limits, names_of(schema_)),
      plan_(match_columns(table_.names(), table_.dialect().header, options_, schema_,
                          /*with_targets=*/false)),
      decoder_(plan_, table_.names(), table_.sample(), options_, &schema_, /*may_skip=*/false),
      decoded_(schema_.columns.size()) {}

bool RowStreaming::next(FeatureMatrix& block, std::int64_t max_rows) {
  const std::int64_t features = schema_.feature_count();
  if (block.columns() != features) {
    block = FeatureMatrix(0, features);
  }
  block.truncate(0);
  while (block.rows() < max_rows && table_.next()) {
    if (table_.problem() != nullptr) {
      throw error_of(*table_.problem(), table_.reader(), table_.names());
    }
    if (decoder_.decode(table_.record(), decoded_.data()) != RowDecoder::Outcome::row) {
      throw error_of(decoder_.problem(), table_.reader(), table_.names());
    }
    encode_row(schema_.columns, options_.missing, decoded_.data(), block.append_row());
  }
  if (table_.records() == 0 && max_rows > 0) {
    table_.throw_no_rows();
  }
  return block.rows() > 0;
}

}  // namespace data

class RowStream::State : public data::RowStreaming {
 public:
  using RowStreaming::RowStreaming;
};

RowStream::RowStream(const ReadOptions& options, const Schema& schema)
    : state_(std::make_unique<State>(options, schema, data::ReaderLimits{})) {}
RowStream::~RowStream() = default;
RowStream::RowStream(RowStream&&) noexcept = default;
RowStream& RowStream::operator=(RowStream&&) noexcept = default;

bool RowStream::next(FeatureMatrix& block, std::int64_t max_rows) {
  return state_->next(block, max_rows);
}

std::int64_t RowStream::bytes_read() const { return state_->table().file_bytes_read(); }

std::int64_t RowStream::bytes_total() const { return state_->table().file_bytes(); }

}  // namespace steepest
