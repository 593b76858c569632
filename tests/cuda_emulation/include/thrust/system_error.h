// SPDX-License-Identifier: Apache-2.0
// Stands in for Thrust's header of this name.
#pragma once

#include <stdexcept>

namespace thrust {

// The name is Thrust's. NOLINTNEXTLINE(readability-identifier-naming)
struct system_error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

}  // namespace thrust
