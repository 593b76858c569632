// SPDX-License-Identifier: Apache-2.0
// Files that are whole or not there: written beside their name, renamed when complete.
#pragma once

#include <cstdio>
#include <string>
#include <string_view>

namespace steepest {

/// A file being written. Until commit() nothing stands at `path`; without it nothing ever does, and
/// what was there before stays. Every failure is an InputError with the path and the reason.
class OutputFile {
 public:
  explicit OutputFile(std::string path);
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  void write(std::string_view text);

  /// Replaces the file's first bytes, which were written before: what a header says of the rows
  /// behind it is known last. Writing goes on at the end.
  void write_start(std::string_view text);

  /// Flushes to disk and renames. Call once, last.
  void commit();

  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  [[noreturn]] void fail(std::string_view doing);

  std::string path_;
  std::string temporary_;
  std::FILE* file_ = nullptr;
};

}  // namespace steepest
