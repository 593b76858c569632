// SPDX-License-Identifier: Apache-2.0
// Rows of a data set a few at a time, wherever they lie: in memory, or in files read as needed.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "steepest/column_statistics.hpp"
#include "steepest/dataset.hpp"

namespace steepest {

/// Memory for the rows a RowSource has to fetch. One a thread; grows to the largest block asked
/// for.
struct RowBuffer {
  std::vector<float> features;  ///< with FeatureMatrix::tail floats behind the last row
  std::vector<float> decoded;   ///< rows as a file holds them, before levels become features
  std::vector<double> targets;
  std::vector<double> weights;
  std::vector<std::int32_t> labels;
  std::shared_ptr<RowBuffer> below;  ///< for a source that reads from another one
};

/// n rows of d features with targets. Reading is const and safe from any number of threads, each
/// with a buffer of its own. What a call returns is valid until the same buffer is used for the
/// same kind again.
class RowSource {
 public:
  RowSource() = default;
  RowSource(const RowSource&) = delete;
  RowSource& operator=(const RowSource&) = delete;
  virtual ~RowSource() = default;

  [[nodiscard]] virtual const Schema& schema() const = 0;
  [[nodiscard]] virtual std::int64_t rows() const = 0;
  [[nodiscard]] virtual std::int64_t feature_count() const = 0;
  [[nodiscard]] virtual bool has_weights() const = 0;

  /// Rows [first, first + count), 0 <= first, count >= 1, first + count <= rows(): (count, d),
  /// row-major; at least FeatureMatrix::tail floats are readable behind them. Throws InputError
  /// when a file cannot be read any more.
  virtual const float* features(std::int64_t first, std::int64_t count,
                                RowBuffer& buffer) const = 0;

  /// (count, outputs) for regression; null for classification.
  virtual const double* targets(std::int64_t first, std::int64_t count,
                                RowBuffer& buffer) const = 0;

  /// Indexes into schema().classes; null for regression.
  virtual const std::int32_t* labels(std::int64_t first, std::int64_t count,
                                     RowBuffer& buffer) const = 0;

  /// Null when has_weights() is false: every weight is 1.
  virtual const double* weights(std::int64_t first, std::int64_t count,
                                RowBuffer& buffer) const = 0;

  /// Says that these rows will be read soon, so that a disk can begin.
  virtual void will_read(std::int64_t /*first*/, std::int64_t /*count*/) const {}

  /// Statistics of the features, where they were taken while the rows were read; null otherwise.
  [[nodiscard]] virtual const ColumnStatistics* statistics() const { return nullptr; }

  /// The data set itself when all of it lies in memory, to be used up; null otherwise.
  [[nodiscard]] virtual Dataset* in_memory() { return nullptr; }

  [[nodiscard]] bool classifies() const { return !schema().classes.empty(); }

  /// Target columns for regression, classes for classification.
  [[nodiscard]] std::int64_t outputs() const;
};

/// A data set in memory as a source of rows.
class DatasetRows final : public RowSource {
 public:
  /// `statistics` are those of the features, where they are known.
  explicit DatasetRows(Dataset data, std::optional<ColumnStatistics> statistics = {})
      : data_(std::move(data)), statistics_(std::move(statistics)) {}

  [[nodiscard]] const Schema& schema() const override { return data_.schema; }
  [[nodiscard]] std::int64_t rows() const override { return data_.rows(); }
  [[nodiscard]] std::int64_t feature_count() const override { return data_.features.columns(); }
  [[nodiscard]] bool has_weights() const override { return !data_.weights.empty(); }
  const float* features(std::int64_t first, std::int64_t count, RowBuffer& buffer) const override;
  const double* targets(std::int64_t first, std::int64_t count, RowBuffer& buffer) const override;
  const std::int32_t* labels(std::int64_t first, std::int64_t count,
                             RowBuffer& buffer) const override;
  const double* weights(std::int64_t first, std::int64_t count, RowBuffer& buffer) const override;
  [[nodiscard]] const ColumnStatistics* statistics() const override {
    return statistics_ ? &*statistics_ : nullptr;
  }
  [[nodiscard]] Dataset* in_memory() override { return &data_; }

 private:
  Dataset data_;
  std::optional<ColumnStatistics> statistics_;
};

}  // namespace steepest
