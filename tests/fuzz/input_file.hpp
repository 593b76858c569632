// SPDX-License-Identifier: Apache-2.0
// A folder of one fuzzer's own, for targets that read files.
#pragma once

#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

namespace steepest::fuzz {

/// Made at the first call, removed when the process ends in order.
inline const std::filesystem::path& own_folder() {
  struct Folder {
    Folder() {
      std::string name = std::filesystem::temp_directory_path() / "steepest-fuzz-XXXXXX";
      if (::mkdtemp(name.data()) == nullptr) {
        std::abort();
      }
      path = name;
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    ~Folder() {
      std::error_code ignored;
      std::filesystem::remove_all(path, ignored);
    }
    std::filesystem::path path;
  };
  static const Folder folder;
  return folder.path;
}

/// Writes bytes to a file of that folder; its path.
inline std::string write_input(const std::string& name, std::string_view bytes) {
  const std::filesystem::path path = own_folder() / name;
  std::ofstream(path, std::ios::binary)
      .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  return path.string();
}

inline std::string_view bytes_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

/// Ends the process, as a fuzzer's finding, unless `holds`.
inline void require(bool holds, const char* what) {
  if (!holds) {
    std::fprintf(stderr, "fuzz: this does not hold: %s\n", what);
    std::abort();
  }
}

}  // namespace steepest::fuzz
