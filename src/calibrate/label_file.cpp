// SPDX-License-Identifier: Apache-2.0
#include "src/calibrate/label_file.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <string_view>

#include "src/data/excerpt.hpp"
#include "src/data/npy.hpp"
#include "steepest/error.hpp"
#include "steepest/logit_rows.hpp"

namespace steepest::calibrate {
namespace {

template <class T>
std::int32_t label_of(T value) {
  const auto number = static_cast<double>(value);
  constexpr double largest = std::numeric_limits<std::int32_t>::max();
  return number > -largest && number <= largest && number == std::floor(number)
             ? static_cast<std::int32_t>(number)
             : no_label;
}

template <class T>
void labels_of(const char* bytes, std::int64_t count, std::int32_t* to) {
  for (std::int64_t i = 0; i < count; ++i) {
    T value{};
    std::memcpy(&value, bytes + i * static_cast<std::int64_t>(sizeof(T)), sizeof(T));
    to[i] = label_of(value);
  }
}

using Conversion = void (*)(const char* bytes, std::int64_t count, std::int32_t* to);

// Null for a type that holds no labels.
Conversion conversion_of(std::string_view type) {
  struct Entry {
    std::string_view type;
    Conversion convert;
  };
  static constexpr Entry entries[] = {
      {"<i8", labels_of<std::int64_t>},  {"<i4", labels_of<std::int32_t>},
      {"<i2", labels_of<std::int16_t>},  {"|i1", labels_of<std::int8_t>},
      {"<u8", labels_of<std::uint64_t>}, {"<u4", labels_of<std::uint32_t>},
      {"<u2", labels_of<std::uint16_t>}, {"|u1", labels_of<std::uint8_t>},
      {"|b1", labels_of<std::uint8_t>},  {"<f4", labels_of<float>},
      {"<f8", labels_of<double>}};
  for (const Entry& entry : entries) {
    if (entry.type == type) {
      return entry.convert;
    }
  }
  return nullptr;
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blanks = " \t\r\"";
  const std::size_t first = text.find_first_not_of(blanks);
  return first == std::string_view::npos
             ? std::string_view()
             : text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

bool is_npy(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  char begin[6] = {};
  file.read(begin, sizeof(begin));
  return file && std::string_view(begin, sizeof(begin)) == "\x93NUMPY";
}

}  // namespace

LabelFile::LabelFile(const std::string& path, std::int64_t rows) {
  if (is_npy(path)) {
    open_npy(path, rows);
    return;
  }
  read_text(path);
  if (static_cast<std::int64_t>(labels_.size()) != rows) {
    throw InputError(Location{path},
                     fmt::format("has {} labels for {} rows of logits", labels_.size(), rows));
  }
}

void LabelFile::open_npy(const std::string& path, std::int64_t rows) {
  const data::NpyHeader header = data::read_npy_header(path);
  if (conversion_of(header.type) == nullptr) {
    throw InputError(Location{path},
                     fmt::format("holds elements of type {}: labels are little-endian integers, "
                                 "such as numpy's int64",
                                 header.type));
  }
  const bool is_column =
      header.shape.size() == 1 || (header.shape.size() == 2 && header.shape[1] == 1);
  if (!is_column) {
    throw InputError(Location{path}, "is not one column of labels: it has the wrong shape");
  }
  if (header.shape[0] != rows) {
    throw InputError(Location{path},
                     fmt::format("has {} labels for {} rows of logits", header.shape[0], rows));
  }
  type_ = header.type;
  element_bytes_ = type_.back() - '0';
  file_ = data::ElementFile(path, header.data_start);
}

void LabelFile::read_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    throw InputError(Location{path}, "no such file, or it cannot be read");
  }
  if (std::filesystem::is_directory(path)) {
    throw InputError(Location{path}, "is a directory: labels are a file");
  }
  std::int64_t number = 0;
  for (std::string line; std::getline(file, line);) {
    ++number;
    const std::string_view text = trimmed(line);
    if (text.empty()) {
      continue;
    }
    std::int32_t label = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), label);
    if (error == std::errc() && end == text.data() + text.size()) {
      labels_.push_back(label);
    } else if (number > 1) {  // the first line may be a header
      throw InputError(Location{path, number},
                       fmt::format("{} is no label: labels are the columns of their classes, "
                                   "whole numbers from 0, one a line",
                                   data::quoted(text)));
    }
  }
}

const std::int32_t* LabelFile::read(std::int64_t first, std::int64_t count,
                                    std::vector<std::int32_t>& memory) const {
  if (!labels_.empty()) {
    return labels_.data() + first;
  }
  const auto size = static_cast<std::size_t>(count);
  if (!file_.is_open()) {
    memory.assign(size, no_label);
    return memory.data();
  }
  memory.resize(size);
  std::vector<char> bytes(static_cast<std::size_t>(count * element_bytes_));
  file_.read(bytes.data(), count * element_bytes_, first * element_bytes_);
  conversion_of(type_)(bytes.data(), count, memory.data());
  return memory.data();
}

}  // namespace steepest::calibrate
