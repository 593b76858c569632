// SPDX-License-Identifier: Apache-2.0
#include "src/train/doctor.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <utility>

#include "src/data/column_relations.hpp"
#include "src/data/excerpt.hpp"

namespace steepest::train {
namespace {

constexpr std::int64_t most_rows = 20000;
constexpr std::int64_t block_rows = 64;
constexpr double most_work = 5e8;  // multiplications
constexpr double given_away = 0.9999;
constexpr double unequal_deviations = 1e4;
constexpr std::size_t shown = 5;          // names in a sentence
constexpr std::int64_t fewest_rows = 20;  // to suspect a target of being given away

// Some rows with their targets: features, then targets of regression.
struct Sample {
  std::int64_t rows = 0;
  std::int64_t features = 0;
  std::int64_t columns = 0;
  std::vector<double> values;  // (rows, columns)
  std::vector<std::int32_t> labels;
  std::vector<std::int64_t> blocks;  // first row of each block of neighbours, in `values`

  [[nodiscard]] double at(std::int64_t i, std::int64_t j) const {
    return values[static_cast<std::size_t>(i * columns + j)];
  }
};

void append_rows(const RowSource& data, std::int64_t first, std::int64_t count, RowBuffer& buffer,
                 Sample& sample) {
  const float* x = data.features(first, count, buffer);
  const double* targets = data.targets(first, count, buffer);
  const std::int32_t* const labels = data.labels(first, count, buffer);
  for (std::int64_t i = 0; i < count; ++i) {
    for (std::int64_t j = 0; j < sample.features; ++j) {
      sample.values.push_back(static_cast<double>(*x++));
    }
    for (std::int64_t j = sample.features; j < sample.columns; ++j) {
      sample.values.push_back(*targets++);
    }
  }
  if (labels != nullptr) {
    sample.labels.insert(sample.labels.end(), labels, labels + count);
  }
  sample.rows += count;
}

// Blocks of neighbours, spread evenly.
Sample take_sample(const RowSource& data, RowBuffer& buffer) {
  Sample sample;
  sample.features = data.feature_count();
  sample.columns = sample.features + (data.classifies() ? 0 : data.outputs());
  const auto width = static_cast<double>(sample.columns);
  const auto affordable = static_cast<std::int64_t>(most_work / (width * width));
  const std::int64_t wanted = std::clamp(affordable, block_rows * 4, most_rows);
  const std::int64_t blocks = (std::min(wanted, data.rows()) + block_rows - 1) / block_rows;
  const bool all = data.rows() <= wanted;
  for (std::int64_t b = 0; b < blocks; ++b) {
    const std::int64_t first =
        all || blocks == 1 ? b * block_rows : b * (data.rows() - block_rows) / (blocks - 1);
    sample.blocks.push_back(sample.rows);
    append_rows(data, first, std::min(block_rows, data.rows() - first), buffer, sample);
  }
  return sample;
}

// Slope and intercept of the target from one feature, where they are all but exact.
data::ColumnRelation line_to(const Sample& sample, std::int64_t feature, std::int64_t target) {
  const auto n = static_cast<double>(sample.rows);
  double mean_x = 0.0;
  double mean_y = 0.0;
  for (std::int64_t i = 0; i < sample.rows; ++i) {
    mean_x += sample.at(i, feature) / n;
    mean_y += sample.at(i, target) / n;
  }
  double xx = 0.0;
  double xy = 0.0;
  double yy = 0.0;
  for (std::int64_t i = 0; i < sample.rows; ++i) {
    const double x = sample.at(i, feature) - mean_x;
    const double y = sample.at(i, target) - mean_y;
    xx += x * x;
    xy += x * y;
    yy += y * y;
  }
  if (!(xx > 0.0 && yy > 0.0) || xy * xy <= given_away * given_away * xx * yy) {
    return {};
  }
  const double slope = xy / xx;
  return {target, {feature}, {slope}, mean_y - slope * mean_x, 1.0 - given_away * given_away};
}

// What a column of the user's file has become: features [first, first + width).
struct SourceColumn {
  std::string name;
  std::int64_t first = 0;
  std::int64_t width = 1;
};

std::vector<SourceColumn> source_columns(const Schema& schema) {
  std::vector<SourceColumn> columns;
  std::int64_t first = 0;
  for (const FeatureColumn& column : schema.columns) {
    columns.push_back({column.name, first, column.width()});
    first += column.width();
  }
  return columns;
}

// A number for each text of a categorical column, the column itself for others.
double value_of(const Sample& sample, std::int64_t row, const SourceColumn& column) {
  double value = sample.at(row, column.first);
  for (std::int64_t level = 1; level < column.width; ++level) {  // of 0 and 1, or frequencies
    value += static_cast<double>(level + 1) * sample.at(row, column.first + level);
  }
  return value;
}

// How the classes lie along a column, over every `stride`-th row.
struct Tour {
  std::int64_t rows = 0;
  std::int64_t runs = 1;      // of rows of one class
  std::int64_t distinct = 1;  // values
  bool pure = true;           // no value has two classes
};

Tour tour_of(const Sample& sample, const SourceColumn& column, std::int64_t stride) {
  std::vector<std::pair<double, std::int32_t>> order;
  for (std::int64_t i = 0; i < sample.rows; i += stride) {
    order.emplace_back(value_of(sample, i, column), sample.labels[static_cast<std::size_t>(i)]);
  }
  std::sort(order.begin(), order.end());
  Tour tour;
  tour.rows = static_cast<std::int64_t>(order.size());
  for (std::size_t i = 1; i < order.size(); ++i) {
    const bool other_class = order[i].second != order[i - 1].second;
    const bool other_value = order[i].first != order[i - 1].first;
    tour.runs += other_class ? 1 : 0;
    tour.distinct += other_value ? 1 : 0;
    tour.pure = tour.pure && (other_value || !other_class);
  }
  return tour;
}

// Whether each value, or each range of values, of a column goes with one class only. Few rows show
// of most columns that they do not.
bool gives_class_away(const Sample& sample, const SourceColumn& column, std::int64_t classes) {
  constexpr std::int64_t glance_rows = 1000;
  constexpr std::int64_t rows_a_value = 10;
  const Tour glance = tour_of(sample, column, std::max<std::int64_t>(1, sample.rows / glance_rows));
  if (!glance.pure || (glance.runs > classes && 2 * glance.distinct > glance.rows)) {
    return false;
  }
  const Tour tour = tour_of(sample, column, 1);
  return tour.pure && (tour.runs == classes || tour.distinct * rows_a_value <= tour.rows);
}

class Doctor {
 public:
  explicit Doctor(const RowSource& data)
      : data_(data),
        names_(data.schema().feature_names()),
        columns_(source_columns(data.schema())),
        sample_(take_sample(data, buffer_)) {}

