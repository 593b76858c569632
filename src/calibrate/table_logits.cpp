// SPDX-License-Identifier: Apache-2.0
// Logits that were read from text: every feature is a class.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "src/calibrate/label_file.hpp"
#include "src/calibrate/logit_values.hpp"
#include "src/data/excerpt.hpp"
#include "steepest/error.hpp"

namespace steepest {
namespace {

using calibrate::LabelFile;
using calibrate::line_aligned;

// The column that a label names, or -1.
std::int64_t column_named(const std::vector<std::string>& columns, const std::string& label) {
  for (const char* const prefix : {"", "proba_", "logit_"}) {
    const auto found = std::find(columns.begin(), columns.end(), prefix + label);
    if (found != columns.end()) {
      return found - columns.begin();
    }
  }
  return -1;
}

// A whole number in [0, classes), or -1.
std::int64_t column_numbered(const std::string& label, std::int64_t classes) {
  std::int64_t number = -1;
  const char* const end = label.data() + label.size();
  const auto [rest, error] = std::from_chars(label.data(), end, number);
  return error == std::errc() && rest == end && number >= 0 && number < classes ? number : -1;
}

// Which logit each of the labels' texts means: all by name, or all by number.
std::vector<std::int32_t> columns_of_labels(const Schema& schema,
                                            const std::vector<std::string>& columns,
                                            std::int64_t classes, const std::string& file) {
  const bool by_name =
      std::any_of(schema.classes.begin(), schema.classes.end(),
                  [&](const std::string& label) { return column_named(columns, label) >= 0; });
  std::vector<std::int32_t> result;
  for (const std::string& label : schema.classes) {
    const std::int64_t column =
        by_name ? column_named(columns, label) : column_numbered(label, classes);
    if (column < 0) {
      throw InputError(
          Location{file},
          fmt::format("label {} {}", data::quoted(label),
                      by_name ? "names none of the columns of logits, though other labels do"
                              : fmt::format("is neither the name of a column of logits nor a whole "
                                            "number in [0, {})",
                                            classes)));
    }
    result.push_back(static_cast<std::int32_t>(column));
  }
  return result;
}

// Features that are no logits: [begin, end), those of the column of groups.
struct LeftOut {
  std::int64_t begin = 0;
  std::int64_t end = 0;
};

LeftOut features_of(const Schema& schema, const std::string& column) {
  LeftOut found;
  for (const FeatureColumn& feature : schema.columns) {
    found.end = found.begin + feature.width();
    if (feature.name == column) {
      return found;
    }
    found.begin = found.end;
  }
  return {};
}

class TableLogits final : public LogitRows {
 public:
  TableLogits(std::shared_ptr<RowSource> table, std::string file, const std::string& labels,
              LogitInput input, const std::string& group)
      : table_(std::move(table)),
        file_(std::move(file)),
        input_(input),
        left_out_(features_of(table_->schema(), group)) {
    if (columns() < 1) {
      throw InputError(Location{file_}, "has no column of logits besides the labels");
    }
    if (!labels.empty()) {
      labels_ = LabelFile(labels, rows());
    } else if (table_->classifies()) {
      columns_of_labels_ = columns_of_labels(table_->schema(), names(), classes(), file_);
    }
  }

  [[nodiscard]] std::int64_t rows() const override { return table_->rows(); }
  [[nodiscard]] std::int64_t classes() const override {
    return std::max<std::int64_t>(columns(), 2);
  }
  [[nodiscard]] bool holds_doubles() const override { return false; }
  [[nodiscard]] std::string name() const override { return file_; }
  [[nodiscard]] bool is_file() const override { return true; }

  LogitBlock read(std::int64_t first, std::int64_t count, LogitBuffer& buffer) const override {
    const std::int64_t features = table_->feature_count();
    const float* from = table_->features(first, count, buffer.rows);
    float* const values = line_aligned(buffer.floats, count * classes());
    float* to = values;
    for (std::int64_t r = 0; r < count; ++r, from += features) {
      to = std::copy(from, from + left_out_.begin, to);
      to = std::copy(from + left_out_.end, from + features, to);
    }
    calibrate::to_logits(values, count, columns(), input_);
    return {values, nullptr, labels_of(first, count, buffer)};
  }

 private:
  [[nodiscard]] std::int64_t columns() const {
    return table_->feature_count() - (left_out_.end - left_out_.begin);
  }

  [[nodiscard]] std::vector<std::string> names() const {
    std::vector<std::string> all = table_->schema().feature_names();
    all.erase(all.begin() + left_out_.begin, all.begin() + left_out_.end);
    return all;
  }

  const std::int32_t* labels_of(std::int64_t first, std::int64_t count, LogitBuffer& buffer) const {
    if (columns_of_labels_.empty()) {
      return labels_.read(first, count, buffer.labels);
    }
    const std::int32_t* const classes = table_->labels(first, count, buffer.rows);
    buffer.labels.resize(static_cast<std::size_t>(count));
    std::transform(classes, classes + count, buffer.labels.begin(), [&](std::int32_t label) {
      return columns_of_labels_[static_cast<std::size_t>(label)];
    });
    return buffer.labels.data();
  }

  std::shared_ptr<RowSource> table_;
  std::string file_;
  LogitInput input_;
  LeftOut left_out_;
  LabelFile labels_;
  std::vector<std::int32_t> columns_of_labels_;
};

}  // namespace

std::unique_ptr<LogitRows> logits_of_table(std::shared_ptr<RowSource> table,
                                           const std::string& file, const std::string& labels,
                                           LogitInput input, const std::string& group) {
  return std::make_unique<TableLogits>(std::move(table), file, labels, input, group);
}

}  // namespace steepest
