// SPDX-License-Identifier: Apache-2.0
// Rows that lie in files: what the reader spilled, or a folder that convert wrote.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "src/data/element_file.hpp"
#include "src/data/feature_encoding.hpp"
#include "steepest/row_source.hpp"

namespace steepest::data {

/// One row after the other in each file, in the machine's byte order; a file that is not needed is
/// not open.
struct RowFiles {
  ElementFile features;  ///< float32 (n, columns of the schema) as decoded, or (n, d) when encoded
  ElementFile targets;   ///< float64 (n, outputs)
  ElementFile labels;    ///< int32 n
  ElementFile weights;   ///< float64 n
};

/// What a label is made from.
struct LabelRule {
  std::vector<std::int32_t> position;               ///< new index of each label; empty: as it is
  std::optional<std::array<double, 2>> two_values;  ///< from the target: 0 and 1 in this order
};

class FileRows final : public RowSource {
 public:
  FileRows(RowFiles files, std::int64_t rows, Schema schema, RowEncoding encoding,
           LabelRule label_rule, std::optional<ColumnStatistics> statistics);

  [[nodiscard]] const Schema& schema() const override { return schema_; }
  [[nodiscard]] std::int64_t rows() const override { return rows_; }
  [[nodiscard]] std::int64_t feature_count() const override { return features_; }
  [[nodiscard]] bool has_weights() const override { return files_.weights.is_open(); }
  const float* features(std::int64_t first, std::int64_t count, RowBuffer& buffer) const override;
  const double* targets(std::int64_t first, std::int64_t count, RowBuffer& buffer) const override;
  const std::int32_t* labels(std::int64_t first, std::int64_t count,
                             RowBuffer& buffer) const override;
  const double* weights(std::int64_t first, std::int64_t count, RowBuffer& buffer) const override;
  void will_read(std::int64_t first, std::int64_t count) const override;
  [[nodiscard]] const ColumnStatistics* statistics() const override {
    return statistics_ ? &*statistics_ : nullptr;
  }

 private:
  void check_at_end(const ElementFile& file, std::int64_t end) const;

  RowFiles files_;
  std::int64_t rows_;
  Schema schema_;
  RowEncoding encoding_;
  LabelRule label_rule_;
  std::optional<ColumnStatistics> statistics_;
  std::int64_t features_;
  std::int64_t columns_;  // of the features' file
};

}  // namespace steepest::data
