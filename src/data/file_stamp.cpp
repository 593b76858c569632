// SPDX-License-Identifier: Apache-2.0
#include "src/data/file_stamp.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include "src/data/excerpt.hpp"
#include "steepest/error.hpp"

namespace steepest::data {

FileStamp::FileStamp(int descriptor) {
  struct stat status {};
  if (::fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode)) {
    is_regular_ = true;
    size_ = status.st_size;
    seconds_ = status.st_mtim.tv_sec;
    nanoseconds_ = status.st_mtim.tv_nsec;
  }
}

void FileStamp::expect_same(int descriptor, const std::string& name) const {
  if (!is_regular_) {
    return;
  }
  const FileStamp now(descriptor);
  if (now.size_ != size_) {
    throw InputError(Location{name},
                     fmt::format("changed while it was read: it had {} bytes and has {} now; read "
                                 "it again when nothing writes to it",
                                 grouped(size_), grouped(now.size_)));
  }
  if (now.seconds_ != seconds_ || now.nanoseconds_ != nanoseconds_) {
    throw InputError(Location{name},
                     "was written to while it was read; read it again when nothing writes to it");
  }
}

}  // namespace steepest::data
