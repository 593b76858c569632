// SPDX-License-Identifier: Apache-2.0
// Tells AddressSanitizer, where it watches, on which stack a thread goes on.
#pragma once

#include <csetjmp>
#include <cstddef>

#if defined(__SANITIZE_ADDRESS__)
#define STEEPEST_WATCHED_STACKS 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define STEEPEST_WATCHED_STACKS 1
#endif
#endif

#ifdef STEEPEST_WATCHED_STACKS
#include <dlfcn.h>
#include <sanitizer/common_interface_defs.h>
#endif

namespace steepest::emulation {

#ifdef STEEPEST_WATCHED_STACKS
inline constexpr bool watched_stacks = true;
#else
inline constexpr bool watched_stacks = false;
#endif

/// Goes on where `place` was set, on its stack.
inline void jump_to(std::jmp_buf& place) {
#ifdef STEEPEST_WATCHED_STACKS
  // The sanitizer's own longjmp() forgets all it knows of the stack, since it takes the frames
  // between to have ended, and asks the kernel for its bounds. Here no frame ends.
  using Jump = void (*)(std::jmp_buf, int);
  static const auto jump = reinterpret_cast<Jump>(dlsym(RTLD_NEXT, "_longjmp"));
  jump(place, 1);
#else
  _longjmp(place, 1);
#endif
}

struct StackPlace {
  const void* bottom = nullptr;
  std::size_t bytes = 0;
};

/// What one stack keeps while another runs.
class StackSwitch {
 public:
  /// Before the switch.
  void to([[maybe_unused]] const StackPlace& other) {
#ifdef STEEPEST_WATCHED_STACKS
    __sanitizer_start_switch_fiber(&kept_, other.bottom, other.bytes);
#endif
  }

  /// The first thing after the switch back, or to a new stack; `from`, if not null, becomes the
  /// place of the stack that ran before.
  void came_back([[maybe_unused]] StackPlace* from) {
#ifdef STEEPEST_WATCHED_STACKS
    StackPlace before;
    __sanitizer_finish_switch_fiber(kept_, &before.bottom, &before.bytes);
    if (from != nullptr) {
      *from = before;
    }
#endif
  }

 private:
  [[maybe_unused]] void* kept_ = nullptr;
};

}  // namespace steepest::emulation
