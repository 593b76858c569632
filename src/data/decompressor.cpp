// SPDX-License-Identifier: Apache-2.0
// zlib (RFC 1952) and libzstd (RFC 8878), a quarter of a megabyte at a time. Where in damaged data
// these libraries give up depends on the buffers they are called with. So that every thread says
// the same, input ends at multiples of that size and output begins anew with each member or frame.
#include "src/data/decompressor.hpp"

#include <fmt/format.h>
#define ZLIB_CONST
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "src/data/excerpt.hpp"
#include "steepest/error.hpp"

namespace steepest::data {
namespace {

using namespace std::string_view_literals;

constexpr std::int64_t buffer_bytes = std::int64_t{1} << 18;

// Compressed bytes and where they stand in the file.
class Input {
 public:
  Input(std::string name, Decompressor::Read read, std::int64_t file_position)
      : name_(std::move(name)), read_(std::move(read)), bytes_before_(file_position) {}

  // Makes sure that there are bytes; false at the end.
  bool fill() {
    if (at_ < size_) {
      return true;
    }
    bytes_before_ += size_;
    at_ = 0;
    size_ = read_(buffer_.data(), buffer_bytes - bytes_before_ % buffer_bytes);
    return size_ > 0;
  }

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] std::int64_t file_position() const { return bytes_before_ + at_; }
  [[nodiscard]] const char* data() const { return buffer_.data() + at_; }
  [[nodiscard]] std::int64_t left() const { return size_ - at_; }
  void use(std::int64_t bytes) { at_ += bytes; }

  [[noreturn]] void fail(const char* kind, std::string_view problem) const {
    throw InputError(Location{name_}, fmt::format("its {} data {} at byte {}; the file was damaged "
                                                  "or not copied whole",
                                                  kind, problem, grouped(file_position())));
  }

 private:
  std::string name_;
  Decompressor::Read read_;
  std::vector<char> buffer_ = std::vector<char>(std::size_t{buffer_bytes});
  std::int64_t at_ = 0;
  std::int64_t size_ = 0;
  std::int64_t bytes_before_;
};

class Gzip : public Decompressor {
 public:
  explicit Gzip(Input input) : input_(std::move(input)) {
    constexpr int gzip_only = 16;
    if (inflateInit2(&stream_, MAX_WBITS + gzip_only) != Z_OK) {
      throw std::bad_alloc();
    }
  }
  ~Gzip() override { inflateEnd(&stream_); }
  Gzip(const Gzip&) = delete;
  Gzip& operator=(const Gzip&) = delete;

  [[nodiscard]] std::int64_t file_position() const override { return input_.file_position(); }

  [[nodiscard]] std::unique_ptr<Decompressor> another(std::int64_t file_position,
                                                      Read read) const override {
    return std::make_unique<Gzip>(Input(input_.name(), std::move(read), file_position));
  }

 protected:
  std::int64_t decompress(char* destination, std::int64_t count) override {
    while (within_member_ || begin_member()) {
      if (damaged_) {
        input_.fail("gzip", "are damaged");
      }
      if (!input_.fill()) {
        input_.fail("gzip", "end too early");
      }
      stream_.next_out = reinterpret_cast<Bytef*>(destination);
      stream_.avail_out = static_cast<uInt>(count);
      stream_.next_in = reinterpret_cast<const Bytef*>(input_.data());
      stream_.avail_in = static_cast<uInt>(input_.left());
      const std::int64_t offered = input_.left();
      const int status = inflate(&stream_, Z_NO_FLUSH);
      input_.use(offered - static_cast<std::int64_t>(stream_.avail_in));
      damaged_ = status != Z_STREAM_END && status != Z_OK && status != Z_BUF_ERROR;
      if (status == Z_STREAM_END) {
        within_member_ = false;
        inflateReset(&stream_);
      }
      const std::int64_t got = count - static_cast<std::int64_t>(stream_.avail_out);
      if (got > 0) {
        return got;
      }
    }
    return 0;
  }

