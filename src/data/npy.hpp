// SPDX-License-Identifier: Apache-2.0
// The header of NumPy's .npy files, format versions 1.0 to 3.0 (NumPy Enhancement Proposal 1).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace steepest::data {

struct NpyHeader {
  std::string type;                 ///< "<f4", "<f8", "<i4", ...
  bool fortran_order = false;       ///< column after column
  std::vector<std::int64_t> shape;  ///< empty for a single value
  std::int64_t data_start = 0;      ///< byte at which the elements begin

  [[nodiscard]] std::int64_t elements() const;
};

/// A version 1.0 header of exactly 128 bytes for an array in C order with at most two axes.
[[nodiscard]] std::string npy_header(std::string_view type, const std::vector<std::int64_t>& shape);

/// Reads a file's header. Throws InputError when it is no .npy file, ends too early, or has another
/// size than its shape says.
[[nodiscard]] NpyHeader read_npy_header(const std::string& path);

}  // namespace steepest::data
