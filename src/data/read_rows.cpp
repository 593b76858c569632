// SPDX-License-Identifier: Apache-2.0
// Tells a folder that convert wrote from text, and holds it against the options and the schema.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <utility>
#include <vector>

#include "kernels/thread_pool.hpp"
#include "src/data/read_csv.hpp"
#include "src/data/row_stream.hpp"
#include "steepest/error.hpp"
#include "steepest/table_folder.hpp"

namespace steepest {
namespace {

void check_unused(const ReadOptions& options, const Schema* known) {
  const ReadOptions usual;
  const bool fills_are_known =
      known != nullptr &&
      std::any_of(known->columns.begin(), known->columns.end(),
                  [](const auto& column) { return !column.missing_fill.empty(); });
  const std::pair<bool, const char*> used[] = {
      {!options.features.empty(), "--features"},
      {!options.ignore.empty(), "--ignore"},
      {!options.categorical.empty(), "--categorical"},
      {!options.weight.empty(), "--weight"},
      {!options.rejects_path.empty(), "--rejects"},
      {options.missing != MissingPolicy::error &&
           !(options.missing == MissingPolicy::mean && fills_are_known),
       "--missing"},
      {options.bad_rows != usual.bad_rows, "--on-bad-row"},
      {!options.missing_texts.empty(), "--na"},
      {options.delimiter.has_value(), "--delimiter"},
      {options.header != usual.header, "--header"},
      {options.skip_lines != 0, "--skip-lines"},
      {options.quote != usual.quote, "--quote"},
      {options.escape != usual.escape, "--escape"},
      {options.comment.has_value(), "--comment"},
      {options.numbers.decimal != usual.numbers.decimal, "--decimal"},
      {options.numbers.thousands != usual.numbers.thousands, "--thousands"},
      {options.unseen_levels != usual.unseen_levels, "--unseen-levels"},
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

bool is_folder(const ReadOptions& options) {
  return options.paths.size() == 1 && std::filesystem::is_directory(options.paths[0]);
}

void check_schema(const std::string& folder, const Schema& found, const ReadOptions& options,
                  const Schema* known, bool with_targets) {
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
  for (std::size_t j = 0; j < found.columns.size(); ++j) {
    const FeatureColumn& here = found.columns[j];
    if (j >= known->columns.size() || here.name != known->columns[j].name) {
      fail(fmt::format("has the column \"{}\" where the model has another", here.name));
    }
    const FeatureColumn& there = known->columns[j];
    if (here.levels != there.levels) {
      fail(fmt::format("has the levels {} of \"{}\" where the model has {}",
                       fmt::join(here.levels, ", "), here.name, fmt::join(there.levels, ", ")));
    }
    if (!here.missing_fill.empty() && here.missing_fill != there.missing_fill) {
      fail(fmt::format("has what is missing of \"{}\" filled by means of its own", here.name));
    }
  }
  if (with_targets && found.classes != known->classes) {
    fail(fmt::format("has the classes {}, the model has {}", fmt::join(found.classes, ", "),
                     fmt::join(known->classes, ", ")));
  }
}

// A folder's rows, whose features are those of `known`, where that is given.
std::shared_ptr<RowSource> open_folder(const ReadOptions& options, const RowStorage& storage,
                                       const Schema* known, bool with_targets) {
  const std::string& folder = options.paths[0];
  if (!std::filesystem::exists(std::filesystem::path(folder) / "schema.json")) {
    throw InputError(Location{folder},
                     "is a directory, and not one that convert wrote: it has no schema.json");
  }
  check_unused(options, known);
  std::shared_ptr<RowSource> rows = open_table(folder, storage, options.threads);
  check_schema(folder, rows->schema(), options, known, with_targets);
  return rows;
}

StreamedRows stream_folder(const ReadOptions& options, const Schema& schema,
                           const RowsToText& to_text, const TextSink& sink,
                           const ReadProgress& progress) {
  data::check_keeps_rows(options);
  const RowStorage read_as_needed{1, {}, /*statistics=*/false};
  const std::shared_ptr<RowSource> rows =
      open_folder(options, read_as_needed, &schema, /*with_targets=*/false);
  const std::int64_t features = rows->feature_count();
  const std::int64_t at_once = data::rows_at_once(features);
  const std::int64_t row_bytes = features * static_cast<std::int64_t>(sizeof(float));
  kernels::ThreadPool pool(options.threads);
  struct Buffers {
    RowBuffer fetched;
    FeatureMatrix block;
    std::string text;
  };
  std::vector<Buffers> buffers(static_cast<std::size_t>(pool.threads()));
  data::Turns written;
  pool.for_each((rows->rows() + at_once - 1) / at_once, [&](std::int64_t index, int worker) {
    Buffers& mine = buffers[static_cast<std::size_t>(worker)];
    const std::int64_t first = index * at_once;
    const std::int64_t count = std::min(at_once, rows->rows() - first);
    bool any = true;
    const auto more = [&](std::string& text) {
      if (any) {
        mine.block = FeatureMatrix(count, features);
        std::memcpy(mine.block.data(), rows->features(first, count, mine.fetched),
                    static_cast<std::size_t>(count * row_bytes));
        to_text(mine.block, text);
      }
      return std::exchange(any, false);
    };
    const auto deliver_text = [&](const std::string& text) {
      sink(text);
      if (progress) {
        const std::int64_t end = first + count;
        progress({end * row_bytes, rows->rows() * row_bytes, end * row_bytes, end});
      }
    };
    data::deliver(index, written, deliver_text, mine.text, more);
  });
  return {rows->rows(), rows->rows() * row_bytes};
}

}  // namespace

ReadRows read_rows(const ReadOptions& options, const RowStorage& storage,
                   const ReadProgress& progress, const Schema* known) {
  if (!is_folder(options)) {
    return data::read_csv(options, storage, progress, known, data::ReaderLimits{});
  }
  const auto start = std::chrono::steady_clock::now();
  ReadRows read;
  read.rows = open_folder(options, storage, known, /*with_targets=*/true);
  for (const auto& entry : std::filesystem::directory_iterator(options.paths[0])) {
    read.bytes_read +=
        entry.path().extension() == ".npy" ? static_cast<std::int64_t>(entry.file_size()) : 0;
  }
  read.read_seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return read;
}

StreamedRows stream_rows(const ReadOptions& options, const Schema& schema,
                         const RowsToText& to_text, const TextSink& sink,
                         const ReadProgress& progress) {
  return is_folder(options)
             ? stream_folder(options, schema, to_text, sink, progress)
             : data::stream_csv(options, schema, to_text, sink, progress, data::ReaderLimits{});
}

}  // namespace steepest
