// SPDX-License-Identifier: Apache-2.0
// Whether a file that is being read is still the one that was opened.
#pragma once

#include <cstdint>
#include <string>

namespace steepest::data {

/// Size and time of last change of an open regular file; of anything else, nothing.
class FileStamp {
 public:
  FileStamp() = default;

  /// Takes them of a descriptor.
  explicit FileStamp(int descriptor);

  /// Throws InputError, which calls the file `name`, when its descriptor says otherwise now: what
  /// was read is then neither the file that was there nor the one that is.
  void expect_same(int descriptor, const std::string& name) const;

 private:
  bool is_regular_ = false;
  std::int64_t size_ = 0;
  std::int64_t seconds_ = 0;
  std::int64_t nanoseconds_ = 0;
};

}  // namespace steepest::data
