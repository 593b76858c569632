// SPDX-License-Identifier: Apache-2.0
// Logits in a .npy file, read in blocks by any number of threads.
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstring>

#include "src/calibrate/label_file.hpp"
#include "src/calibrate/logit_values.hpp"
#include "src/data/element_file.hpp"
#include "src/data/npy.hpp"
#include "src/train/option_text.hpp"
#include "steepest/error.hpp"

namespace steepest {
namespace {

using calibrate::LabelFile;
using calibrate::line_aligned;

// IEEE 754 binary16 to binary32: the exponent is moved by a product, which also normalises.
float float_of_half(std::uint16_t half) {
  constexpr std::uint32_t exponent_offset = (127U + 112U) << 23U;  // 2^112
  constexpr std::uint32_t infinite = 0x7c00;
  const std::uint32_t magnitude = half & 0x7fffU;
  const std::uint32_t sign = (half & 0x8000U) << 16U;
  const float scaled =
      std::bit_cast<float>(magnitude << 13U) * std::bit_cast<float>(exponent_offset);
  const std::uint32_t bits = magnitude >= infinite ? (magnitude << 13U) | 0x7f800000U
                                                   : std::bit_cast<std::uint32_t>(scaled);
  return std::bit_cast<float>(bits | sign);
}

enum class Element { half, single, wide };

class NpyLogits final : public LogitRows {
 public:
  NpyLogits(std::string path, const std::string& labels, LogitInput input)
      : path_(std::move(path)), input_(input) {
    const data::NpyHeader header = data::read_npy_header(path_);
    set_type(header);
    set_shape(header);
    fortran_order_ = header.fortran_order && columns_ > 1;
    file_ = data::ElementFile(path_, header.data_start);
    if (!labels.empty()) {
      labels_ = LabelFile(labels, rows_);
    }
  }

  [[nodiscard]] std::int64_t rows() const override { return rows_; }
  [[nodiscard]] std::int64_t classes() const override {
    return std::max<std::int64_t>(columns_, 2);
  }
  [[nodiscard]] bool holds_doubles() const override { return element_ == Element::wide; }
  [[nodiscard]] std::string name() const override { return path_; }
  [[nodiscard]] bool is_file() const override { return true; }
  [[nodiscard]] std::int64_t bytes_read() const override { return bytes_read_; }
  [[nodiscard]] std::int64_t bytes_total() const override {
    return rows_ * columns_ * element_bytes_;
  }

  // Columns that lie apart are read in longer pieces.
  [[nodiscard]] std::int64_t block_rows() const override {
    constexpr std::int64_t piece_bytes = std::int64_t{8} << 20;
    if (!fortran_order_) {
      return LogitRows::block_rows();
    }
    return std::clamp<std::int64_t>(piece_bytes / (columns_ * element_bytes_), 1, rows_);
  }

  void will_read(std::int64_t first, std::int64_t count) const override {
    if (!fortran_order_) {
      const std::int64_t row_bytes = columns_ * element_bytes_;
      file_.will_read(count * row_bytes, first * row_bytes);
    }
  }

  LogitBlock read(std::int64_t first, std::int64_t count, LogitBuffer& buffer) const override {
    LogitBlock block;
    if (element_ == Element::wide) {
      block.doubles = read_as(first, count, buffer.doubles, buffer.bytes);
    } else {
      block.floats = read_as(first, count, buffer.floats, buffer.bytes);
    }
    block.labels = labels_.read(first, count, buffer.labels);
    if (first + count == rows_) {  // once a pass
      file_.expect_unchanged();
    }
    bytes_read_ += count * columns_ * element_bytes_;
    return block;
  }

 private:
  void set_type(const data::NpyHeader& header) {
    if (header.type == "<f2") {
      element_ = Element::half;
    } else if (header.type == "<f4") {
      element_ = Element::single;
    } else if (header.type == "<f8") {
      element_ = Element::wide;
    } else {
      throw InputError(Location{path_},
                       fmt::format("holds elements of type {}: logits are little-endian float16, "
                                   "float32 or float64; numpy's astype(\"<f4\") makes them",
                                   header.type));
    }
    element_bytes_ = element_ == Element::half ? 2 : element_ == Element::single ? 4 : 8;
  }

