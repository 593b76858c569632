// SPDX-License-Identifier: Apache-2.0
// Globs are expanded here as well as by the shell, so that quoted patterns and scripts work.
#include "src/data/input_files.hpp"

#include <glob.h>
#include <sys/stat.h>

#include <algorithm>

#include "steepest/error.hpp"

namespace steepest::data {
namespace {

bool exists(const std::string& path) {
  struct stat status {};
  return ::lstat(path.c_str(), &status) == 0;
}

void append_matches(const std::string& pattern, std::vector<std::string>& files) {
  struct Matches {
    glob_t found{};
    Matches() = default;
    Matches(const Matches&) = delete;
    Matches& operator=(const Matches&) = delete;
    ~Matches() { ::globfree(&found); }
  } matches;
  if (::glob(pattern.c_str(), 0, nullptr, &matches.found) != 0 || matches.found.gl_pathc == 0) {
    throw InputError(Location{pattern}, "no file matches this pattern");
  }
  files.insert(files.end(), matches.found.gl_pathv,
               matches.found.gl_pathv + matches.found.gl_pathc);
}

}  // namespace

std::vector<std::string> input_files(const std::vector<std::string>& paths) {
  if (paths.empty()) {
    throw OptionError("no input was named: give files, glob patterns, or - for standard input");
  }
  if (std::count(paths.begin(), paths.end(), "-") > 1) {
    throw OptionError("standard input (-) is named twice: it can be read only once");
  }
  std::vector<std::string> files;
  for (const std::string& path : paths) {
    if (path != "-" && path.find_first_of("*?[") != std::string::npos && !exists(path)) {
      append_matches(path, files);
    } else {
      files.push_back(path);
    }
  }
  return files;
}

std::int64_t total_bytes(const std::vector<std::string>& files) {
  std::int64_t total = 0;
  for (const std::string& file : files) {
    struct stat status {};
    const int failed = file == "-" ? ::fstat(0, &status) : ::stat(file.c_str(), &status);
    if (failed != 0 || !S_ISREG(status.st_mode)) {
      return 0;
    }
    total += status.st_size;
  }
  return total;
}

}  // namespace steepest::data
