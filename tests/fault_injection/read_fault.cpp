// SPDX-License-Identifier: Apache-2.0
// A library to preload: what happens to a file while it is read. STEEPEST_FAULT is KIND:BYTE:PATH.
// When that byte of the file is first asked for, `error` fails the read as a broken disk does (this
// time and ever after), `cut` ends the file there, `grow` appends to it, and `touch` writes its
// first byte anew.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <string>

namespace {

struct Fault {
  std::string kind;
  long byte = 0;
  std::string path;
  std::atomic<bool> done{false};

  Fault() {
    const char* const text = std::getenv("STEEPEST_FAULT");
    const std::string all = text != nullptr ? text : "";
    const std::size_t first = all.find(':');
    const std::size_t second = all.find(':', first + 1);
    if (second != std::string::npos) {
      kind = all.substr(0, first);
      byte = std::atol(all.c_str() + first + 1);
      path = all.substr(second + 1);
    }
  }

  bool is_of(int descriptor) const {
    struct stat one {};
    struct stat other {};
    return !path.empty() && fstat(descriptor, &one) == 0 && stat(path.c_str(), &other) == 0 &&
           one.st_dev == other.st_dev && one.st_ino == other.st_ino;
  }

  // Whether the read is to fail.
  bool strikes(int descriptor, std::size_t count, long offset) {
    if (kind.empty() || offset + static_cast<long>(count) <= byte || !is_of(descriptor)) {
      return false;
    }
    if (kind == "error") {
      errno = EIO;
      return true;
    }
    if (!done.exchange(true)) {
      change();
    }
    return false;
  }

  void change() const {
    if (kind == "cut") {
      static_cast<void>(!truncate(path.c_str(), byte));
      return;
    }
    const int file = open(path.c_str(), O_RDWR | (kind == "grow" ? O_APPEND : 0));
    char first = '\n';
    if (kind == "touch") {
      using Pread = ssize_t (*)(int, void*, std::size_t, off_t);
      static const auto real = reinterpret_cast<Pread>(dlsym(RTLD_NEXT, "pread"));
      static_cast<void>(!real(file, &first, 1, 0));
    }
    static_cast<void>(!write(file, &first, 1));
    close(file);
  }
};

Fault& fault() {
  static Fault only;
  return only;
}

}  // namespace

extern "C" {

ssize_t read(int descriptor, void* to, std::size_t count) {
  using Read = ssize_t (*)(int, void*, std::size_t);
  static const auto real = reinterpret_cast<Read>(dlsym(RTLD_NEXT, "read"));
  if (fault().strikes(descriptor, count, lseek(descriptor, 0, SEEK_CUR))) {
    return -1;
  }
  return real(descriptor, to, count);
}

ssize_t pread(int descriptor, void* to, std::size_t count, off_t offset) {
  using Pread = ssize_t (*)(int, void*, std::size_t, off_t);
  static const auto real = reinterpret_cast<Pread>(dlsym(RTLD_NEXT, "pread"));
  if (fault().strikes(descriptor, count, offset)) {
    return -1;
  }
  return real(descriptor, to, count, offset);
}

ssize_t pread64(int descriptor, void* to, std::size_t count, off_t offset) {
  return pread(descriptor, to, count, offset);
}

}  // extern "C"
