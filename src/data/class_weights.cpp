// SPDX-License-Identifier: Apache-2.0
#include "steepest/class_weights.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <string_view>

#include "src/data/excerpt.hpp"
#include "src/train/option_text.hpp"
#include "steepest/error.hpp"

namespace steepest {
namespace {

constexpr std::int64_t block_rows = 8192;

// The rows of another source, weighted by class as they are read.
class ClassWeightedRows final : public RowSource {
 public:
  ClassWeightedRows(std::shared_ptr<const RowSource> rows, std::vector<double> weights)
      : rows_(std::move(rows)), weights_(std::move(weights)) {}

  [[nodiscard]] const Schema& schema() const override { return rows_->schema(); }
  [[nodiscard]] std::int64_t rows() const override { return rows_->rows(); }
  [[nodiscard]] std::int64_t feature_count() const override { return rows_->feature_count(); }
  [[nodiscard]] bool has_weights() const override { return true; }
  const float* features(std::int64_t first, std::int64_t count, RowBuffer& buffer) const override {
    return rows_->features(first, count, buffer);
  }
  const double* targets(std::int64_t first, std::int64_t count, RowBuffer& buffer) const override {
    return rows_->targets(first, count, buffer);
  }
  const std::int32_t* labels(std::int64_t first, std::int64_t count,
                             RowBuffer& buffer) const override {
    return rows_->labels(first, count, buffer);
  }
  const double* weights(std::int64_t first, std::int64_t count, RowBuffer& buffer) const override {
    if (buffer.below == nullptr) {
      buffer.below = std::make_shared<RowBuffer>();
    }
    const std::int32_t* const labels = rows_->labels(first, count, *buffer.below);
    const double* const own = rows_->weights(first, count, *buffer.below);
    buffer.weights.resize(static_cast<std::size_t>(count));
    for (std::int64_t i = 0; i < count; ++i) {
      buffer.weights[static_cast<std::size_t>(i)] =
          (own == nullptr ? 1.0 : own[i]) * weights_[static_cast<std::size_t>(labels[i])];
    }
    return buffer.weights.data();
  }
  void will_read(std::int64_t first, std::int64_t count) const override {
    rows_->will_read(first, count);
  }

 private:
  std::shared_ptr<const RowSource> rows_;
  std::vector<double> weights_;
};

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blanks = " \t\r";
  const std::size_t first = text.find_first_not_of(blanks);
  return first == std::string_view::npos
             ? std::string_view()
             : text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

// A field of CSV without its quotes.
std::string unquoted(std::string_view field) {
  if (field.size() < 2 || field.front() != '"' || field.back() != '"') {
    return std::string(field);
  }
  std::string text;
  for (std::size_t i = 1; i + 1 < field.size(); ++i) {
    text += field[i];
    i += field[i] == '"' && field[i + 1] == '"' ? 1 : 0;
  }
  return text;
}

// A number, or NaN.
double number_of(std::string_view text) {
  try {
    return parse_option_number("", text);
  } catch (const OptionError&) {
    return std::nan("");
  }
}

}  // namespace

std::vector<double> balanced_class_weights(const RowSource& rows) {
  std::vector<double> sums(rows.schema().classes.size(), 0.0);
  double total = 0.0;
  RowBuffer buffer;
  for (std::int64_t first = 0; first < rows.rows(); first += block_rows) {
    const std::int64_t count = std::min(block_rows, rows.rows() - first);
    const std::int32_t* const labels = rows.labels(first, count, buffer);
    const double* const weights = rows.weights(first, count, buffer);
    for (std::int64_t i = 0; labels != nullptr && i < count; ++i) {
      const double weight = weights == nullptr ? 1.0 : weights[i];
      sums[static_cast<std::size_t>(labels[i])] += weight;
      total += weight;
    }
  }
  for (std::size_t c = 0; c < sums.size(); ++c) {
    if (!(sums[c] > 0.0)) {
      throw InputError(
          fmt::format("class \"{}\" has no row of positive weight among those to fit: it cannot be "
                      "balanced",
                      rows.schema().classes[c]));
    }
    sums[c] = total / (static_cast<double>(sums.size()) * sums[c]);
  }
  return sums;
}

std::vector<double> read_class_weights(const std::string& path,
                                       const std::vector<std::string>& classes) {
  std::ifstream file(path, std::ios::binary);
  if (!file || file.peek() == std::ifstream::traits_type::eof()) {
    throw InputError(Location{path},
                     "no such file, or it is empty: class weights are lines of class,weight");
  }
  std::vector<double> weights(classes.size(), std::nan(""));
  std::int64_t number = 0;
  for (std::string line; std::getline(file, line);) {
    ++number;
    const std::string_view text = trimmed(line);
    if (text.empty()) {
      continue;
    }
    const std::size_t comma = text.rfind(',');
    const std::string name = unquoted(trimmed(text.substr(0, comma)));
    const double weight =
        comma == std::string_view::npos ? std::nan("") : number_of(trimmed(text.substr(comma + 1)));
    if (comma != std::string_view::npos && std::isnan(weight) && number == 1) {
      continue;  // a header
    }
    if (!(weight >= 0.0)) {
      throw InputError(
          Location{path, number},
          fmt::format("{} is not class,weight with a weight of 0 or more", data::quoted(text)));
    }
    const auto found = std::find(classes.begin(), classes.end(), name);
    if (found == classes.end()) {
      throw InputError(Location{path, number},
                       fmt::format("class {} is not in the target: its classes are {}",
                                   data::quoted(name), fmt::join(classes, ", ")));
    }
    double& entry = weights[static_cast<std::size_t>(found - classes.begin())];
    if (!std::isnan(entry)) {
      throw InputError(Location{path, number},
                       fmt::format("class {} has a weight already", data::quoted(name)));
    }
    entry = weight;
  }
  for (std::size_t c = 0; c < classes.size(); ++c) {
    if (std::isnan(weights[c])) {
      throw InputError(Location{path}, fmt::format("has no line for class \"{}\"", classes[c]));
    }
  }
  return weights;
}

std::shared_ptr<RowSource> weigh_classes(std::shared_ptr<RowSource> rows,
                                         const std::vector<double>& weights) {
  if (rows->schema().classes.size() != weights.size() || weights.empty()) {
    throw OptionError("class weights are for a target of classes, one weight a class");
  }
  Dataset* const memory = rows->in_memory();
  if (memory == nullptr) {
    return std::make_shared<ClassWeightedRows>(std::move(rows), weights);
  }
  memory->weights.resize(memory->labels.size(), 1.0);
  for (std::size_t i = 0; i < memory->labels.size(); ++i) {
    memory->weights[i] *= weights[static_cast<std::size_t>(memory->labels[i])];
  }
  return std::make_shared<DatasetRows>(std::move(*memory));  // its statistics are others now
}

}  // namespace steepest
