// SPDX-License-Identifier: Apache-2.0
// From rows as decoded (NaN where missing, codes for levels) to finite features: fills, one-hot.
#pragma once

#include <string>
#include <vector>

#include "src/data/dictionary.hpp"
#include "steepest/dataset.hpp"
#include "steepest/read.hpp"

namespace steepest::data {

/// Sorts each dictionary into its column's levels and renumbers the codes in `decoded` to match.
/// Throws InputError for a column with a single level. `file` is named in messages.
void learn_levels(FeatureMatrix& decoded, std::vector<FeatureColumn>& columns,
                  const std::vector<Dictionary>& dictionaries, const std::string& file);

/// Sets missing_fill of every column: the mean of the values present, or the frequencies of the
/// levels. Throws InputError for a column without any value.
void learn_fills(const FeatureMatrix& decoded, std::vector<FeatureColumn>& columns,
                 const std::string& file);

/// One decoded row, (columns.size()), into one row of features, (sum of widths). A missing value
/// becomes the column's fill under MissingPolicy::mean, else zeros.
void encode_row(const std::vector<FeatureColumn>& columns, MissingPolicy policy,
                const float* decoded, float* features);

/// encode_row on every row, in place: the peak is the larger of both sizes.
void encode(FeatureMatrix& matrix, const std::vector<FeatureColumn>& columns, MissingPolicy policy);

}  // namespace steepest::data
