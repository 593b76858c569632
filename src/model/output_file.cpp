// SPDX-License-Identifier: Apache-2.0
#include "steepest/output_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "src/model/part_name.hpp"
#include "steepest/error.hpp"

namespace steepest {

OutputFile::OutputFile(std::string path) : path_(std::move(path)) {
  struct stat status = {};
  if (stat(path_.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) {
    throw InputError(fmt::format("{}: cannot be written: it is a directory", path_));
  }
  remove_abandoned_parts(path_);
  temporary_ = part_name(path_);
  file_ = std::fopen(temporary_.c_str(), "wb");
  if (file_ == nullptr) {
    fail("written");
  }
  mark_as_written(fileno(file_));
}

OutputFile::~OutputFile() {
  if (file_ != nullptr) {
    std::fclose(file_);
    unlink(temporary_.c_str());
  }
}

void OutputFile::write(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), file_) != text.size()) {
    fail("written");
  }
}

void OutputFile::write_start(std::string_view text) {
  if (std::fseek(file_, 0, SEEK_SET) != 0) {
    fail("written");
  }
  write(text);
  if (std::fseek(file_, 0, SEEK_END) != 0) {
    fail("written");
  }
}

void OutputFile::commit() {
  if (std::fflush(file_) != 0 || fsync(fileno(file_)) != 0) {
    fail("written");
  }
  const int closed = std::fclose(std::exchange(file_, nullptr));
  if (closed != 0 || std::rename(temporary_.c_str(), path_.c_str()) != 0) {
    const int reason = errno;
    unlink(temporary_.c_str());
    errno = reason;
    fail("put in its place");
  }
}

void OutputFile::fail(std::string_view doing) {
  throw InputError(fmt::format("{}: cannot be {}: {}", path_, doing, std::strerror(errno)));
}

}  // namespace steepest
