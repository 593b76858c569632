// SPDX-License-Identifier: Apache-2.0
// Writing text to CSV.
#pragma once

#include <string>

namespace steepest::cli {

/// A field of CSV, quoted when it has to be.
[[nodiscard]] inline std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) {
    return text;
  }
  std::string quoted = "\"";
  for (const char c : text) {
    quoted += c;
    if (c == '"') {
      quoted += '"';
    }
  }
  return quoted + '"';
}

}  // namespace steepest::cli
