// SPDX-License-Identifier: Apache-2.0
// The threads of one block, as fibers of one host thread that switch at barriers.
#pragma once

#include <cstddef>
#include <functional>

namespace steepest::emulation {

struct Index {
  unsigned x = 0;
  unsigned y = 0;
  unsigned z = 0;
};

/// The thread that runs: threadIdx.
extern Index current_thread;

inline constexpr unsigned warp_threads = 32;

/// Which of the blocks that run together the thread that runs is of.
extern unsigned current_rank;

/// Runs body once a thread, for `threads` threads of each of `blocks` blocks of a cluster, or of a
/// cooperative launch. Each
/// runs alone until it ends or waits at a barrier, of its block or of its warp; when all have,
/// those that wait go on, every time in another order. So a missing barrier is seen when its
/// absence lets some order of whole stretches between barriers change the result; that threads
/// interleave within a stretch is not emulated, and the threads of a warp meet where they exchange
/// values and nowhere else. Calls misuse() when some threads end while others wait, or when they
/// wait at different lines; the same of the threads of one warp. Of the blocks of a cluster one
/// goes on at a time, by chance, up to its next barrier, and waits for the others at barriers of
/// the cluster alone.
void run_cluster(unsigned blocks, unsigned threads, const std::function<void()>& body);

/// As above, of one block.
void run_block(unsigned threads, const std::function<void()>& body);

/// A barrier of all blocks of the cluster at a line of the source.
void wait_for_cluster(unsigned line);

/// __syncthreads() at a line of the source.
void wait_at_barrier(unsigned line);

/// __syncwarp() of all threads of the warp at a line of the source.
void wait_for_warp(unsigned line);

/// Calls misuse() unless the mask names all threads of a warp: parts of one are not emulated.
void require_whole_warp(unsigned mask);

inline constexpr std::size_t most_given_bytes = 24;

/// Every thread of a warp gives `bytes` <= most_given_bytes and gets those of `lane`, at a line of
/// the source.
void exchange_in_warp(const void* mine, unsigned lane, std::size_t bytes, void* other,
                      unsigned line);

/// As above, and gets those of all lanes, lane by lane.
void gather_from_warp(const void* mine, std::size_t bytes, void* all, unsigned line);

}  // namespace steepest::emulation