 private:
  // Behind a member another one may follow, or zeros that fill up a tape or a disk block.
  bool begin_member() {
    if (stops_here()) {
      return false;
    }
    bool padded = false;
    while (input_.fill() && *input_.data() == '\0') {
      input_.use(1);
      padded = true;
    }
    within_member_ = input_.fill();
    if (within_member_ && padded) {
      input_.fail("gzip", "are followed by something else");
    }
    return within_member_;
  }

  Input input_;
  z_stream stream_{};
  bool within_member_ = false;
  bool damaged_ = false;
};

class Zstd : public Decompressor {
 public:
  explicit Zstd(Input input) : input_(std::move(input)), context_(ZSTD_createDCtx()) {
    if (!context_) {
      throw std::bad_alloc();
    }
    // A few bytes of a frame ask for this much memory before any of it has been seen to be needed:
    // 128 MiB, as the zstd command has it.
    constexpr int largest_window = 27;
    ZSTD_DCtx_setParameter(context_.get(), ZSTD_d_windowLogMax, largest_window);
  }

  [[nodiscard]] std::int64_t file_position() const override { return input_.file_position(); }

  [[nodiscard]] std::unique_ptr<Decompressor> another(std::int64_t file_position,
                                                      Read read) const override {
    return std::make_unique<Zstd>(Input(input_.name(), std::move(read), file_position));
  }

 protected:
  std::int64_t decompress(char* destination, std::int64_t count) override {
    while (within_frame_ || !stops_here()) {
      if (!input_.fill()) {
        if (within_frame_) {
          input_.fail("zstd", "end too early");
        }
        return 0;
      }
      ZSTD_outBuffer out{destination, static_cast<std::size_t>(count), 0};
      ZSTD_inBuffer in{input_.data(), static_cast<std::size_t>(input_.left()), 0};
      const std::size_t status = ZSTD_decompressStream(context_.get(), &out, &in);
      input_.use(static_cast<std::int64_t>(in.pos));
      if (ZSTD_isError(status) != 0U) {
        if (ZSTD_getErrorCode(status) == ZSTD_error_frameParameter_windowTooLarge) {
          throw InputError(Location{input_.name()},
                           "its zstd data need a window of more than 128 MiB, which is not read: "
                           "compress it again without --long");
        }
        input_.fail("zstd", "are damaged");
      }
      within_frame_ = status != 0;
      if (out.pos > 0) {
        return static_cast<std::int64_t>(out.pos);
      }
    }
    return 0;
  }

 private:
  struct Free {
    void operator()(ZSTD_DCtx* context) const noexcept { ZSTD_freeDCtx(context); }
  };

  Input input_;
  std::unique_ptr<ZSTD_DCtx, Free> context_;
  bool within_frame_ = false;
};

}  // namespace

std::int64_t Decompressor::read(char* destination, std::int64_t count) {
  if (piece_at_ == piece_size_) {
    piece_.resize(buffer_bytes);
    piece_at_ = 0;
    piece_size_ = 0;  // should decompress() throw
    piece_size_ = decompress(piece_.data(), buffer_bytes);
  }
  const std::int64_t bytes = std::min(count, piece_size_ - piece_at_);
  std::memcpy(destination, piece_.data() + piece_at_, static_cast<std::size_t>(bytes));
  piece_at_ += bytes;
  return bytes;
}

std::unique_ptr<Decompressor> Decompressor::for_data(std::string_view first,
                                                     const std::string& name, Read read) {
  // A zstd file may begin with a skippable frame: 0x184D2A5?.
  const bool skippable =
      first.size() >= 4 && (first[0] & '\xF0') == '\x50' && first.substr(1, 3) == "\x2A\x4D\x18"sv;
  if (first.starts_with("\x1F\x8B"sv)) {
    return std::make_unique<Gzip>(Input(name, std::move(read), 0));
  }
  if (first.starts_with("\x28\xB5\x2F\xFD"sv) || skippable) {
    return std::make_unique<Zstd>(Input(name, std::move(read), 0));
  }
  return nullptr;
}

}  // namespace steepest::data
