// SPDX-License-Identifier: Apache-2.0
// Compressed data made for tests: gzip members, BGZF members, zstd frames.
#pragma once

#include <gtest/gtest.h>
#define ZLIB_CONST
#include <zlib.h>
#include <zstd.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace steepest::tests {

/// The low `bytes` bytes, lowest first.
inline std::string little_endian(std::uint64_t value, int bytes) {
  std::string text;
  for (int i = 0; i < bytes; ++i) {
    text += static_cast<char>(value >> (8 * i) & 255);
  }
  return text;
}

/// One member; with this extra field, if there is one.
inline std::string gzip_member(std::string_view text, std::string_view extra = {}) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 6, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  gz_header header{};
  std::string field(extra);
  if (!extra.empty()) {
    header.extra = reinterpret_cast<Bytef*>(field.data());
    header.extra_len = static_cast<uInt>(field.size());
    EXPECT_EQ(deflateSetHeader(&stream, &header), Z_OK);
  }
  std::string out(deflateBound(&stream, text.size()) + extra.size() + 32, '\0');
  stream.next_in = reinterpret_cast<const Bytef*>(text.data());
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

inline std::string gzip(std::string_view text) { return gzip_member(text); }

/// A member whose extra fields say how long it is, `lie` bytes more than is true.
inline std::string bgzf_member(std::string_view text, int lie = 0) {
  using namespace std::string_literals;
  const std::string other_field = "XY\x03\x00xyz"s;
  const auto packed = [&](std::size_t size) {
    return gzip_member(text, other_field + "BC\x02\x00"s + little_endian(size, 2));
  };
  const std::size_t size = packed(0).size();
  EXPECT_LE(size, 65536U);
  return packed(size - 1 + static_cast<std::size_t>(lie));
}

/// One frame that says how long its content is.
inline std::string zstd(std::string_view text) {
  std::string out(ZSTD_compressBound(text.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3));
  return out;
}

/// One frame as from a pipe: no content size, a checksum, a window of 2^window_log bytes.
inline std::string zstd_stream(std::string_view text, int window_log = 17) {
  const std::unique_ptr<ZSTD_CCtx, std::size_t (*)(ZSTD_CCtx*)> context(ZSTD_createCCtx(),
                                                                        ZSTD_freeCCtx);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_checksumFlag, 1);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_windowLog, window_log);
  std::string out(ZSTD_compressBound(text.size()) + 64, '\0');
  ZSTD_outBuffer to{out.data(), out.size(), 0};
  ZSTD_inBuffer from{text.data(), text.size(), 0};
  EXPECT_EQ(ZSTD_isError(ZSTD_compressStream2(context.get(), &to, &from, ZSTD_e_flush)), 0U);
  EXPECT_EQ(ZSTD_compressStream2(context.get(), &to, &from, ZSTD_e_end), 0U);
  out.resize(to.pos);
  return out;
}

/// A zstd frame that holds nothing to read.
inline std::string skippable_frame(std::string_view content, int nibble = 0) {
  return little_endian(0x184D2A50U + static_cast<unsigned>(nibble), 4) +
         little_endian(content.size(), 4) + std::string(content);
}

}  // namespace steepest::tests
