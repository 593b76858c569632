// SPDX-License-Identifier: Apache-2.0
// The rows that `calibrate` works on, wherever they lie.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "src/cli/calibrate_options.hpp"
#include "steepest/calibrate_groups.hpp"
#include "steepest/logit_rows.hpp"

namespace steepest::cli {

struct CalibrateInput {
  std::unique_ptr<LogitRows> rows;
  RowGroups groups;                  ///< empty where none were asked for
  std::vector<std::string> columns;  ///< names of the classes, of text without groups
  std::int64_t text_bytes = 0;       ///< read as text
  double read_seconds = 0.0;         ///< for that

  [[nodiscard]] std::int64_t bytes_read() const {
    return text_bytes > 0 ? text_bytes : rows->bytes_read();
  }
};

/// Opens a .npy file, or reads text. Throws InputError.
[[nodiscard]] CalibrateInput open_calibrate_input(const CalibrateOptions& given,
                                                  const GlobalOptions& global);

}  // namespace steepest::cli
