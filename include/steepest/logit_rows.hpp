// SPDX-License-Identifier: Apache-2.0
// Rows of logits with labels, wherever they lie.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "steepest/row_source.hpp"

namespace steepest {

/// What the numbers of a file are.
enum class LogitInput { logits, logprobs, probs };

/// Parses logits, logprobs, probs. Throws OptionError that lists them.
[[nodiscard]] LogitInput parse_logit_input(std::string_view text);

/// Memory for rows being read; one a thread.
struct LogitBuffer {
  std::vector<float> floats;
  std::vector<double> doubles;
  std::vector<char> bytes;
  std::vector<std::int32_t> labels;
  RowBuffer rows;
};

/// A label that is no whole number of 32 bits, or is not there.
inline constexpr std::int32_t no_label = INT32_MIN;

/// Some rows. Exactly one of the first two is set; 16 elements are readable behind the last row.
struct LogitBlock {
  const float* floats = nullptr;         ///< (count, classes)
  const double* doubles = nullptr;       ///< (count, classes)
  const std::int32_t* labels = nullptr;  ///< count, as they stand in the file, or no_label
};

/// n rows of K logits. Reading is const and safe from any number of threads, each with its buffer.
class LogitRows {
 public:
  LogitRows() = default;
  LogitRows(const LogitRows&) = delete;
  LogitRows& operator=(const LogitRows&) = delete;
  virtual ~LogitRows() = default;

  [[nodiscard]] virtual std::int64_t rows() const = 0;
  [[nodiscard]] virtual std::int64_t classes() const = 0;  ///< K >= 2; one score a row has become 2
  [[nodiscard]] virtual bool holds_doubles() const = 0;    ///< which element read() gives
  [[nodiscard]] virtual std::string name() const = 0;      ///< of the file, for messages

  /// Whether rows come from a file at every read: then reads count.
  [[nodiscard]] virtual bool is_file() const = 0;

  /// Rows to read at a time: a block that fits the second cache, or more where columns are apart.
  [[nodiscard]] virtual std::int64_t block_rows() const;

  /// Rows [first, first + count), 0 <= first, count >= 1, first + count <= rows(). What it returns
  /// is valid until the buffer is used again. Throws InputError when the file cannot be read.
  virtual LogitBlock read(std::int64_t first, std::int64_t count, LogitBuffer& buffer) const = 0;

  /// Says that these rows will be read soon, so that a disk can begin.
  virtual void will_read(std::int64_t /*first*/, std::int64_t /*count*/) const {}

  /// Bytes read so far, and of one whole read; 0 in memory.
  [[nodiscard]] virtual std::int64_t bytes_read() const { return 0; }
  [[nodiscard]] virtual std::int64_t bytes_total() const { return 0; }
};

/// Opens a .npy file of float16, float32 or float64, little-endian, C or Fortran order, (n, K); or
/// (n) or (n, 1): scores of class 1 of two, where `logits` holds z for softmax (0, z), `probs` the
/// probability p of class 1, `logprobs` log p. Nothing is believed of the header before it agrees
/// with the file's size. Probabilities become logarithms: one of 0 is a masked class, -inf.
/// `labels` is a .npy file of n integers (or whole floats), or text with one integer a line, below
/// an optional header; empty: there are none, and only write_calibrated() makes sense.
/// Throws InputError for files that do not fit.
[[nodiscard]] std::unique_ptr<LogitRows> open_logits(const std::string& path,
                                                     const std::string& labels, LogitInput input);

/// Rows that were read from text: features are logits. With `labels` as above, or, when that is
/// empty, the classes of the source: texts that name a feature (or `proba_` and `logit_` before
/// them, as predict writes), or indexes of features from 0. The categorical column `group`, where
/// that is not empty, is no logit. Throws InputError.
[[nodiscard]] std::unique_ptr<LogitRows> logits_of_table(std::shared_ptr<RowSource> table,
                                                         const std::string& file,
                                                         const std::string& labels,
                                                         LogitInput input,
                                                         const std::string& group = "");

}  // namespace steepest
