// SPDX-License-Identifier: Apache-2.0
#include "src/data/new_folder.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "src/data/json_file.hpp"
#include "src/model/part_name.hpp"
#include "steepest/error.hpp"

namespace steepest::data {
namespace {

namespace fs = std::filesystem;

bool is_table(const std::string& folder) {
  return JsonFile(folder + "/" + schema_name, "table", table_format_name, table_format_version)
      .json()
      .is_object();
}

// An empty folder, or one with the files of a table and nothing else.
[[nodiscard]] bool is_replaceable(const std::string& folder) {
  std::error_code error;
  bool has_schema = false;
  std::int64_t files = 0;
  fs::directory_iterator entry(folder, error);
  for (const fs::directory_iterator end; !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    has_schema = has_schema || name == schema_name;
    ++files;
    if (name != schema_name && name != features_name && name != targets_name &&
        name != weights_name) {
      return false;
    }
  }
  try {
    return !error && (files == 0 || (has_schema && is_table(folder)));
  } catch (const InputError&) {
    return false;
  }
}

std::string without_slash(std::string path) {
  while (path.size() > 1 && path.back() == '/') {
    path.pop_back();
  }
  return path;
}

}  // namespace

NewFolder::NewFolder(const std::string& path, const FolderIdentity& left)
    : path_(without_slash(path)), part_(part_name(path_)) {
  if (fs::exists(path_)) {
    expect_replaceable(path_);
    remove_abandoned_parts(path_ + ".replaced");
  }
  goes_on_ = left.born != 0 && adopt_abandoned_part(path_, [&](int descriptor) {
               const FolderIdentity found = identity_of(descriptor);
               return found.device == left.device && found.number == left.number &&
                      found.born == left.born;
             });
  if (goes_on_) {
    lock();  // or it would be one of those removed
    remove_all_but_features();
  }
  remove_abandoned_parts(path_);
  std::error_code error;
  if (!goes_on_ && !fs::create_directory(part_, error)) {
    throw InputError(Location{path_}, fmt::format("cannot be written: {}",
                                                  error ? error.message() : part_ + " is there"));
  }
  if (!goes_on_) {
    lock();
  }
}

void NewFolder::lock() {
  lock_ = ::open(part_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (lock_ >= 0) {
    mark_as_written(lock_);
  }
}

// Targets, weights and schema are written anew.
void NewFolder::remove_all_but_features() const {
  std::error_code ignored;
  std::vector<fs::path> others;
  for (const auto& entry : fs::directory_iterator(part_, ignored)) {
    if (entry.path().filename() != features_name) {
      others.push_back(entry.path());
    }
  }
  for (const fs::path& other : others) {
    fs::remove_all(other, ignored);
  }
}

NewFolder::~NewFolder() {
  std::error_code ignored;
  if (!is_kept_) {
    fs::remove_all(part_, ignored);
  }
  if (lock_ >= 0) {
    ::close(lock_);
  }
}

FolderIdentity NewFolder::identity() const {
  return lock_ < 0 ? FolderIdentity{} : identity_of(lock_);
}

FolderIdentity identity_of(int descriptor) {
  struct statx status {};
  if (::statx(descriptor, "", AT_EMPTY_PATH, STATX_INO | STATX_BTIME, &status) != 0 ||
      (status.stx_mask & STATX_BTIME) == 0) {
    return {};
  }
  constexpr std::int64_t nanoseconds = 1'000'000'000;
  return {static_cast<std::int64_t>(makedev(status.stx_dev_major, status.stx_dev_minor)),
          static_cast<std::int64_t>(status.stx_ino),
          status.stx_btime.tv_sec * nanoseconds + status.stx_btime.tv_nsec};
}

void NewFolder::commit() {
  if (::renameat2(AT_FDCWD, part_.c_str(), AT_FDCWD, path_.c_str(), RENAME_NOREPLACE) == 0) {
    return;
  }
  if (errno == EEXIST &&
      ::renameat2(AT_FDCWD, part_.c_str(), AT_FDCWD, path_.c_str(), RENAME_EXCHANGE) == 0) {
    if (!is_replaceable(part_)) {
      take_back();
    }
    return;
  }
  const bool knows_no_exchange = errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP;
  if (!knows_no_exchange || !renamed_in_turn()) {
    throw InputError(Location{path_}, fmt::format("cannot be put in its place: {}",
                                                  std::generic_category().message(errno)));
  }
}

// Where the file system cannot exchange two names.
bool NewFolder::renamed_in_turn() {
  const bool replaces = fs::exists(path_);
  const std::string old = part_name(path_ + ".replaced");
  if (replaces) {
    expect_replaceable(path_);
    if (std::rename(path_.c_str(), old.c_str()) != 0) {
      return false;
    }
  }
  const bool done = std::rename(part_.c_str(), path_.c_str()) == 0;
  const int reason = errno;
  if (replaces && done) {
    std::error_code ignored;
    fs::remove_all(old, ignored);
  } else if (replaces) {
    static_cast<void>(std::rename(old.c_str(), path_.c_str()));
  }
  errno = reason;
  return done;
}

// What was found in our place goes back to it, or stays whole beside it.
void NewFolder::take_back() {
  if (::renameat2(AT_FDCWD, part_.c_str(), AT_FDCWD, path_.c_str(), RENAME_EXCHANGE) != 0) {
    const std::string kept = std::exchange(part_, "");
    throw InputError(Location{path_},
                     "was written, but what another program had put here is now " + kept);
  }
  expect_replaceable(path_);
  throw InputError(Location{path_}, "was changed by another program while it was written");
}

void NewFolder::expect_replaceable(const std::string& folder) const {
  if (!is_replaceable(folder)) {
    throw InputError(Location{path_},
                     "stands here already and is no folder that convert wrote: it is left alone");
  }
}

}  // namespace steepest::data
