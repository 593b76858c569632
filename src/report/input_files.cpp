// SPDX-License-Identifier: Apache-2.0
// The SHA-256 of what a run read, as sha256sum gives it.
#include "src/data/input_files.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <memory>

#include "src/report/page.hpp"
#include "steepest/error.hpp"

namespace steepest::report {
namespace {

namespace fs = std::filesystem;

InputFile hash_of(const std::string& path) {
  InputFile result{path, 0, ""};
  std::error_code error;
  if (!fs::is_regular_file(path, error)) {
    return result;
  }
  std::ifstream file(path, std::ios::binary);
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                        &EVP_MD_CTX_free);
  if (!file || !context || EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr) != 1) {
    return result;
  }
  std::vector<char> buffer(std::size_t{1} << 20);
  while (file.read(buffer.data(), static_cast<std::streamsize>(buffer.size())) ||
         file.gcount() > 0) {
    result.bytes += file.gcount();
    EVP_DigestUpdate(context.get(), buffer.data(), static_cast<std::size_t>(file.gcount()));
  }
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int length = 0;
  if (file.bad() || EVP_DigestFinal_ex(context.get(), digest.data(), &length) != 1) {
    return result;
  }
  for (unsigned int i = 0; i < length; ++i) {
    result.sha256 += fmt::format("{:02x}", digest[i]);
  }
  return result;
}

// Patterns as the reader takes them; as they stand where they no longer match.
std::vector<std::string> expanded(const std::vector<std::string>& paths) {
  try {
    return data::input_files(paths);
  } catch (const InputError&) {
    return paths;
  }
}

}  // namespace

std::vector<InputFile> input_files(std::vector<std::string> paths) {
  paths.erase(std::remove(paths.begin(), paths.end(), ""), paths.end());
  std::vector<InputFile> files;
  if (paths.empty()) {
    return files;
  }
  for (const std::string& path : expanded(paths)) {
    std::error_code error;
    if (!fs::is_directory(path, error)) {
      files.push_back(hash_of(path));
      continue;
    }
    std::vector<std::string> inside;
    for (const auto& entry : fs::directory_iterator(path, error)) {
      inside.push_back(entry.path().string());
    }
    std::sort(inside.begin(), inside.end());
    std::transform(inside.begin(), inside.end(), std::back_inserter(files), hash_of);
  }
  return files;
}

}  // namespace steepest::report