  void set_shape(const data::NpyHeader& header) {
    const std::size_t axes = header.shape.size();
    if (axes != 1 && axes != 2) {
      throw InputError(Location{path_},
                       fmt::format("has {} axes: logits are (rows, classes), or (rows) for the "
                                   "scores of two classes",
                                   axes));
    }
    rows_ = header.shape[0];
    columns_ = axes == 2 ? header.shape[1] : 1;
    if (rows_ < 1 || columns_ < 1) {
      throw InputError(Location{path_},
                       fmt::format("is empty: it has {} rows of {} columns", rows_, columns_));
    }
  }

  template <class T>
  const T* read_as(std::int64_t first, std::int64_t count, std::vector<T>& memory,
                   std::vector<char>& bytes) const {
    T* const values = line_aligned(memory, count * classes());
    if (fortran_order_) {
      read_columns(first, count, values, bytes);
    } else if (element_ == Element::half) {
      bytes.resize(static_cast<std::size_t>(count * columns_ * element_bytes_));
      read_elements(first * columns_, count * columns_, values, 1, bytes);
    } else {
      file_.read(values, count * columns_ * element_bytes_, first * columns_ * element_bytes_);
    }
    calibrate::to_logits(values, count, columns_, input_);
    return values;
  }

  // `count` elements of the file from the `first` on, to every `stride`-th of `to`.
  template <class T>
  void read_elements(std::int64_t first, std::int64_t count, T* to, std::int64_t stride,
                     std::vector<char>& bytes) const {
    file_.read(bytes.data(), count * element_bytes_, first * element_bytes_);
    for (std::int64_t i = 0; i < count; ++i) {
      if (element_ == Element::half) {
        std::uint16_t half = 0;
        std::memcpy(&half, bytes.data() + 2 * i, sizeof(half));
        to[i * stride] = static_cast<T>(float_of_half(half));
      } else {
        std::memcpy(to + i * stride, bytes.data() + i * element_bytes_, sizeof(T));
      }
    }
  }

  template <class T>
  void read_columns(std::int64_t first, std::int64_t count, T* values,
                    std::vector<char>& bytes) const {
    bytes.resize(static_cast<std::size_t>(count * element_bytes_));
    for (std::int64_t c = 0; c < columns_; ++c) {
      read_elements(c * rows_ + first, count, values + c, columns_, bytes);
    }
  }

  std::string path_;
  LogitInput input_;
  Element element_ = Element::single;
  std::int64_t element_bytes_ = 0;
  std::int64_t rows_ = 0;
  std::int64_t columns_ = 0;
  bool fortran_order_ = false;
  data::ElementFile file_;
  LabelFile labels_;
  mutable std::atomic<std::int64_t> bytes_read_{0};
};

}  // namespace

LogitInput parse_logit_input(std::string_view text) {
  if (text == "logits") {
    return LogitInput::logits;
  }
  if (text == "logprobs") {
    return LogitInput::logprobs;
  }
  if (text == "probs") {
    return LogitInput::probs;
  }
  throw OptionError(fmt::format("--input \"{}\" is not known: use {}", text,
                                join_choices({"logits", "logprobs", "probs"})));
}

std::int64_t LogitRows::block_rows() const {
  constexpr std::int64_t block_bytes = std::int64_t{256} << 10;
  const auto element = static_cast<std::int64_t>(holds_doubles() ? sizeof(double) : sizeof(float));
  return std::clamp<std::int64_t>(block_bytes / (classes() * element), 1, rows());
}

std::unique_ptr<LogitRows> open_logits(const std::string& path, const std::string& labels,
                                       LogitInput input) {
  return std::make_unique<NpyLogits>(path, labels, input);
}

}  // namespace steepest
