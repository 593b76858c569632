// SPDX-License-Identifier: Apache-2.0
// The threads of one block, as fibers of one host thread that switch at barriers.
#pragma once

#include <functional>

namespace steepest::emulation {

struct Index {
  unsigned x = 0;
  unsigned y = 0;
  unsigned z = 0;
};

/// The thread that runs: threadIdx.
extern Index current_thread;

/// Runs body once a thread, for `threads` threads. Each runs alone until it ends or waits at a
/// barrier; when all have, those that wait go on, every time in another order. So a missing barrier
/// is seen when its absence lets some order of whole stretches between barriers change the result;
/// that threads interleave within a stretch, or run in lockstep as a warp, is not emulated.
/// Calls misuse() when some threads end while others wait, or when they wait at different lines.
void run_block(unsigned threads, const std::function<void()>& body);

/// __syncthreads() at a line of the source.
void wait_at_barrier(unsigned line);

}  // namespace steepest::emulation
