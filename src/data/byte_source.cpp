// SPDX-License-Identifier: Apache-2.0
// Plain read in 1 MB blocks is at least as fast as mmap, and serves pipes too.
#include "src/data/byte_source.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include "steepest/error.hpp"

namespace steepest::data {
namespace {

std::string reason(int code) {
  switch (code) {
    case ENOENT:
      return "no such file";
    case EACCES:
      return "permission denied: the file cannot be read";
    default:
      return "cannot be read: " + std::generic_category().message(code);
  }
}

}  // namespace

ByteSource::ByteSource(const std::string& path) : name_(path == "-" ? "<stdin>" : path) {
  descriptor_ = path == "-" ? STDIN_FILENO : ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor_ < 0) {
    throw InputError(Location{name_}, reason(errno));
  }
  struct stat status {};
  if (::fstat(descriptor_, &status) == 0 && S_ISDIR(status.st_mode)) {
    if (descriptor_ != STDIN_FILENO) {
      ::close(descriptor_);
    }
    throw InputError(Location{name_}, "is a directory, not a CSV file");
  }
  stamp_ = FileStamp(descriptor_);
  if (S_ISREG(status.st_mode)) {
    start_ = ::lseek(descriptor_, 0, SEEK_CUR);
    seekable_ = start_ >= 0;
    ::posix_fadvise(descriptor_, 0, 0, POSIX_FADV_SEQUENTIAL);
  }
  tell_compression();
}

ByteSource::~ByteSource() {
  if (descriptor_ > STDIN_FILENO) {
    ::close(descriptor_);
  }
}

void ByteSource::tell_compression() {
  begun_.resize(Decompressor::magic_bytes);
  std::int64_t have = 0;
  for (std::int64_t got = 1; got > 0 && have < Decompressor::magic_bytes; have += got) {
    got = read_file(begun_.data() + have, Decompressor::magic_bytes - have);
  }
  begun_.resize(static_cast<std::size_t>(have));
  file_bytes_ = 0;
  if (seekable_ && ::lseek(descriptor_, -have, SEEK_CUR) >= 0) {
    decompressor_ = Decompressor::for_data(
        std::exchange(begun_, {}), name_,
        [this](char* destination, std::int64_t count) { return read_file(destination, count); });
  } else {
    decompressor_ = Decompressor::for_data(
        begun_, name_,
        [this](char* destination, std::int64_t count) { return read_begun(destination, count); });
  }
}

std::int64_t ByteSource::read(char* destination, std::int64_t count) {
  return compressed() ? decompressor_->read(destination, count) : read_begun(destination, count);
}

// What was read to tell the compression, then the file.
std::int64_t ByteSource::read_begun(char* destination, std::int64_t count) {
  if (begun_.empty()) {
    return read_file(destination, count);
  }
  const std::int64_t bytes = std::min(count, static_cast<std::int64_t>(begun_.size()));
  std::memcpy(destination, begun_.data(), static_cast<std::size_t>(bytes));
  begun_.erase(0, static_cast<std::size_t>(bytes));
  file_bytes_ += bytes;
  return bytes;
}

std::int64_t ByteSource::read_file(char* destination, std::int64_t count) {
  for (;;) {
    const ssize_t got = ::read(descriptor_, destination, static_cast<std::size_t>(count));
    if (got >= 0) {
      file_bytes_ += got;
      return got;
    }
    if (errno != EINTR) {
      throw InputError(Location{name_}, reason(errno));
    }
  }
}

std::int64_t ByteSource::read_at(char* destination, std::int64_t count, std::int64_t offset) const {
  for (;;) {
    const ssize_t got =
        ::pread(descriptor_, destination, static_cast<std::size_t>(count), start_ + offset);
    if (got >= 0) {
      return got;
    }
    if (errno != EINTR) {
      throw InputError(Location{name_}, reason(errno));
    }
  }
}

}  // namespace steepest::data
