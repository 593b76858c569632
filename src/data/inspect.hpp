// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "src/data/reader_limits.hpp"
#include "steepest/read.hpp"

namespace steepest::data {

/// As steepest::inspect. Means and deviations are those of blocks of the file, merged in order: the
/// same for any number of threads, and to rounding for any limits.
[[nodiscard]] FileSummary inspect_csv(const ReadOptions& options, const ReadProgress& progress,
                                      const ReaderLimits& limits);

}  // namespace steepest::data
