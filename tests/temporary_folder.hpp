// SPDX-License-Identifier: Apache-2.0
// A folder of one test's own, gone when the test ends.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>

namespace steepest::tests {

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "steepest-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) {
      throw std::runtime_error("mkdtemp failed");
    }
    path_ = pattern;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  /// Full path of a name in the folder.
  [[nodiscard]] std::string path(const std::string& name) const { return (path_ / name).string(); }

  /// Writes these bytes and returns the file's path.
  [[nodiscard]] std::string write(const std::string& name, std::string_view content) const {
    std::ofstream stream(path_ / name, std::ios::binary);
    stream << content;
    if (!stream.flush()) {
      throw std::runtime_error("cannot write " + path(name));
    }
    return path(name);
  }

  [[nodiscard]] std::string read(const std::string& name) const {
    std::ifstream stream(path_ / name, std::ios::binary);
    if (!stream) {
      throw std::runtime_error("cannot read " + path(name));
    }
    std::ostringstream content;
    content << stream.rdbuf();
    return content.str();
  }

  /// Names in the folder, so that leftovers are seen.
  [[nodiscard]] std::int64_t entries() const {
    std::int64_t count = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(path_)) {
      ++count;
    }
    return count;
  }

 private:
  std::filesystem::path path_;
};

}  // namespace steepest::tests
