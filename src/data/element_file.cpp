// SPDX-License-Identifier: Apache-2.0
#include "src/data/element_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <system_error>
#include <utility>

#include "steepest/error.hpp"

namespace steepest::data {
namespace {

int open_unnamed(const std::string& folder) {
#ifdef O_TMPFILE
  const int descriptor = ::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (descriptor >= 0) {
    return descriptor;
  }
#endif
  std::string name = folder + "/steepest-XXXXXX";  // where the file system cannot do without a name
  const int named = ::mkostemp(name.data(), O_CLOEXEC);
  if (named >= 0) {
    ::unlink(name.c_str());
  }
  return named;
}

}  // namespace

ElementFile::ElementFile(std::string path, std::int64_t start)
    : name_(std::move(path)),
      descriptor_(::open(name_.c_str(), O_RDONLY | O_CLOEXEC)),
      start_(start) {
  if (descriptor_ < 0) {
    fail("opened", errno);
  }
  stamp_ = FileStamp(descriptor_);
}

ElementFile ElementFile::temporary(const std::string& folder, const char* purpose,
                                   const char* fixes) {
  ElementFile file;
  file.name_ = folder;
  file.descriptor_ = open_unnamed(folder);
  if (file.descriptor_ < 0) {
    throw InputError(fmt::format("{}: no temporary file can be made here {}: {}. Fixes: {}", folder,
                                 purpose, std::generic_category().message(errno), fixes));
  }
  return file;
}

ElementFile ElementFile::kept(std::string path, bool anew) {
  ElementFile file;
  file.name_ = std::move(path);
  if (anew) {
    ::unlink(file.name_.c_str());
  }
  file.descriptor_ = ::open(file.name_.c_str(),
                            O_RDWR | O_CLOEXEC | O_NOFOLLOW | (anew ? O_CREAT | O_EXCL : 0), 0666);
  if (file.descriptor_ < 0) {
    file.fail("written", errno);
  }
  return file;
}

ElementFile::~ElementFile() {
  if (descriptor_ >= 0) {
    ::close(descriptor_);
  }
}

ElementFile::ElementFile(ElementFile&& other) noexcept
    : name_(std::move(other.name_)),
      descriptor_(std::exchange(other.descriptor_, -1)),
      start_(other.start_),
      stamp_(other.stamp_) {}

ElementFile& ElementFile::operator=(ElementFile&& other) noexcept {
  std::swap(name_, other.name_);
  std::swap(descriptor_, other.descriptor_);
  std::swap(start_, other.start_);
  std::swap(stamp_, other.stamp_);
  return *this;
}

void ElementFile::fail(const char* doing, int code) const {
  throw InputError(
      fmt::format("{}: cannot be {}: {}", name_, doing,
                  code == 0 ? "it ends too early" : std::generic_category().message(code)));
}

std::int64_t ElementFile::size() const {
  struct stat status {};
  if (::fstat(descriptor_, &status) != 0) {
    fail("read", errno);
  }
  return status.st_size;
}

void ElementFile::read(void* to, std::int64_t bytes, std::int64_t offset) const {
  auto* place = static_cast<char*>(to);
  while (bytes > 0) {
    const ssize_t got =
        ::pread(descriptor_, place, static_cast<std::size_t>(bytes), start_ + offset);
    const int reason = errno;
    if (got == 0) {
      expect_unchanged();  // that would be why
    }
    if (got == 0 || (got < 0 && reason != EINTR)) {
      fail("read", got == 0 ? 0 : reason);
    }
    const std::int64_t done = got > 0 ? got : 0;
    place += done;
    offset += done;
    bytes -= done;
  }
}

void ElementFile::write(const void* from, std::int64_t bytes, std::int64_t offset) const {
  const auto* place = static_cast<const char*>(from);
  while (bytes > 0) {
    const ssize_t put =
        ::pwrite(descriptor_, place, static_cast<std::size_t>(bytes), start_ + offset);
    if (put < 0 && errno != EINTR) {
      fail("written", errno);
    }
    const std::int64_t done = put > 0 ? put : 0;
    place += done;
    offset += done;
    bytes -= done;
  }
}

void ElementFile::sync() const {
  if (::fdatasync(descriptor_) != 0) {
    fail("written", errno);
  }
}

void ElementFile::will_read(std::int64_t bytes, std::int64_t offset) const {
  ::posix_fadvise(descriptor_, start_ + offset, bytes, POSIX_FADV_WILLNEED);
}

}  // namespace steepest::data
