// SPDX-License-Identifier: Apache-2.0
#include "src/cli/validation_options.hpp"

#include <algorithm>

#include "src/train/option_text.hpp"
#include "steepest/error.hpp"
#include "steepest/split.hpp"

namespace steepest::cli {
namespace {

// What rows take while they are held, targets and weights counted twice as in training.
std::int64_t bytes_in_memory(RowSource& rows) {
  const Dataset* const data = rows.in_memory();
  return data == nullptr ? 0
                         : data->features.bytes() +
                               16 * rows.rows() * ((rows.classifies() ? 1 : rows.outputs()) + 1);
}

}  // namespace

std::int64_t memory_beside(RowSource* rows, std::int64_t memory_bytes) {
  return rows == nullptr ? memory_bytes
                         : std::max(memory_bytes / 16, memory_bytes - bytes_in_memory(*rows));
}

std::shared_ptr<RowSource> ValidationOptions::rows(const ReadOptions& read,
                                                   const MemoryOptions& memory,
                                                   const GlobalOptions& global,
                                                   std::shared_ptr<RowSource>& training) const {
  if (!path.empty() && !fraction.empty()) {
    throw OptionError("give --valid or --valid-fraction, not both");
  }
  if (!path.empty()) {
    ReadOptions valid = read;
    valid.paths = {path};
    valid.rejects_path.clear();
    RowStorage storage = memory.storage();
    storage.memory_bytes = memory_beside(training.get(), storage.memory_bytes);
    return read_with_progress(valid, storage, global, &training->schema()).rows;
  }
  const std::uint64_t split_seed =
      seed.empty() ? global.seed
                   : static_cast<std::uint64_t>(parse_option_count("--valid-seed", seed));
  if (!fraction.empty()) {
    return take_rows(training, parse_option_number("--valid-fraction", fraction), split_seed);
  }
  return nullptr;
}

void add_validation_options(CLI::App& app, ValidationOptions& options) {
  app.add_option("--valid", options.path, "file to measure on");
  app.add_option("--valid-fraction", options.fraction, "share of rows held back to measure on");
  app.add_option("--valid-seed", options.seed, "chooses the rows held back; default: --seed");
}

}  // namespace steepest::cli
