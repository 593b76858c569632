// SPDX-License-Identifier: Apache-2.0
// BGZF: section 4.1 of https://samtools.github.io/hts-specs/SAMv1.pdf. Zstd: RFC 8878, section 3.1;
// ZSTD_findFrameCompressedSize does the same, but only for a frame that is in memory as a whole.
#include "src/data/frame_finder.hpp"

namespace steepest::data {
namespace {

constexpr std::int64_t page_bytes = 4096;

}  // namespace

// Little-endian; nothing where the file ends before it.
std::optional<std::int64_t> FrameFinder::number(std::int64_t offset, int bytes) {
  const auto missing = [&] {
    return offset < page_begin_ ||
           offset + bytes > page_begin_ + static_cast<std::int64_t>(page_.size());
  };
  if (missing()) {
    page_.resize(page_bytes);
    page_begin_ = offset;
    page_.resize(static_cast<std::size_t>(source_.read_at(page_.data(), page_bytes, offset)));
    if (missing()) {
      return std::nullopt;
    }
  }
  std::uint64_t value = 0;
  for (int i = bytes; i-- > 0;) {
    const char byte = page_[static_cast<std::size_t>(offset - page_begin_ + i)];
    value = value << 8 | static_cast<unsigned char>(byte);
  }
  return static_cast<std::int64_t>(value);
}

std::optional<std::int64_t> FrameFinder::end_of_frame(std::int64_t offset) {
  constexpr std::int64_t gzip_magic = 0x8B1F;
  return number(offset, 2) == gzip_magic ? end_of_member(offset) : end_of_zstd_frame(offset);
}

// The extra field BC of a BGZF member holds the member's size less one.
std::optional<std::int64_t> FrameFinder::end_of_member(std::int64_t offset) {
  constexpr std::int64_t has_extra = 4;
  constexpr std::int64_t size_of_block = 'B' | 'C' << 8;
  const std::optional<std::int64_t> flags = number(offset + 3, 1);
  const std::optional<std::int64_t> extra_bytes = number(offset + 10, 2);
  if (!flags || (*flags & has_extra) == 0 || !extra_bytes) {
    return std::nullopt;
  }
  const std::int64_t end = offset + 12 + *extra_bytes;
  for (std::int64_t at = offset + 12; at + 4 <= end;) {
    const std::optional<std::int64_t> name = number(at, 2);
    const std::optional<std::int64_t> bytes = number(at + 2, 2);
    const std::optional<std::int64_t> size = number(at + 4, 2);
    if (!name || !bytes || !size) {
      return std::nullopt;
    }
    if (*name == size_of_block && *bytes == 2) {
      return offset + *size + 1;
    }
    at += 4 + *bytes;
  }
  return std::nullopt;
}

std::optional<std::int64_t> FrameFinder::end_of_zstd_frame(std::int64_t offset) {
  const std::optional<std::int64_t> magic = number(offset, 4);
  const std::optional<std::int64_t> skippable_bytes = number(offset + 4, 4);
  if (magic && (*magic & ~std::int64_t{15}) == 0x184D2A50 && skippable_bytes) {
    return offset + 8 + *skippable_bytes;
  }
  const std::optional<std::int64_t> descriptor = number(offset + 4, 1);
  if (magic != 0xFD2FB528 || !descriptor) {
    return std::nullopt;
  }
  const bool single_segment = (*descriptor & 32) != 0;
  const bool has_checksum = (*descriptor & 4) != 0;
  constexpr int dictionary_bytes[] = {0, 1, 2, 4};
  const int size_bytes[] = {single_segment ? 1 : 0, 2, 4, 8};
  std::int64_t at = offset + 5;
  std::int64_t window = 0;
  if (!single_segment) {
    const std::optional<std::int64_t> byte = number(at++, 1);
    if (!byte) {
      return std::nullopt;
    }
    const std::int64_t base = std::int64_t{1} << (10 + (*byte >> 3));
    window = base + base / 8 * (*byte & 7);
  }
  at += dictionary_bytes[*descriptor & 3];
  const int content_bytes = size_bytes[*descriptor >> 6];
  if (single_segment) {
    window = number(at, content_bytes).value_or(0);  // the content: 256 more where it has two bytes
  }
  at += content_bytes;
  if (window < 0 || window > largest_window) {
    return std::nullopt;
  }
  for (bool last = false; !last;) {
    constexpr std::int64_t repeated = 1;  // one byte stands for many
    constexpr std::int64_t reserved = 3;
    const std::optional<std::int64_t> block = number(at, 3);
    if (!block || (*block >> 1 & 3) == reserved || at - offset > longest_frame) {
      return std::nullopt;
    }
    last = (*block & 1) != 0;
    at += 3 + ((*block >> 1 & 3) == repeated ? 1 : *block >> 3);
  }
  return at + (has_checksum ? 4 : 0);
}

}  // namespace steepest::data
