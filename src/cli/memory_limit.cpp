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

std::int64_t group_limit() {
  for (const char* path :
       {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}) {
    std::ifstream file(path);
    std::int64_t bytes = 0;
    if (file >> bytes && bytes > 0) {
      return bytes;
    }
  }
  return unlimited;
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
