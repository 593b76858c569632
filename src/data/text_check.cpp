// SPDX-License-Identifier: Apache-2.0
// Magic numbers: bzip2, xz, PKWARE APPNOTE (zip), the Unicode BOMs.
#include "src/data/text_check.hpp"

#include <fmt/format.h>

#include "src/data/excerpt.hpp"
#include "steepest/error.hpp"

namespace steepest::data {
namespace {

[[noreturn]] void refuse_compressed(const std::string& name, const char* kind, const char* tool) {
  throw InputError(Location{name},
                   fmt::format("is compressed with {}; decompress it first: `{} "
                               "{} | steepest ... -`",
                               kind, tool, name == "<stdin>" ? "FILE" : shell_word(name)));
}

// ASCII text as UTF-16 without a byte order mark has every other byte zero.
bool looks_like_utf16(std::string_view head) {
  if (head.size() < 4) {
    return false;
  }
  const bool even = head[0] == 0 && head[2] == 0 && head[1] != 0 && head[3] != 0;
  const bool odd = head[0] != 0 && head[2] != 0 && head[1] == 0 && head[3] == 0;
  return even || odd;
}

}  // namespace

void check_text_file(std::string_view head, const std::string& name) {
  using namespace std::string_view_literals;
  const auto starts = [&](std::string_view magic) { return head.starts_with(magic); };
  if (head.empty()) {
    throw InputError(Location{name}, "the file is empty");
  }
  if (starts("BZh"sv) && head.find('\0') != std::string_view::npos) {
    refuse_compressed(name, "bzip2", "bzcat");
  }
  if (starts("\xFD"
             "7zXZ"sv)) {
    refuse_compressed(name, "xz", "xzcat");
  }
  if (starts("\xFF\xFE"sv) || starts("\xFE\xFF"sv) || looks_like_utf16(head)) {
    throw InputError(Location{name},
                     "is UTF-16 text; convert it first: `iconv -f UTF-16 -t UTF-8`");
  }
  if (starts("PK\x03\x04"sv)) {
    throw InputError(Location{name}, "is a zip archive or a spreadsheet; export it as CSV first");
  }
  const std::size_t null = head.find('\0');
  if (null != std::string_view::npos) {
    throw InputError(Location{name, 0, static_cast<std::int64_t>(null)},
                     "is a binary file, not text: it holds a null byte");
  }
}

}  // namespace steepest::data
