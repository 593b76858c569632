// SPDX-License-Identifier: Apache-2.0
// The bytes of one file or of standard input, read by POSIX read.
#pragma once

#include <cstdint>
#include <string>

namespace steepest::data {

class ByteSource {
 public:
  /// Opens `path`, or takes standard input for "-". Throws InputError that names what is wrong: no
  /// such file, a directory, permission denied.
  explicit ByteSource(const std::string& path);
  ~ByteSource();
  ByteSource(const ByteSource&) = delete;
  ByteSource& operator=(const ByteSource&) = delete;

  /// What messages call it: the path, or <stdin>.
  [[nodiscard]] const std::string& name() const { return name_; }

  /// Reads at most `count` bytes; 0 only at the end.
  std::int64_t read(char* destination, std::int64_t count);

  /// Whether read_at works: a regular file.
  [[nodiscard]] bool seekable() const { return seekable_; }

  /// As read(), from a byte of the file on; for any number of threads at once.
  std::int64_t read_at(char* destination, std::int64_t count, std::int64_t offset) const;

 private:
  std::string name_;
  int descriptor_ = -1;
  bool seekable_ = false;
};

}  // namespace steepest::data