  std::vector<std::string> examine(bool standardized, bool intercept) {
    intercept_ = intercept;
    relate_columns();
    give_class_away();
    count_rows();
    if (!standardized) {
      compare_deviations();
    }
    return std::move(warnings_);
  }

 private:
  void relate_columns() {
    // Features among themselves: the sample's targets are left out by NaN.
    std::vector<double> features = sample_.values;
    for (std::int64_t i = 0; i < sample_.rows; ++i) {
      for (std::int64_t j = sample_.features; j < sample_.columns; ++j) {
        features[static_cast<std::size_t>(i * sample_.columns + j)] = std::nan("");
      }
    }
    data::ColumnRelations among(features, sample_.rows, sample_.columns);
    data::ColumnRelations to_target({}, 0, sample_.columns);
    const bool enough = sample_.rows >= fewest_rows && sample_.features > 1;
    for (std::int64_t j = 0; enough && j < sample_.features; ++j) {
      for (std::int64_t o = sample_.features; o < sample_.columns; ++o) {
        data::ColumnRelation line = line_to(sample_, j, o);
        if (!line.of.empty()) {
          to_target.add(std::move(line));
        }
      }
    }
    if (among.any() || to_target.any()) {
      check_all_rows(among, to_target);
    }
    const auto told = to_target.holding();
    for (std::int64_t o = sample_.features; o < sample_.columns; ++o) {
      std::vector<std::string> telling;
      for (const data::ColumnRelation& relation : told) {
        if (relation.column == o) {
          telling.push_back(column_name(relation.of.front()));
        }
      }
      const auto target = static_cast<std::size_t>(o - sample_.features);
      warn_of_leaks(telling, data_.schema().target_names[target], "in every row");
    }
    const auto holding = among.holding();
    const bool by_intercept =  // one that a model without it does not see
        !intercept_ && std::any_of(holding.begin(), holding.end(),
                                   [](const auto& relation) { return relation.offset != 0.0; });
    const std::string sentence = by_intercept ? "" : describe(among, names_, column_names());
    if (!sentence.empty()) {
      warnings_.push_back(sentence);
    }
  }

  void check_all_rows(data::ColumnRelations& among, data::ColumnRelations& to_target) {
    constexpr std::int64_t read_rows = 4096;
    for (std::int64_t first = 0; first < data_.rows(); first += read_rows) {
      Sample block;
      block.features = sample_.features;
      block.columns = sample_.columns;
      append_rows(data_, first, std::min(read_rows, data_.rows() - first), buffer_, block);
      for (std::int64_t i = 0; i < block.rows; ++i) {
        among.check(block.values.data() + i * block.columns);
        to_target.check(block.values.data() + i * block.columns);
      }
    }
  }

