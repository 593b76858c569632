// SPDX-License-Identifier: Apache-2.0
// --memory and --cache: how much data is held, and where the rest goes.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "src/cli/data_options.hpp"
#include "src/cli/memory_limit.hpp"
#include "steepest/error.hpp"

namespace steepest::cli {
namespace {

constexpr std::int64_t least_memory = std::int64_t{64} << 20;

std::int64_t half_of_memory() { return std::max(least_memory, memory_limit().bytes / 2); }

// "1G", "1.5GB", "500MiB", "2000000": units of 1024.
std::int64_t parse_size(const std::string& text) {
  double number = 0.0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number);
  std::string unit(rest, end);
  std::transform(unit.begin(), unit.end(), unit.begin(),
                 [](unsigned char letter) { return static_cast<char>(std::toupper(letter)); });
  const std::size_t power = unit.empty() || unit == "B" ? 0 : 1 + std::string("KMGT").find(unit[0]);
  const std::string tail = unit.empty() ? "" : unit.substr(power == 0 ? unit.size() : 1);
  const bool known = power <= 4 && (tail.empty() || tail == "B" || tail == "IB");
  const double bytes = number * std::pow(1024.0, static_cast<double>(known ? power : 0));
  if (error != std::errc() || !known || !(bytes > 0.0) || bytes > 9e18) {
    throw OptionError(
        fmt::format("--memory \"{}\" is not a size: write 500M, 1G or 1.5G, say", text));
  }
  if (bytes < static_cast<double>(least_memory)) {
    throw OptionError(
        fmt::format("--memory {} is too little to work with: give 64M at least", text));
  }
  return static_cast<std::int64_t>(bytes);
}

// A disk, where the system has the usual folders: /tmp is memory on many.
std::string default_cache() {
  const char* const given = std::getenv("TMPDIR");
  if (given != nullptr && *given != '\0') {
    return given;
  }
  return access("/var/tmp", W_OK) == 0 ? "/var/tmp" : "/tmp";
}

// Told before the rows are read that would fill the memory first.
void check_cache(const std::string& folder) {
  std::error_code error;
  const bool is_folder = std::filesystem::is_directory(folder, error);
  if (!is_folder || access(folder.c_str(), W_OK | X_OK) != 0) {
    throw InputError(fmt::format("--cache {}: {}: give a folder that can be written", folder,
                                 is_folder ? std::generic_category().message(errno)
                                 : error   ? error.message()
                                           : "it is no folder"));
  }
}

}  // namespace

std::int64_t MemoryOptions::bytes() const {
  return memory.empty() ? half_of_memory() : parse_size(memory);
}

RowStorage MemoryOptions::storage() const {
  constexpr std::int64_t program_bytes = std::int64_t{96} << 20;
  const std::int64_t all = bytes();
  if (!cache.empty()) {
    check_cache(cache);
  }
  return {all - std::min(program_bytes, all / 4), cache.empty() ? default_cache() : cache};
}

void add_memory_options(CLI::App& app, MemoryOptions& options) {
  app.add_option("--memory", options.memory,
                 "most memory for data, such as 500M or 8G; more than fits is kept in files; "
                 "default: half of what there is");
  app.add_option("--cache", options.cache,
                 "folder for rows that do not fit in memory; default: $TMPDIR or /var/tmp");
}

}  // namespace steepest::cli
