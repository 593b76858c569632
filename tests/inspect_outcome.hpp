// SPDX-License-Identifier: Apache-2.0
// What inspect says of CSV, as a text that can be compared between ways to read it.
#pragma once

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <string>

#include "src/data/inspect.hpp"
#include "steepest/error.hpp"

namespace steepest::tests {

/// All but means and deviations, which differ in their last bits with the cuts between blocks, and
/// the warning that hangs on them.
inline std::string text_of(const FileSummary& summary) {
  std::string said = fmt::format("{} rows, {} rejected, {} bytes\n", summary.rows,
                                 summary.rows_rejected, summary.bytes_read);
  for (const ColumnSummary& column : summary.columns) {
    said +=
        fmt::format("{} {}: {} values, {} missing, {} distinct, {} to {}, {}\n", column.name,
                    static_cast<int>(column.type), column.values, column.missing, column.distinct,
                    column.minimum, column.maximum, fmt::join(column.examples, "|"));
  }
  for (const std::string& warning : summary.warnings) {
    said += warning.find("times its deviation") == std::string::npos ? warning + "\n" : "";
  }
  return said;
}

/// The same, or the error.
inline std::string inspect_outcome(const ReadOptions& options, const data::ReaderLimits& limits) {
  try {
    return text_of(data::inspect_csv(options, {}, limits));
  } catch (const InputError& error) {
    return std::string("InputError ") + error.what();
  } catch (const OptionError& error) {
    return std::string("OptionError ") + error.what();
  }
}

}  // namespace steepest::tests
