// SPDX-License-Identifier: Apache-2.0
// Whether this build has a sanitizer, which takes memory and time of its own: GCC's macros, and
// Clang's features, as one macro STEEPEST_SANITIZED.
#pragma once

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define STEEPEST_SANITIZED
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define STEEPEST_SANITIZED
#endif
#endif
