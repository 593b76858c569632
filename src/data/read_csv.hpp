// SPDX-License-Identifier: Apache-2.0
// read_rows and read_dataset for delimited text, with the limits that tests shrink.
#pragma once

#include "src/data/kept_read.hpp"
#include "src/data/reader_limits.hpp"
#include "steepest/read.hpp"

namespace steepest::data {

/// As steepest::read_rows. With `kept`, which must outlive the call, the rows returned lie in its
/// files; a state is saved when it is due, when `progress` gives up by an exception, and at the
/// end. Standard input cannot be read so, nor what is no regular file.
[[nodiscard]] ReadRows read_csv(const ReadOptions& options, const RowStorage& storage,
                                const ReadProgress& progress, const Schema* known,
                                const ReaderLimits& limits, const KeptRead* kept = nullptr);

/// As steepest::read_dataset.
[[nodiscard]] Dataset read_csv(const ReadOptions& options, const ReadProgress& progress,
                               const Schema* known, const ReaderLimits& limits);

/// Throws OptionError for options that contradict each other.
void check_options(const ReadOptions& options);

}  // namespace steepest::data
