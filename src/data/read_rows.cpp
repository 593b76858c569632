// SPDX-License-Identifier: Apache-2.0
// Tells a folder that convert wrote from text, and holds it against the options and the schema.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <chrono>
#include <filesystem>

#include "src/data/read_csv.hpp"
#include "steepest/error.hpp"
#include "steepest/table_folder.hpp"

namespace steepest {
namespace {

void check_unused(const ReadOptions& options) {
  const std::pair<bool, const char*> used[] = {
      {!options.features.empty(), "--features"},
      {!options.ignore.empty(), "--ignore"},
      {!options.categorical.empty(), "--categorical"},
      {!options.weight.empty(), "--weight"},
      {!options.rejects_path.empty(), "--rejects"},
      {options.missing == MissingPolicy::drop, "--missing"},
  };
  for (const auto& [is_used, name] : used) {
    if (is_used) {
      throw OptionError(
          fmt::format("{} cannot be used on a folder that convert wrote: what its "
                      "columns are was decided then",
                      name));
    }
  }
}

void check_schema(const std::string& folder, const Schema& found, const ReadOptions& options,
                  const Schema* known) {
  if (!options.targets.empty() && options.targets != found.target_names) {
    throw OptionError(
        fmt::format("--target {} is not the target of {}, which is {}: convert it "
                    "again to change that",
                    fmt::join(options.targets, ","), folder, fmt::join(found.target_names, ",")));
  }
  if (known == nullptr) {
    return;
  }
  const auto fail = [&](const std::string& sentence) {
    throw InputError(Location{folder}, sentence + "; convert the same columns, or use the CSV");
  };
  const std::vector<std::string> names = found.feature_names();
  const std::vector<std::string> expected = known->feature_names();
  if (names != expected) {
    const auto common = static_cast<std::ptrdiff_t>(std::min(names.size(), expected.size()));
    const auto differs = std::mismatch(names.begin(), names.begin() + common, expected.begin());
    fail(differs.first == names.begin() + common
             ? fmt::format("has {} features, the model has {}", names.size(), expected.size())
             : fmt::format("has the feature \"{}\" where the model has \"{}\"", *differs.first,
                           *differs.second));
  }
  if (found.classes != known->classes) {
    fail(fmt::format("has the classes {}, the model has {}", fmt::join(found.classes, ", "),
                     fmt::join(known->classes, ", ")));
  }
}

}  // namespace

ReadRows read_rows(const ReadOptions& options, const RowStorage& storage,
                   const ReadProgress& progress, const Schema* known) {
  if (options.paths.size() != 1 || !std::filesystem::is_directory(options.paths[0])) {
    return data::read_csv(options, storage, progress, known, data::ReaderLimits{});
  }
  const auto start = std::chrono::steady_clock::now();
  const std::string& folder = options.paths[0];
  if (!std::filesystem::exists(std::filesystem::path(folder) / "schema.json")) {
    throw InputError(Location{folder},
                     "is a directory, and not one that convert wrote: it has no schema.json");
  }
  check_unused(options);
  ReadRows read;
  read.rows = open_table(folder, storage, options.threads);
  check_schema(folder, read.rows->schema(), options, known);
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    read.bytes_read +=
        entry.path().extension() == ".npy" ? static_cast<std::int64_t>(entry.file_size()) : 0;
  }
  read.read_seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return read;
}

}  // namespace steepest