  void give_class_away() {
    const std::int64_t classes = data_.classifies() ? data_.outputs() : 0;
    if (classes < 2 || columns_.size() < 2 || sample_.rows < fewest_rows * classes) {
      return;
    }
    std::vector<std::string> telling;
    for (const SourceColumn& column : columns_) {
      if (gives_class_away(sample_, column, classes)) {
        telling.push_back(column.name);
      }
    }
    warn_of_leaks(telling, data_.schema().target_names.front(),
                  fmt::format("in the {} rows looked at", data::grouped(sample_.rows)));
  }

  // The user's column that a feature comes from.
  [[nodiscard]] const std::string& column_name(std::int64_t feature) const {
    const auto after = std::upper_bound(
        columns_.begin(), columns_.end(), feature,
        [](std::int64_t at, const SourceColumn& column) { return at < column.first; });
    return std::prev(after)->name;
  }

  [[nodiscard]] std::vector<std::string> column_names() const {
    std::vector<std::string> names;
    for (std::int64_t j = 0; j < sample_.features; ++j) {
      names.push_back(column_name(j));
    }
    return names;
  }

  void warn_of_leaks(const std::vector<std::string>& telling, const std::string& target,
                     const std::string& where) {
    if (!telling.empty()) {
      warnings_.push_back(
          fmt::format("{} alone {} the target {} {}: if {} only known afterwards, --ignore {}",
                      data::list_of(telling, shown), telling.size() == 1 ? "tells" : "tell, each,",
                      data::quoted(target), where, telling.size() == 1 ? "it is" : "they are",
                      telling.size() == 1 ? "it" : "them"));
    }
  }

  // From 0 or 1 on, one more in each row.
  void count_rows() {
    std::vector<std::string> counting;
    for (std::int64_t j = 0; sample_.rows >= fewest_rows && j < sample_.features; ++j) {
      bool counts = sample_.at(0, j) == 0.0 || sample_.at(0, j) == 1.0;
      for (std::size_t b = 0; counts && b < sample_.blocks.size(); ++b) {
        const std::int64_t end =
            b + 1 < sample_.blocks.size() ? sample_.blocks[b + 1] : sample_.rows;
        for (std::int64_t i = sample_.blocks[b] + 1; counts && i < end; ++i) {
          counts = sample_.at(i, j) == sample_.at(i - 1, j) + 1.0;
        }
      }
      if (counts) {
        counting.push_back(column_name(j));
      }
    }
    if (!counting.empty()) {
      warnings_.push_back(fmt::format(
          "{} counts the rows, and says nothing of others: --ignore it unless it is meant",
          data::list_of(counting, shown)));
    }
  }

  void compare_deviations() {
    double least = 0.0;
    double most = 0.0;
    std::int64_t least_at = -1;
    std::int64_t most_at = -1;
    for (std::int64_t j = 0; j < sample_.features; ++j) {
      double mean = 0.0;
      for (std::int64_t i = 0; i < sample_.rows; ++i) {
        mean += sample_.at(i, j) / static_cast<double>(sample_.rows);
      }
      double square = 0.0;
      for (std::int64_t i = 0; i < sample_.rows; ++i) {
        square += (sample_.at(i, j) - mean) * (sample_.at(i, j) - mean);
      }
      const double deviation = std::sqrt(square / static_cast<double>(sample_.rows));
      constexpr double rounding = 1e-12;  // of a constant column
      if (deviation > rounding * std::fabs(mean) && (least_at < 0 || deviation < least)) {
        least = deviation;
        least_at = j;
      }
      if (deviation > most) {
        most = deviation;
        most_at = j;
      }
    }
    if (least_at >= 0 && most > unequal_deviations * least) {
      warnings_.push_back(fmt::format(
          "deviations of columns differ by a factor of {:.2g}, from {} to {}: without "
          "--no-standardize one rate and one penalty suit them all",
          most / least, data::quoted(column_name(least_at)), data::quoted(column_name(most_at))));
    }
  }

  const RowSource& data_;
  std::vector<std::string> names_;  // of features
  std::vector<SourceColumn> columns_;
  bool intercept_ = true;
  RowBuffer buffer_;
  Sample sample_;
  std::vector<std::string> warnings_;
};

}  // namespace

std::vector<std::string> examine(const RowSource& data, bool standardized, bool intercept) {
  return Doctor(data).examine(standardized, intercept);
}

}  // namespace steepest::train
