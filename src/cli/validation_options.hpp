// SPDX-License-Identifier: Apache-2.0
// Rows to measure on: --valid, --valid-fraction and --valid-seed.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "src/cli/data_options.hpp"
#include "steepest/row_source.hpp"

namespace steepest::cli {

/// Texts as given.
struct ValidationOptions {
  std::string path;
  std::string fraction;
  std::string seed;  ///< of the rows held back; empty: the global one

  /// The rows, read with the schema of `training` or taken out of it by the seed; null where
  /// neither was asked for. Throws OptionError, InputError.
  [[nodiscard]] std::shared_ptr<RowSource> rows(const ReadOptions& read,
                                                const MemoryOptions& memory,
                                                const GlobalOptions& global,
                                                std::shared_ptr<RowSource>& training) const;
};

/// Adds --valid, --valid-fraction and --valid-seed.
void add_validation_options(CLI::App& app, ValidationOptions& options);

/// What is left of `memory_bytes` beside these rows, null for none; a sixteenth at least.
[[nodiscard]] std::int64_t memory_beside(RowSource* rows, std::int64_t memory_bytes);

}  // namespace steepest::cli
