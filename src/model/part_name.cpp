// SPDX-License-Identifier: Apache-2.0
#include "src/model/part_name.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <optional>
#include <string_view>

namespace steepest {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view ending = ".part";

// The writer of "<stem>.<process>.part"; nothing for other names. The stem is cut out of `name`.
std::optional<pid_t> writer_of(std::string& name) {
  if (name.size() <= ending.size() ||
      std::string_view(name).substr(name.size() - ending.size()) != ending) {
    return std::nullopt;
  }
  name.resize(name.size() - ending.size());
  const std::size_t dot = name.rfind('.');
  if (dot == std::string::npos) {
    return std::nullopt;
  }
  pid_t process = 0;
  const char* const end = name.data() + name.size();
  const auto [stopped, error] = std::from_chars(name.data() + dot + 1, end, process);
  if (error != std::errc() || stopped != end || process <= 0) {
    return std::nullopt;
  }
  name.resize(dot);
  return process;
}

bool is_locked(const fs::path& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) {
    return true;
  }
  const bool locked = ::flock(descriptor, LOCK_EX | LOCK_NB) != 0;
  ::close(descriptor);
  return locked;
}

// Calls body(path) for parts whose process has ended.
void for_each_abandoned(const fs::path& folder,
                        const std::function<bool(const std::string& stem)>& is_ours,
                        const std::function<void(const fs::path& part)>& body) {
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    std::string name = entry->path().filename().string();
    const std::optional<pid_t> writer = writer_of(name);
    if (!writer || !is_ours(name)) {
      continue;
    }
    // Of two containers' processes both may have this number: folders are locked while they are
    // written.
    std::error_code ignored;
    const bool is_old = *writer == ::getpid() && entry->is_directory(ignored);
    if ((is_old || (::kill(*writer, 0) != 0 && errno == ESRCH)) && !is_locked(entry->path())) {
      body(entry->path());
    }
  }
}

void remove(const fs::path& part) {
  std::error_code ignored;
  fs::remove_all(part, ignored);
}

fs::path folder_of(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

}  // namespace

std::string part_name(const std::string& path) {
  return fmt::format("{}.{}{}", path, ::getpid(), ending);
}

void remove_abandoned_parts(const std::string& path) {
  const fs::path whole(path);
  for_each_abandoned(
      folder_of(whole), [&](const std::string& stem) { return stem == whole.filename().string(); },
      remove);
}

void remove_abandoned_parts_in(const std::string& folder,
                               const std::function<bool(const std::string& name)>& is_ours) {
  for_each_abandoned(folder, is_ours, remove);
}

bool adopt_abandoned_part(const std::string& path,
                          const std::function<bool(int descriptor)>& is_it) {
  const fs::path whole(path);
  bool adopted = false;
  for_each_abandoned(
      folder_of(whole), [&](const std::string& stem) { return stem == whole.filename().string(); },
      [&](const fs::path& part) {
        const int descriptor = ::open(part.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        if (descriptor < 0) {
          return;
        }
        if (!adopted && is_it(descriptor)) {
          adopted = std::rename(part.c_str(), part_name(path).c_str()) == 0;
        }
        ::close(descriptor);
      });
  return adopted;
}

void mark_as_written(int descriptor) { static_cast<void>(::flock(descriptor, LOCK_EX | LOCK_NB)); }

}  // namespace steepest
