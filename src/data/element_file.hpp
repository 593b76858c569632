// SPDX-License-Identifier: Apache-2.0
// A file of numbers, read and written anywhere by any number of threads.
#pragma once

#include <cstdint>
#include <string>

#include "src/data/file_stamp.hpp"

namespace steepest::data {

/// Owns a descriptor. Offsets are in bytes and count from `start`, which is where the numbers
/// begin. All failures are InputError with the file's name and the reason.
class ElementFile {
 public:
  ElementFile() = default;

  /// Opens a file for reading.
  ElementFile(std::string path, std::int64_t start);

  /// A new file in a folder that no name leads to: it is gone with its last descriptor, however the
  /// process ends. Where none can be made, the message says what it is for and what would help.
  static ElementFile temporary(const std::string& folder,
                               const char* purpose = "for what does not fit in memory",
                               const char* fixes = "--cache DIR | --memory SIZE");

  /// A file with a name, to be read and written by one process after another; `anew`: empty.
  static ElementFile kept(std::string path, bool anew);

  ~ElementFile();
  ElementFile(ElementFile&& other) noexcept;
  ElementFile& operator=(ElementFile&& other) noexcept;

  [[nodiscard]] bool is_open() const { return descriptor_ >= 0; }
  [[nodiscard]] const std::string& name() const { return name_; }

  /// Bytes of the whole file, those before `start` too.
  [[nodiscard]] std::int64_t size() const;

  /// Exactly `bytes` bytes.
  void read(void* to, std::int64_t bytes, std::int64_t offset) const;
  void write(const void* from, std::int64_t bytes, std::int64_t offset) const;

  /// Waits until all that was written is on the disk.
  void sync() const;

  /// Throws InputError when a file that was opened for reading is not what it was then.
  void expect_unchanged() const { stamp_.expect_same(descriptor_, name_); }

  /// Asks the system to begin reading.
  void will_read(std::int64_t bytes, std::int64_t offset) const;

  [[nodiscard]] int descriptor() const { return descriptor_; }
  [[nodiscard]] std::int64_t start() const { return start_; }

 private:
  [[noreturn]] void fail(const char* doing, int code) const;

  std::string name_;
  int descriptor_ = -1;
  std::int64_t start_ = 0;
  FileStamp stamp_;
};

}  // namespace steepest::data
