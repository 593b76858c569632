// SPDX-License-Identifier: Apache-2.0
// How much memory this process may have, and what to say when it had all of it.
#pragma once

#include <cstdint>
#include <string>

namespace steepest::cli {

struct MemoryLimit {
  std::int64_t bytes = 0;
  std::string of;  ///< "this machine", "the control group", "ulimit -v"
};

/// The least of the machine's memory, the limit of its control group (version 2 or 1), and those of
/// the process on address space and data.
[[nodiscard]] MemoryLimit memory_limit();

/// One sentence: how much there was, of how much, and what to try.
[[nodiscard]] std::string memory_ran_out();

}  // namespace steepest::cli
