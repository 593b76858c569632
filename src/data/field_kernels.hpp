// SPDX-License-Identifier: Apache-2.0
// The two inner loops of the fast reader, chosen at run time by what the processor can do.
#pragma once

#include <cstddef>
#include <cstdint>

#include "src/data/row_index.hpp"
#include "src/data/simd_level.hpp"

namespace steepest::data {

/// Fields to turn into numbers.
struct NumberTask {
  const char* text = nullptr;             ///< with text_padding, as in IndexTask
  const std::uint32_t* starts = nullptr;  ///< (fields + 8): those behind the last are offsets, too
  const std::uint32_t* ends = nullptr;
  std::size_t fields = 0;
  float* values = nullptr;            ///< (fields + 8): values[f], NaN for an empty field
  std::uint32_t* doubtful = nullptr;  ///< (fields + 8): takes the numbers of fields left undecided
  bool empty_is_doubtful = false;     ///< list empty fields there, too
  char decimal = '.';                 ///< in front of the fraction: a point or a comma
};

struct FieldKernels {
  /// Indexes rows from task.begin on, as many as are whole and ordinary: `columns` fields, ended by
  /// LF or CRLF, quotes only around whole fields, no null byte, no lone CR. Stops in front of the
  /// first row that is not (which may be ordinary still: it is for the scanner to say), and behind
  /// `enough` bytes. A quoted field may hold delimiters and line ends.
  void (*index_rows)(const IndexTask& task, RowIndex& index);

  /// Rounds correctly to float32, as fast_float does, or lists the field in `doubtful`: whatever is
  /// not [-]digits[.digits] of at most 16 bytes without its sign, the point being task.decimal.
  /// Returns how many were listed.
  std::size_t (*parse_numbers)(const NumberTask& task);
};

/// The kernels of a level. A level the build or the processor lacks gives the next lower one.
[[nodiscard]] const FieldKernels& field_kernels(SimdLevel level);

}  // namespace steepest::data
