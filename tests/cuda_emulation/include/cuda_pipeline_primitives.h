// SPDX-License-Identifier: Apache-2.0
// Stands in for CUDA's header of this name. Copies are done when they are asked for: that a kernel
// reads them before it has waited is not seen.
#pragma once

#include <cstddef>
#include <cstring>

// The names are CUDA's. NOLINTBEGIN(readability-identifier-naming,bugprone-reserved-identifier)

inline void __pipeline_memcpy_async(void* shared, const void* global, std::size_t bytes) {
  std::memcpy(shared, global, bytes);
}

inline void __pipeline_commit() {}

inline void __pipeline_wait_prior(std::size_t /*batches*/) {}

// NOLINTEND(readability-identifier-naming,bugprone-reserved-identifier)
