// SPDX-License-Identifier: Apache-2.0
#include "src/data/file_rows.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "steepest/error.hpp"

namespace steepest::data {
namespace {

constexpr auto float_bytes = static_cast<std::int64_t>(sizeof(float));
constexpr auto double_bytes = static_cast<std::int64_t>(sizeof(double));
constexpr auto label_bytes = static_cast<std::int64_t>(sizeof(std::int32_t));

// At least `count` elements; the buffer never shrinks.
template <class T>
T* room(std::vector<T>& buffer, std::int64_t count) {
  if (static_cast<std::int64_t>(buffer.size()) < count) {
    buffer.resize(static_cast<std::size_t>(count));
  }
  return buffer.data();
}

}  // namespace

FileRows::FileRows(RowFiles files, std::int64_t rows, Schema schema, RowEncoding encoding,
                   LabelRule label_rule, std::optional<ColumnStatistics> statistics)
    : files_(std::move(files)),
      rows_(rows),
      schema_(std::move(schema)),
      encoding_(std::move(encoding)),
      label_rule_(std::move(label_rule)),
      statistics_(std::move(statistics)),
      features_(schema_.feature_count()),
      columns_(encoding_.is_plain() ? features_
                                    : static_cast<std::int64_t>(schema_.columns.size())) {}

// Once a pass, the files must still be those that were opened.
void FileRows::check_at_end(const ElementFile& file, std::int64_t end) const {
  if (end == rows_) {
    file.expect_unchanged();
  }
}

const float* FileRows::features(std::int64_t first, std::int64_t count, RowBuffer& buffer) const {
  float* const features = room(buffer.features, count * features_ + FeatureMatrix::tail);
  const std::int64_t row_bytes = columns_ * float_bytes;
  if (encoding_.is_plain()) {
    files_.features.read(features, count * row_bytes, first * row_bytes);
    check_at_end(files_.features, first + count);
    return features;
  }
  float* const decoded = room(buffer.decoded, count * columns_);
  files_.features.read(decoded, count * row_bytes, first * row_bytes);
  check_at_end(files_.features, first + count);
  renumber(encoding_.positions, count, decoded);
  for (std::int64_t i = 0; i < count; ++i) {
    encode_row(schema_.columns, encoding_.missing, decoded + i * columns_,
               features + i * features_);
  }
  return features;
}

const double* FileRows::targets(std::int64_t first, std::int64_t count, RowBuffer& buffer) const {
  if (classifies()) {
    return nullptr;
  }
  double* const targets = room(buffer.targets, count * outputs());
  files_.targets.read(targets, count * outputs() * double_bytes, first * outputs() * double_bytes);
  check_at_end(files_.targets, first + count);
  return targets;
}

const std::int32_t* FileRows::labels(std::int64_t first, std::int64_t count,
                                     RowBuffer& buffer) const {
  if (!classifies()) {
    return nullptr;
  }
  std::int32_t* const labels = room(buffer.labels, count);
  if (label_rule_.two_values) {
    double* const targets = room(buffer.targets, count);
    files_.targets.read(targets, count * double_bytes, first * double_bytes);
    std::transform(targets, targets + count, labels,
                   [&](double target) { return target == (*label_rule_.two_values)[1] ? 1 : 0; });
    return labels;
  }
  files_.labels.read(labels, count * label_bytes, first * label_bytes);
  check_at_end(files_.labels, first + count);
  if (!label_rule_.position.empty()) {
    std::transform(labels, labels + count, labels, [&](std::int32_t label) {
      if (label < 0 || static_cast<std::size_t>(label) >= label_rule_.position.size()) {
        throw InputError(Location{files_.labels.name()}, "holds a label that no row had");
      }
      return label_rule_.position[static_cast<std::size_t>(label)];
    });
  }
  return labels;
}

const double* FileRows::weights(std::int64_t first, std::int64_t count, RowBuffer& buffer) const {
  if (!has_weights()) {
    return nullptr;
  }
  double* const weights = room(buffer.weights, count);
  files_.weights.read(weights, count * double_bytes, first * double_bytes);
  check_at_end(files_.weights, first + count);
  return weights;
}

void FileRows::will_read(std::int64_t first, std::int64_t count) const {
  const std::int64_t row_bytes = columns_ * float_bytes;
  files_.features.will_read(count * row_bytes, first * row_bytes);
}

}  // namespace steepest::data
