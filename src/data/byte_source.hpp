// SPDX-License-Identifier: Apache-2.0
// The bytes of one file or of standard input, read by POSIX read and decompressed.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "src/data/decompressor.hpp"
#include "src/data/file_stamp.hpp"

namespace steepest::data {

class ByteSource {
 public:
  /// Opens `path`, or takes standard input for "-"; gzip and zstd are told by their first bytes.
  /// Throws InputError that names what is wrong: no such file, a directory, permission denied.
  explicit ByteSource(const std::string& path);
  ~ByteSource();
  ByteSource(const ByteSource&) = delete;
  ByteSource& operator=(const ByteSource&) = delete;

  /// What messages call it: the path, or <stdin>.
  [[nodiscard]] const std::string& name() const { return name_; }

  /// Reads at most `count` bytes; 0 only at the end.
  std::int64_t read(char* destination, std::int64_t count);

  /// Bytes taken from the file so far by read(): fewer than it returned when they are compressed.
  [[nodiscard]] std::int64_t file_bytes() const { return file_bytes_; }
  [[nodiscard]] bool compressed() const { return decompressor_ != nullptr; }

  /// What read() takes its bytes from. Only of a compressed file.
  [[nodiscard]] Decompressor& decompressor() { return *decompressor_; }

  /// The file was read elsewhere up to this byte: file_bytes() is no less.
  void read_up_to(std::int64_t file_bytes) {
    std::int64_t before = file_bytes_;
    while (before < file_bytes && !file_bytes_.compare_exchange_weak(before, file_bytes)) {
    }
  }

  /// Whether read_at works: a regular file.
  [[nodiscard]] bool seekable() const { return seekable_; }

  /// Reads at most `count` bytes of the file as they are, compressed or not, from byte `offset` on;
  /// 0 only at the end. For any number of threads at once.
  std::int64_t read_at(char* destination, std::int64_t count, std::int64_t offset) const;

  /// Throws InputError when the file is not what it was when it was opened.
  void expect_unchanged() const { stamp_.expect_same(descriptor_, name_); }

 private:
  std::int64_t read_begun(char* destination, std::int64_t count);
  std::int64_t read_file(char* destination, std::int64_t count);
  void tell_compression();

  std::string name_;
  int descriptor_ = -1;
  FileStamp stamp_;
  bool seekable_ = false;
  std::int64_t start_ = 0;  // where the file stood: standard input may have been read before
  std::string begun_;       // of a pipe: read to tell its compression
  std::unique_ptr<Decompressor> decompressor_;
  std::atomic<std::int64_t> file_bytes_{0};
};

}  // namespace steepest::data
