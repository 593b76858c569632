// SPDX-License-Identifier: Apache-2.0
// stream_rows for delimited text, with the limits that tests shrink.
#pragma once

#include <algorithm>
#include <cstdint>
#include <exception>
#include <string>

#include "src/data/reader_limits.hpp"
#include "src/data/turns.hpp"
#include "steepest/read.hpp"

namespace steepest::data {

/// As steepest::stream_rows.
StreamedRows stream_csv(const ReadOptions& options, const Schema& schema, const RowsToText& to_text,
                        const TextSink& sink, const ReadProgress& progress,
                        const ReaderLimits& limits);

/// Throws OptionError for options that lose rows.
void check_keeps_rows(const ReadOptions& options);

/// Text of a block waits for those in front of it until it is this long: the rest is made when its
/// turn has come.
inline constexpr std::size_t most_text_bytes = std::size_t{1} << 22;

/// Rows of so many features that are turned into text at once.
inline std::int64_t rows_at_once(std::int64_t features) {
  constexpr std::int64_t most_rows = 4096;
  constexpr std::int64_t most_floats = std::int64_t{1} << 20;
  return std::clamp<std::int64_t>(most_floats / std::max<std::int64_t>(features, 1), 1, most_rows);
}

/// Makes the text of block `number` by calling more(text), which appends to it, until that says
/// false, and gives it to the sink in the order of the numbers. Throws what any of these threw.
template <class More>
void deliver(std::int64_t number, Turns& turns, const TextSink& sink, std::string& text,
             const More& more) {
  turns.rethrow();  // what is behind an error is not wanted any more
  text.clear();
  bool any = true;
  try {
    while (any && text.size() < most_text_bytes) {
      any = more(text);
    }
  } catch (...) {
    turns.fail(std::current_exception());  // or those behind would wait for ever
    throw;
  }
  const bool taken = turns.take(number, [&] {
    for (; any; any = more(text)) {
      sink(text);
      text.clear();
    }
    if (!text.empty()) {
      sink(text);
    }
  });
  if (!taken) {
    turns.rethrow();
  }
}

}  // namespace steepest::data
