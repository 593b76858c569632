// SPDX-License-Identifier: Apache-2.0
// A data set as a folder of NumPy arrays and a schema: read once from text, fitted many times.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "steepest/read.hpp"
#include "steepest/row_source.hpp"

namespace steepest {

/// Called now and then with rows written and rows in all. May throw to give up.
using WriteProgress = std::function<void(std::int64_t rows, std::int64_t rows_total)>;

/// Writes features.npy (n x d, float32, C order), targets.npy (float64, n or n x outputs; int32
/// indexes into the classes for classification), weights.npy (float64) where there are weights, and
/// schema.json. The folder appears whole or not at all; one that was written so before is replaced.
/// Throws InputError when it cannot be written, or when something else stands there.
void write_table(const RowSource& rows, const std::string& folder,
                 const WriteProgress& progress = {});

/// Opens such a folder: into memory where the rows fit, read as needed otherwise.
/// Throws InputError when a file is missing, is not what schema.json says, or holds a target,
/// weight or label that cannot be, or has changed while it was read. `threads` as in ReadOptions.
[[nodiscard]] std::shared_ptr<RowSource> open_table(const std::string& folder,
                                                    const RowStorage& storage, int threads = 0);

}  // namespace steepest
