// SPDX-License-Identifier: Apache-2.0
#include "src/cli/data_options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <set>
#include <utility>

#include "src/cli/progress_bar.hpp"
#include "src/data/input_files.hpp"
#include "steepest/error.hpp"

namespace steepest::cli {
namespace {

std::vector<std::string> comma_list(const std::string& text) {
  std::vector<std::string> items;
  for (std::size_t begin = 0; begin < text.size() || begin > 0;) {
    const std::size_t end = text.find(',', begin);
    items.push_back(text.substr(begin, end - begin));
    if (end == std::string::npos) {
      break;
    }
    begin = end + 1;
  }
  return items;
}

template <class Value, std::size_t N>
Value choice(std::string_view option, const std::string& text,
             const std::pair<std::string_view, Value> (&choices)[N]) {
  std::string names;
  for (const auto& [known, value] : choices) {
    if (known == text) {
      return value;
    }
    names += names.empty() ? "" : ", ";
    names += known;
  }
  throw OptionError(fmt::format("{} \"{}\" is not known: use one of {}", option, text, names));
}

// One byte, or its name.
char character(std::string_view option, const std::string& text) {
  if (text == "tab" || text == "\\t") {
    return '\t';
  }
  if (text == "space") {
    return ' ';
  }
  if (text.size() != 1) {
    throw OptionError(fmt::format("{} \"{}\" is not one character", option, text));
  }
  return text.front();
}

char character_or_none(std::string_view option, const std::string& text) {
  return text == "none" ? '\0' : character(option, text);
}

std::optional<char> delimiter_from(const std::string& text) {
  if (text.empty() || text == "auto") {
    return std::nullopt;
  }
  return character("--delimiter", text);
}

std::optional<char> comment_from(const std::string& text) {
  if (text == "auto") {
    return std::nullopt;
  }
  return character_or_none("--comment", text);
}

bool has_fills(const Schema& schema) {
  return std::any_of(schema.columns.begin(), schema.columns.end(),
                     [](const FeatureColumn& column) { return !column.missing_fill.empty(); });
}

}  // namespace

ReadOptions DataOptions::to_read_options(const Schema* known) const {
  ReadOptions read;
  read.paths = paths;
  read.targets = comma_list(targets);
  read.features = comma_list(features);
  read.ignore = comma_list(ignore);
  read.categorical = comma_list(categorical);
  read.weight = weight;
  read.delimiter = delimiter_from(delimiter);
  read.header = choice<HeaderMode>(
      "--header", header,
      {{"auto", HeaderMode::automatic}, {"yes", HeaderMode::yes}, {"no", HeaderMode::no}});
  read.quote = character_or_none("--quote", quote);
  read.escape = character_or_none("--escape", escape);
  read.comment = comment_from(comment);
  read.numbers.decimal =
      choice<char>("--decimal", decimal, {{"auto", '.'}, {"point", '.'}, {"comma", ','}});
  read.numbers.thousands = character_or_none("--thousands", thousands);
  read.skip_lines = skip_lines;
  read.missing_texts = comma_list(missing_texts);
  const bool filled = known != nullptr && missing.empty() && has_fills(*known);
  read.missing = filled ? MissingPolicy::mean
                        : choice<MissingPolicy>("--missing", missing.empty() ? "error" : missing,
                                                {{"error", MissingPolicy::error},
                                                 {"mean", MissingPolicy::mean},
                                                 {"drop", MissingPolicy::drop},
                                                 {"zero", MissingPolicy::zero}});
  read.bad_rows = choice<BadRowPolicy>(
      "--on-bad-row", bad_rows, {{"error", BadRowPolicy::error}, {"skip", BadRowPolicy::skip}});
  read.unseen_levels = choice<UnseenLevelPolicy>(
      "--unseen-levels", unseen_levels,
      {{"error", UnseenLevelPolicy::error}, {"baseline", UnseenLevelPolicy::baseline}});
  read.rejects_path = rejects;
  return read;
}

void add_data_options(CLI::App& app, DataOptions& options, bool with_target) {
  app.add_option("DATA", options.paths,
                 "CSV or TSV files (.gz and .zst too), glob patterns, or - for standard input")
      ->required();
  if (with_target) {
    app.add_option("--target", options.targets,
                   "target column by name or number (from 1, or -1 for the last); several with ,");
    app.add_option("--weight", options.weight, "column of row weights");
  }
  app.add_option("--features", options.features, "columns to use; default: all that are left");
  app.add_option("--ignore", options.ignore, "columns to leave out");
  app.add_option("--categorical", options.categorical, "columns to read as categories (one-hot)");
  app.add_option("--delimiter", options.delimiter,
                 "field separator, a character or tab; default: found by looking");
  app.add_option("--header", options.header, "yes, no or auto")->default_str("auto");
  app.add_option("--quote", options.quote, "character around fields, or none")->default_str("\"");
  app.add_option("--escape", options.escape,
                 "character that makes the one behind it text, inside quotes; or none: quotes are "
                 "doubled")
      ->default_str("none");
  app.add_option("--comment", options.comment,
                 "lines that begin with this character are left out; none; or auto: # at the head "
                 "of a file")
      ->default_str("auto");
  app.add_option("--skip-lines", options.skip_lines, "lines to leave out at the head of each file")
      ->default_str("0");
  app.add_option("--decimal", options.decimal, "decimals are written with a point or a comma")
      ->default_str("point");
  app.add_option("--thousands", options.thousands,
                 "character between groups of three digits, as in 1,234,567.5; or none")
      ->default_str("none");
  app.add_option("--na", options.missing_texts, "texts that mean missing, beside the usual ones");
  app.add_option(
      "--missing", options.missing,
      "what to do with missing values: error, mean, drop or zero; default: error, or mean "
      "with a model that was fitted so");
  app.add_option("--on-bad-row", options.bad_rows, "error or skip")->default_str("error");
  app.add_option("--rejects", options.rejects, "CSV of the rows skipped");
  app.add_option("--unseen-levels", options.unseen_levels,
                 "categories the model has not seen: error or baseline")
      ->default_str("error");
}

ReadProgress reading_progress(ProgressBar& bar) {
  const auto start = std::chrono::steady_clock::now();
  return [&bar, start](const ReadState& state) {
    if (interrupted()) {
      throw Interrupted{};
    }
    const double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    const double speed = seconds > 0.0 ? static_cast<double>(state.text_bytes) / seconds : 0.0;
    const double fraction = state.bytes_total > 0 ? static_cast<double>(state.bytes_read) /
                                                        static_cast<double>(state.bytes_total)
                                                  : -1.0;
    std::string text =
        fmt::format("{} rows  {}  {}/s", format_count(state.rows),
                    format_bytes(static_cast<double>(state.text_bytes)), format_bytes(speed));
    if (fraction > 0.0) {
      text += fmt::format("  {} left", format_seconds(seconds * (1.0 / fraction - 1.0)));
    }
    bar.show(fraction, text);
  };
}

ReadRows read_with_progress(const ReadOptions& options, const RowStorage& storage,
                            const GlobalOptions& global, const Schema* known) {
  ProgressBar bar("reading", !global.quiet);
  ReadOptions with_threads = options;
  with_threads.threads = global.threads;
  return read_rows(with_threads, storage, reading_progress(bar), known);
}

namespace {

// Patterns and folders as the files they stand for; names that no longer match as they are.
std::vector<std::string> files_of(const std::vector<std::string>& inputs) {
  std::vector<std::string> files;
  for (const std::string& input : inputs) {
    if (input.empty() || input == "-") {
      continue;
    }
    std::error_code error;
    if (std::filesystem::is_directory(input, error)) {
      for (std::filesystem::directory_iterator entry(input, error), end; !error && entry != end;
           entry.increment(error)) {
        files.push_back(entry->path().string());
      }
    }
    try {
      const std::vector<std::string> found = data::input_files({input});
      files.insert(files.end(), found.begin(), found.end());
    } catch (const InputError&) {
      files.push_back(input);
    }
  }
  return files;
}

}  // namespace

void check_outputs(const std::vector<std::string>& outputs,
                   const std::vector<std::string>& given_inputs) {
  const std::vector<std::string> inputs = files_of(given_inputs);
  std::set<std::string> named;
  for (const std::string& output : outputs) {
    if (output.empty()) {
      continue;
    }
    for (const std::string& input : inputs) {
      std::error_code ignored;
      if (std::filesystem::equivalent(output, input, ignored)) {
        throw OptionError(fmt::format("\"{}\" is read: write to another file", output));
      }
    }
    if (!named.insert(std::filesystem::path(output).lexically_normal().string()).second) {
      throw OptionError(fmt::format("\"{}\" is to be written twice: name two files", output));
    }
  }
}

}  // namespace steepest::cli
