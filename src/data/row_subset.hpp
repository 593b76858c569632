// SPDX-License-Identifier: Apache-2.0
// Some rows of a source as a source of their own.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "steepest/row_source.hpp"

namespace steepest::data {

/// The rows of `source` in `chosen`, or all others, in the source's order. Nothing is copied until
/// it is read.
class RowSubset final : public RowSource {
 public:
  /// `chosen`: sorted, each once, at least one; with `others` not all of them.
  RowSubset(std::shared_ptr<const RowSource> source,
            std::shared_ptr<const std::vector<std::int64_t>> chosen, bool others);

  [[nodiscard]] const Schema& schema() const override { return source_->schema(); }
  [[nodiscard]] std::int64_t rows() const override;
  [[nodiscard]] std::int64_t feature_count() const override { return source_->feature_count(); }
  [[nodiscard]] bool has_weights() const override { return source_->has_weights(); }
  const float* features(std::int64_t first, std::int64_t count, RowBuffer& buffer) const override;
  const double* targets(std::int64_t first, std::int64_t count, RowBuffer& buffer) const override;
  const std::int32_t* labels(std::int64_t first, std::int64_t count,
                             RowBuffer& buffer) const override;
  const double* weights(std::int64_t first, std::int64_t count, RowBuffer& buffer) const override;
  void will_read(std::int64_t first, std::int64_t count) const override;

 private:
  [[nodiscard]] std::int64_t row_of(std::int64_t i) const;
  template <class Value, class Read>
  const Value* collect(std::int64_t first, std::int64_t count, std::int64_t columns,
                       std::vector<Value>& to, Read read) const;

  std::shared_ptr<const RowSource> source_;
  std::shared_ptr<const std::vector<std::int64_t>> chosen_;
  bool others_;
};

}  // namespace steepest::data
