// SPDX-License-Identifier: Apache-2.0
#include "src/cli/memory_limit.hpp"

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <limits>

#include "src/cli/progress_bar.hpp"

namespace steepest::cli {
namespace {

constexpr std::int64_t unlimited = std::numeric_limits<std::int64_t>::max();

// Of a control group and all it lies in.
std::int64_t least_along(const std::string& root, std::string path, const char* file_name) {
  std::int64_t least = unlimited;
  for (;;) {
    std::ifstream file(root + path + "/" + file_name);
    std::int64_t bytes = 0;
    if (file >> bytes && bytes > 0) {
      least = std::min(least, bytes);
    }
    const std::size_t end = path.rfind('/');
    if (path.empty() || end == std::string::npos) {
      return least;
    }
    path.resize(end);
  }
}

// Lines of /proc/self/cgroup are NUMBER:CONTROLLERS:PATH; version 2 has one, without controllers.
std::int64_t group_limit() {
  const std::string root = "/sys/fs/cgroup";
  std::int64_t least = std::min(least_along(root, "", "memory.max"),
                                least_along(root + "/memory", "", "memory.limit_in_bytes"));
  std::ifstream groups("/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) {
      continue;
    }
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const std::string path = line.substr(second + 1);
    if (controllers.empty()) {
      least = std::min(least, least_along(root, path, "memory.max"));
    } else if (("," + controllers + ",").find(",memory,") != std::string::npos) {
      least = std::min(least, least_along(root + "/memory", path, "memory.limit_in_bytes"));
    }
  }
  return least;
}

std::int64_t process_limit(__rlimit_resource what) {
  rlimit limit{};
  return getrlimit(what, &limit) == 0 && limit.rlim_cur < static_cast<rlim_t>(unlimited)
             ? static_cast<std::int64_t>(limit.rlim_cur)
             : unlimited;
}

// Of /proc/self/status, in bytes; 0 where it is not known.
std::int64_t status_bytes(const std::string& key) {
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(key)) {
      return std::strtoll(line.c_str() + key.size(), nullptr, 10) * 1024;
    }
  }
  return 0;
}

}  // namespace

MemoryLimit memory_limit() {
  const std::int64_t machine =
      static_cast<std::int64_t>(sysconf(_SC_PHYS_PAGES)) * sysconf(_SC_PAGE_SIZE);
  const MemoryLimit limits[] = {{machine, "this machine"},
                                {group_limit(), "the control group"},
                                {process_limit(RLIMIT_AS), "ulimit -v"},
                                {process_limit(RLIMIT_DATA), "ulimit -d"}};
  return *std::min_element(
      std::begin(limits), std::end(limits),
      [](const MemoryLimit& a, const MemoryLimit& b) { return a.bytes < b.bytes; });
}

std::string memory_ran_out() {
  const MemoryLimit limit = memory_limit();
  const bool is_address_space = limit.of == "ulimit -v";
  const std::int64_t had = status_bytes(is_address_space ? "VmPeak:" : "VmHWM:");
  constexpr std::int64_t mebi = std::int64_t{1} << 20;
  const std::int64_t suggested = std::max<std::int64_t>(64, limit.bytes / 4 / mebi);
  return fmt::format(
      "memory ran out: {} of {} ({}) were in use when more was needed. Fixes: --memory {}M, "
      "which keeps rows in a file where they do not fit; fewer columns (--features, --ignore), "
      "fewer categories, or fewer --threads",
      format_bytes(static_cast<double>(had)), format_bytes(static_cast<double>(limit.bytes)),
      limit.of, suggested);
}

}  // namespace steepest::cli
