// SPDX-License-Identifier: Apache-2.0
// What a read of CSV says, as a text that can be compared: values by their bits.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "src/data/read_csv.hpp"
#include "steepest/error.hpp"

namespace steepest::tests {

/// All rows of a source as text, read `block_rows` at a time.
inline std::string text_of(const RowSource& rows, std::int64_t block_rows) {
  std::string features;
  std::string targets;
  std::string labels;
  std::string weights;
  RowBuffer buffer;
  for (std::int64_t first = 0; first < rows.rows(); first += block_rows) {
    const std::int64_t count = std::min(block_rows, rows.rows() - first);
    const float* x = rows.features(first, count, buffer);
    const double* y = rows.targets(first, count, buffer);
    const std::int32_t* label = rows.labels(first, count, buffer);
    const double* weight = rows.weights(first, count, buffer);
    for (std::int64_t i = 0; i < count; ++i) {
      for (std::int64_t j = 0; j < rows.feature_count(); ++j) {
        features += fmt::format("{:x} ", std::bit_cast<std::uint32_t>(*x++));
      }
      features += '\n';
      for (std::int64_t o = 0; y != nullptr && o < rows.outputs(); ++o) {
        targets += fmt::format("{:x} ", std::bit_cast<std::uint64_t>(*y++));
      }
      labels += label == nullptr ? "" : fmt::format("{} ", label[i]);
      weights +=
          weight == nullptr ? "" : fmt::format("{:x} ", std::bit_cast<std::uint64_t>(weight[i]));
    }
  }
  return features + targets + labels + weights;
}

/// All a read leaves behind, as text, the rejects file too, which is removed.
inline std::string outcome(const ReadOptions& options, const data::ReaderLimits& limits,
                           const Schema* known, const RowStorage& storage = {},
                           const data::KeptRead* kept = nullptr) {
  std::string said;
  try {
    const ReadRows read = data::read_csv(options, storage, {}, known, limits, kept);
    const RowSource& rows = *read.rows;
    said = fmt::format("{} rows, {} rejected, {} bytes\n", rows.rows(), read.rows_rejected,
                       read.bytes_read);
    for (const FeatureColumn& column : rows.schema().columns) {
      said += column.name;
      for (const std::string& level : column.levels) {
        said += "|" + level;
      }
      for (const double fill : column.missing_fill) {
        said += fmt::format(" {:x}", std::bit_cast<std::uint64_t>(fill));
      }
      said += '\n';
    }
    for (const std::string& name : rows.schema().classes) {
      said += "class " + name + "\n";
    }
    if (rows.statistics() != nullptr) {
      for (const double deviation : rows.statistics()->standard_deviation) {
        said += fmt::format("{:x} ", std::bit_cast<std::uint64_t>(deviation));
      }
    }
    said += text_of(rows, storage.memory_bytes > 0 ? 3 : std::int64_t{1} << 20);
  } catch (const InputError& error) {
    said = std::string("InputError ") + error.what();
  } catch (const OptionError& error) {
    said = std::string("OptionError ") + error.what();
  }
  if (!options.rejects_path.empty() && std::filesystem::exists(options.rejects_path)) {
    std::ifstream rejects(options.rejects_path, std::ios::binary);
    std::ostringstream text;
    text << rejects.rdbuf();
    said += "\n" + text.str();
    std::filesystem::remove(options.rejects_path);
  }
  return said;
}

/// The first line in which two texts differ.
inline std::string difference(const std::string& found, const std::string& expected) {
  std::istringstream a(found);
  std::istringstream b(expected);
  std::string line_a;
  std::string line_b;
  for (int line = 1;; ++line) {
    const bool more_a = static_cast<bool>(std::getline(a, line_a));
    const bool more_b = static_cast<bool>(std::getline(b, line_b));
    if (line_a != line_b || more_a != more_b || !more_a) {
      return fmt::format("line {}:\n  {}\n  {}\n", line, line_a, line_b);
    }
  }
}

}  // namespace steepest::tests
