// SPDX-License-Identifier: Apache-2.0
#include "src/data/npy.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <limits>

#include "src/data/element_file.hpp"
#include "steepest/error.hpp"

namespace steepest::data {
namespace {

constexpr std::string_view magic = "\x93NUMPY";
constexpr std::int64_t written_bytes = 128;
constexpr std::int64_t longest_header = std::int64_t{1} << 20;  // a few hundred bytes are usual

[[noreturn]] void fail(const std::string& path, const std::string& sentence) {
  throw InputError(Location{path, 0, 0, 0, ""}, sentence);
}

// The text behind 'key': in the dictionary that a header is.
std::string_view entry(std::string_view header, std::string_view key, const std::string& path) {
  const std::size_t found = header.find(fmt::format("'{}'", key));
  const std::size_t colon = header.find(':', found);
  if (found == std::string_view::npos || colon == std::string_view::npos) {
    fail(path, fmt::format("is not a whole .npy file: its header has no '{}'", key));
  }
  header.remove_prefix(colon + 1);
  header.remove_prefix(std::min(header.find_first_not_of(' '), header.size()));
  return header;
}

std::vector<std::int64_t> shape_of(std::string_view text, const std::string& path) {
  std::vector<std::int64_t> shape;
  const std::size_t end = text.find(')');
  if (text.empty() || text[0] != '(' || end == std::string_view::npos) {
    fail(path, "is not a whole .npy file: its shape cannot be read");
  }
  const char* at = text.data() + 1;
  const char* const last = text.data() + end;
  while (at < last) {
    std::int64_t length = 0;
    const auto [next, error] = std::from_chars(at, last, length);
    if (error != std::errc() || length < 0) {
      fail(path, "is not a whole .npy file: its shape cannot be read");
    }
    shape.push_back(length);
    at = next;
    while (at < last && (*at == ',' || *at == ' ')) {
      ++at;
    }
  }
  return shape;
}

// Of an element, from the type's digits; 0 when it is none with a fixed number of bytes.
std::int64_t bytes_of(const std::string& type) {
  std::int64_t bytes = 0;
  if (type.size() > 2) {
    std::from_chars(type.data() + 2, type.data() + type.size(), bytes);
  }
  return bytes;
}

}  // namespace

std::int64_t NpyHeader::elements() const {
  std::int64_t count = 1;
  for (const std::int64_t length : shape) {
    // So that the bytes of all elements and of the header can be added.
    if (length > 0 && count > std::numeric_limits<std::int64_t>::max() / 32 / length) {
      return -1;
    }
    count *= length;
  }
  return count;
}

std::string npy_header(std::string_view type, const std::vector<std::int64_t>& shape) {
  std::string text = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}{}), }}",
                                 type, fmt::join(shape, ", "), shape.size() == 1 ? "," : "");
  constexpr std::size_t prefix = 10;
  text.resize(written_bytes - prefix - 1, ' ');
  std::string header(magic);
  header += {1, 0, static_cast<char>(written_bytes - prefix), 0};
  return header + text + '\n';
}

NpyHeader read_npy_header(const std::string& path) {
  const ElementFile file(path, 0);
  const std::int64_t size = file.size();
  std::string begin(12, '\0');
  if (size < 12) {
    fail(path, "is not a .npy file: it is too short");
  }
  file.read(begin.data(), 12, 0);
  if (std::string_view(begin).substr(0, magic.size()) != magic) {
    fail(path, "is not a .npy file: its first bytes are not those of one");
  }
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(begin[i]); };
  const bool is_long = byte(6) >= 2;
  std::int64_t length = byte(8) + 256 * byte(9);
  if (is_long) {
    length += (std::int64_t{byte(10)} << 16) + (std::int64_t{byte(11)} << 24);
  }
  NpyHeader header;
  const std::int64_t prefix = is_long ? 12 : 10;
  header.data_start = prefix + length;
  if (byte(6) > 3 || header.data_start > size || length > longest_header) {
    fail(path, "is not a whole .npy file: its header ends too early or has an unknown version");
  }
  std::string text(static_cast<std::size_t>(length), '\0');
  file.read(text.data(), length, prefix);
  std::string_view type = entry(text, "descr", path);
  if (type.size() < 3 || (type[0] != '\'' && type[0] != '"') ||
      type.find(type[0], 1) == std::string_view::npos) {
    fail(path, "holds records, not numbers of one type");
  }
  header.type = type.substr(1, type.find(type[0], 1) - 1);
  header.fortran_order = entry(text, "fortran_order", path).substr(0, 4) == "True";
  header.shape = shape_of(entry(text, "shape", path), path);
  const std::int64_t expected = header.elements();
  const std::int64_t bytes = bytes_of(header.type);
  if (expected < 0 || bytes < 1 || bytes > 16 || size != header.data_start + expected * bytes) {
    fail(path, fmt::format("has {} bytes of elements where its header promises ({}) of {}",
                           size - header.data_start, fmt::join(header.shape, ", "), header.type));
  }
  return header;
}

}  // namespace steepest::data
