// SPDX-License-Identifier: Apache-2.0
#include "steepest/split.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "src/data/row_subset.hpp"
#include "steepest/error.hpp"
#include "steepest/shuffle.hpp"

namespace steepest {
namespace {

// Copies row `from` of one data set to row `to` of another, which already has room for it.
void copy_row(const Dataset& source, std::int64_t from, Dataset& target, std::int64_t to) {
  const std::int64_t outputs = source.classifies() ? 0 : source.outputs();
  std::copy_n(source.features.row(from), source.features.columns(), target.features.row(to));
  std::copy_n(source.targets.begin() + from * outputs, outputs,
              target.targets.begin() + to * outputs);
  if (!source.labels.empty()) {
    target.labels[static_cast<std::size_t>(to)] = source.labels[static_cast<std::size_t>(from)];
  }
  if (!source.weights.empty()) {
    target.weights[static_cast<std::size_t>(to)] = source.weights[static_cast<std::size_t>(from)];
  }
}

void resize_targets(const Dataset& like, std::int64_t outputs, std::int64_t rows, Dataset& data) {
  const auto count = static_cast<std::size_t>(rows);
  data.targets.resize(like.targets.empty() ? 0 : count * static_cast<std::size_t>(outputs));
  data.labels.resize(like.labels.empty() ? 0 : count);
  data.weights.resize(like.weights.empty() ? 0 : count);
}

// The rows to take, sorted.
std::vector<std::int64_t> rows_to_take(std::int64_t rows, double fraction, std::uint64_t seed) {
  const auto taken = static_cast<std::int64_t>(std::llround(fraction * static_cast<double>(rows)));
  if (!(fraction > 0.0 && fraction < 1.0) || taken < 1 || taken >= rows) {
    throw OptionError(
        fmt::format("a validation fraction of {} leaves one of the two parts of {} rows empty",
                    fraction, rows));
  }
  const RowOrder order(rows, scramble(seed ^ 0x76616c6964617465ULL), 0);
  std::vector<std::int64_t> chosen(static_cast<std::size_t>(taken));
  for (std::int64_t position = 0; position < taken; ++position) {
    chosen[static_cast<std::size_t>(position)] = order(position);
  }
  std::sort(chosen.begin(), chosen.end());
  return chosen;
}

}  // namespace

Dataset take_rows(Dataset& data, double fraction, std::uint64_t seed) {
  const std::vector<std::int64_t> chosen = rows_to_take(data.rows(), fraction, seed);
  const auto taken = static_cast<std::int64_t>(chosen.size());
  const std::int64_t outputs = data.classifies() ? 0 : data.outputs();
  Dataset part;
  part.schema = data.schema;
  part.features = FeatureMatrix(taken, data.features.columns());
  resize_targets(data, outputs, taken, part);
  std::int64_t kept = 0;
  std::int64_t moved = 0;
  for (std::int64_t i = 0; i < data.rows(); ++i) {
    if (moved < taken && chosen[static_cast<std::size_t>(moved)] == i) {
      copy_row(data, i, part, moved++);
    } else {
      if (kept != i) {
        copy_row(data, i, data, kept);
      }
      ++kept;
    }
  }
  data.features.truncate(kept);
  resize_targets(part, outputs, kept, data);
  return part;
}

std::shared_ptr<RowSource> take_rows(std::shared_ptr<RowSource>& data, double fraction,
                                     std::uint64_t seed) {
  if (Dataset* const memory = data->in_memory()) {
    auto part = std::make_shared<DatasetRows>(take_rows(*memory, fraction, seed));
    data = std::make_shared<DatasetRows>(std::move(*memory));  // its statistics are others now
    return part;
  }
  const auto chosen =
      std::make_shared<const std::vector<std::int64_t>>(rows_to_take(data->rows(), fraction, seed));
  auto part = std::make_shared<steepest::data::RowSubset>(data, chosen, /*others=*/false);
  data = std::make_shared<steepest::data::RowSubset>(data, chosen, /*others=*/true);
  return part;
}

}  // namespace steepest
