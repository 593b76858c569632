// SPDX-License-Identifier: Apache-2.0
// From rows as decoded (NaN where missing, codes for levels) to finite features: fills, one-hot.
#pragma once

#include <string>
#include <vector>

#include "src/data/dictionary.hpp"
#include "steepest/dataset.hpp"
#include "steepest/read.hpp"

namespace steepest::data {

/// By column: the new code of each code in the order of appearance; empty for a numeric column.
using LevelPositions = std::vector<std::vector<std::int32_t>>;

/// What makes features of rows as decoded.
struct RowEncoding {
  MissingPolicy missing = MissingPolicy::error;
  LevelPositions positions;  ///< empty: codes are final
  bool encodes = false;      ///< some column is categorical or may hold NaN

  /// Whether decoded rows are rows of features already.
  [[nodiscard]] bool is_plain() const { return !encodes; }
};

/// Sorts each dictionary into its column's levels, and says how to renumber codes to match.
/// Throws InputError for a column with a single level. `file` is named in messages.
[[nodiscard]] LevelPositions learn_levels(std::vector<FeatureColumn>& columns,
                                          const std::vector<Dictionary>& dictionaries,
                                          const std::string& file);

/// Renumbers the codes of decoded rows, (rows, positions.size()), in place.
void renumber(const LevelPositions& positions, std::int64_t rows, float* decoded);

/// Finds what stands for a missing value: the mean of the values present, or the frequencies of the
/// levels. Sums run over the rows in the order they are added.
class Fills {
 public:
  explicit Fills(const std::vector<FeatureColumn>& columns);

  /// Decoded rows with final codes, (rows, columns).
  void add(const float* decoded, std::int64_t rows);

  /// Sets missing_fill of every column. Throws InputError for a column without any value.
  void learn(std::vector<FeatureColumn>& columns, const std::string& file) const;

 private:
  std::vector<double> sums_;
  std::vector<std::int64_t> present_;
  std::vector<std::vector<std::int64_t>> counts_;  // of each level
};

/// One decoded row, (columns.size()), into one row of features, (sum of widths). A missing value
/// becomes the column's fill under MissingPolicy::mean, else zeros.
void encode_row(const std::vector<FeatureColumn>& columns, MissingPolicy policy,
                const float* decoded, float* features);

/// encode_row on every row, in place: the peak is the larger of both sizes.
void encode(FeatureMatrix& matrix, const std::vector<FeatureColumn>& columns, MissingPolicy policy);

/// Whether decoded rows of these columns differ from rows of features.
[[nodiscard]] bool encodes(const std::vector<FeatureColumn>& columns, MissingPolicy policy);

}  // namespace steepest::data
