// SPDX-License-Identifier: Apache-2.0
// What a read of CSV says, as a text that can be compared: values by their bits.
#pragma once

#include <fmt/format.h>

#include <bit>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "src/data/read_csv.hpp"
#include "steepest/error.hpp"

namespace steepest::tests {

/// All a read leaves behind, as text, the rejects file too, which is removed.
inline std::string outcome(const ReadOptions& options, const data::ReaderLimits& limits,
                           const Schema* known) {
  std::string said;
  try {
    const Dataset data = data::read_csv(options, {}, known, limits);
    said = fmt::format("{} rows, {} rejected, {} bytes\n", data.rows(), data.rows_rejected,
                       data.bytes_read);
    for (const FeatureColumn& column : data.schema.columns) {
      said += column.name;
      for (const std::string& level : column.levels) {
        said += "|" + level;
      }
      for (const double fill : column.missing_fill) {
        said += fmt::format(" {:x}", std::bit_cast<std::uint64_t>(fill));
      }
      said += '\n';
    }
    for (const std::string& name : data.schema.classes) {
      said += "class " + name + "\n";
    }
    for (std::int64_t i = 0; i < data.rows(); ++i) {
      for (std::int64_t j = 0; j < data.features.columns(); ++j) {
        said += fmt::format("{:x} ", std::bit_cast<std::uint32_t>(data.features.row(i)[j]));
      }
      said += '\n';
    }
    for (const double target : data.targets) {
      said += fmt::format("{:x} ", std::bit_cast<std::uint64_t>(target));
    }
    for (const std::int32_t label : data.labels) {
      said += fmt::format("{} ", label);
    }
    for (const double weight : data.weights) {
      said += fmt::format("{:x} ", std::bit_cast<std::uint64_t>(weight));
    }
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
