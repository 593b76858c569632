// SPDX-License-Identifier: Apache-2.0
#include "src/train/folds.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "steepest/error.hpp"
#include "steepest/shuffle.hpp"

namespace steepest::train {
namespace {

constexpr std::int64_t block_rows = 8192;

std::vector<std::int32_t> all_labels(const RowSource& data) {
  std::vector<std::int32_t> labels(static_cast<std::size_t>(data.rows()), 0);
  RowBuffer buffer;
  for (std::int64_t first = 0; data.classifies() && first < data.rows(); first += block_rows) {
    const std::int64_t count = std::min(block_rows, data.rows() - first);
    std::copy_n(data.labels(first, count, buffer), count, labels.begin() + first);
  }
  return labels;
}

// Where the turns of each class begin, so that the folds come out even over all of them.
std::vector<std::int64_t> first_turns(const RowSource& data,
                                      const std::vector<std::int32_t>& labels) {
  std::vector<std::int64_t> rows(data.classifies() ? data.schema().classes.size() : 1, 0);
  for (const std::int32_t label : labels) {
    ++rows[static_cast<std::size_t>(label)];
  }
  for (std::size_t c = 0; data.classifies() && c < rows.size(); ++c) {
    if (rows[c] == 1) {
      throw InputError(fmt::format(
          "class \"{}\" of target \"{}\" has one row: the model that is tested on it would be "
          "trained without the class. Leave the row out, or choose the penalty with "
          "--valid-fraction",
          data.schema().classes[c], data.schema().target_names.front()));
    }
  }
  std::vector<std::int64_t> turns(rows.size(), 0);
  std::partial_sum(rows.begin(), rows.end() - 1, turns.begin() + 1);
  return turns;
}

}  // namespace

std::shared_ptr<const std::vector<std::uint8_t>> make_folds(const RowSource& data,
                                                            std::int64_t folds,
                                                            std::uint64_t seed) {
  constexpr std::int64_t most_folds = 255;
  const std::int64_t rows = data.rows();
  if (folds < 2 || folds > std::min(most_folds, rows)) {
    throw OptionError(fmt::format("--folds {} must be from 2 to {} for {} rows", folds,
                                  std::min(most_folds, rows), rows));
  }
  const std::vector<std::int32_t> labels = all_labels(data);
  std::vector<std::int64_t> turn = first_turns(data, labels);
  const RowOrder order(rows, scramble(seed ^ 0x666f6c6473ULL), 0);
  std::vector<std::uint8_t> fold_of_row(static_cast<std::size_t>(rows));
  for (std::int64_t position = 0; position < rows; ++position) {
    const auto row = static_cast<std::size_t>(order(position));
    std::int64_t& next = turn[static_cast<std::size_t>(labels[row])];
    fold_of_row[row] = static_cast<std::uint8_t>(next++ % folds);
  }
  return std::make_shared<const std::vector<std::uint8_t>>(std::move(fold_of_row));
}

std::vector<double> fold_weights(const RowSource& data,
                                 const std::vector<std::uint8_t>& fold_of_row, std::int64_t folds) {
  std::vector<double> sums(static_cast<std::size_t>(folds), 0.0);
  RowBuffer buffer;
  for (std::int64_t first = 0; first < data.rows(); first += block_rows) {
    const std::int64_t count = std::min(block_rows, data.rows() - first);
    const double* const weights = data.weights(first, count, buffer);
    for (std::int64_t i = 0; i < count; ++i) {
      sums[fold_of_row[static_cast<std::size_t>(first + i)]] +=
          weights == nullptr ? 1.0 : weights[i];
    }
  }
  const double total = std::accumulate(sums.begin(), sums.end(), 0.0);
  for (const double sum : sums) {
    if (!(sum > 0.0) || !(total - sum > 0.0)) {
      throw InputError(fmt::format(
          "a fold of --folds {} holds only rows of weight 0, or all other folds do: give "
          "fewer folds, or leave those rows out",
          folds));
    }
  }
  return sums;
}

}  // namespace steepest::train
