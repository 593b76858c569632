// SPDX-License-Identifier: Apache-2.0
// What is behind RowStream, with the limits that tests shrink.
#pragma once

#include "src/data/reader_limits.hpp"
#include "src/data/row_decoder.hpp"
#include "src/data/table_reader.hpp"
#include "steepest/read.hpp"

namespace steepest::data {

/// Holds copies of options and schema: it outlives the call that made it.
class RowStreaming {
 public:
  RowStreaming(ReadOptions options, Schema schema, const ReaderLimits& limits);

  bool next(FeatureMatrix& block, std::int64_t max_rows);
  [[nodiscard]] const TableReader& table() const { return table_; }

 private:
  ReadOptions options_;
  Schema schema_;
  TableReader table_;
  ColumnPlan plan_;
  RowDecoder decoder_;
  std::vector<float> decoded_;
};

}  // namespace steepest::data
