// SPDX-License-Identifier: Apache-2.0
#include "tests/cuda_emulation/block.hpp"

#include <ucontext.h>

#include <algorithm>
#include <csetjmp>
#include <cstddef>
#include <cstring>
#include <memory>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "tests/cuda_emulation/emulation.hpp"
#include "tests/cuda_emulation/stack_switch.hpp"

namespace steepest::emulation {

Index current_thread;
unsigned current_rank = 0;

namespace {

constexpr unsigned start_line = ~0U;  // of threads that wait for their block's turn

constexpr std::size_t stack_bytes = std::size_t{watched_stacks ? 512 : 64} << 10;

// Made once and used for many blocks: ucontext only starts it, because swapcontext() calls the
// kernel at every switch and setjmp() does not.
struct Fiber {
  std::unique_ptr<std::byte[]> stack;
  std::jmp_buf resume{};
  StackSwitch leaves;
  unsigned line = 0;  // of the barrier it waits at; 0: ended
  enum class Group { block, warp, cluster } group = Group::block;  // whose barrier that is
  bool runs = true;

  // What it gives its warp: two places that take turns, because a thread may come to the next
  // exchange while others still read the last.
  std::byte given[2][most_given_bytes] = {};
  unsigned exchanges = 0;
};

std::vector<std::unique_ptr<Fiber>> fibers;
Fiber* running = nullptr;
const std::function<void()>* block_body = nullptr;
unsigned block_threads = 0;
unsigned last_released = 0;  // the first thread of a block
std::jmp_buf scheduler;
ucontext_t creator;
StackSwitch scheduler_leaves;
StackPlace scheduler_stack;

void switch_to_scheduler() {
  if (_setjmp(running->resume) == 0) {
    running->leaves.to(scheduler_stack);
    jump_to(scheduler);
  }
  running->leaves.came_back(&scheduler_stack);
}

void switch_to(Fiber& fiber) {
  running = &fiber;
  if (_setjmp(scheduler) == 0) {
    scheduler_leaves.to({fiber.stack.get(), stack_bytes});
    jump_to(fiber.resume);
  }
  scheduler_leaves.came_back(nullptr);
}

void fiber_main() {
  StackSwitch().came_back(&scheduler_stack);
  if (_setjmp(running->resume) == 0) {
    running->leaves.to(scheduler_stack);
    setcontext(&creator);
  }
  running->leaves.came_back(&scheduler_stack);
  for (;;) {
    (*block_body)();
    running->line = 0;
    switch_to_scheduler();
  }
}

std::unique_ptr<Fiber> make_fiber() {
  auto fiber = std::make_unique<Fiber>();
  fiber->stack.reset(new std::byte[stack_bytes]);  // not cleared, so that most is never touched
  ucontext_t start;
  getcontext(&start);
  start.uc_stack.ss_sp = fiber->stack.get();
  start.uc_stack.ss_size = stack_bytes;
  start.uc_link = nullptr;
  makecontext(&start, fiber_main, 0);
  running = fiber.get();
  scheduler_leaves.to({fiber->stack.get(), stack_bytes});
  swapcontext(&creator, &start);
  scheduler_leaves.came_back(nullptr);
  return fiber;
}

std::string place(const Fiber& fiber) {
  return fiber.line == 0 ? "ended" : "waits at line " + std::to_string(fiber.line);
}

using Group = Fiber::Group;

void require_together(const Fiber& one, const Fiber& other, const char* group) {
  if (one.line != other.line || (one.line != 0 && one.group != other.group)) {
    misuse(std::string("divergent barrier: one thread of a ") + group + " " + place(one) +
           ", another " + place(other));
  }
}

// Lets every warp go on whose threads all wait for each other; true when there is one.
bool release_warps(unsigned blocks, unsigned threads) {
  bool any = false;
  for (unsigned first = 0; first < blocks * threads;) {
    const unsigned end_of_block = (first / threads + 1) * threads;
    const auto begin = fibers.begin() + first;
    const auto end = fibers.begin() + std::min(end_of_block, first + warp_threads);
    first = static_cast<unsigned>(end - fibers.begin());
    const auto waiting =
        std::find_if(begin, end, [](const auto& fiber) { return fiber->group == Group::warp; });
    if (waiting == end) {
      continue;
    }
    any = true;
    std::for_each(begin, end, [&](const auto& fiber) {
      require_together(**waiting, *fiber, "warp");
      fiber->runs = true;
    });
    std::for_each(begin, end, [](const auto& fiber) { fiber->group = Group::block; });
  }
  return any;
}

// Lets one block go on, by chance, whose threads all wait for each other; true when there is one.
bool release_block(unsigned blocks, unsigned threads) {
  std::vector<unsigned> ready;
  for (unsigned first = 0; first < blocks * threads; first += threads) {
    const Fiber& waiting = *fibers[first];
    std::for_each(fibers.begin() + first, fibers.begin() + first + threads,
                  [&](const auto& fiber) { require_together(waiting, *fiber, "block"); });
    if (waiting.line != 0 && waiting.group == Group::block) {
      ready.push_back(first);
    }
  }
  if (ready.empty()) {
    return false;
  }
  // Mostly the one that went on last, so that blocks come to be far apart.
  constexpr unsigned turns = 8;
  const bool another = random_order()() % turns == 0 ||
                       std::find(ready.begin(), ready.end(), last_released) == ready.end();
  const unsigned first = another ? ready[random_order()() % ready.size()] : last_released;
  last_released = first;
  std::for_each(fibers.begin() + first, fibers.begin() + first + threads,
                [](const auto& fiber) { fiber->runs = true; });
  return true;
}

// Runs every thread up to its next barrier of the cluster or its end; true when all have ended.
bool run_stretch(unsigned threads, std::vector<unsigned>& order) {
  const auto blocks = static_cast<unsigned>(order.size()) / threads;
  for (const unsigned thread : order) {
    fibers[thread]->runs = false;
    fibers[thread]->group = Group::block;
    fibers[thread]->line = start_line;
  }
  while (release_warps(blocks, threads) || release_block(blocks, threads)) {
    std::shuffle(order.begin(), order.end(), random_order());
    for (const unsigned thread : order) {
      if (std::exchange(fibers[thread]->runs, false)) {
        current_rank = thread / threads;
        current_thread.x = thread % threads;
        switch_to(*fibers[thread]);
      }
    }
  }
  const Fiber& first = *fibers[order.front()];
  for (const unsigned thread : order) {
    require_together(first, *fibers[thread], "cluster");
  }
  return first.line == 0;
}

unsigned first_of_warp() { return current_thread.x / warp_threads * warp_threads; }

// Of a thread of this block.
Fiber& fiber_of(unsigned thread) { return *fibers[current_rank * block_threads + thread]; }

// Returns the place where all threads of the warp have left theirs.
unsigned give_to_warp(const void* mine, std::size_t bytes, unsigned line) {
  const unsigned turn = running->exchanges++ % 2;
  std::memcpy(running->given[turn], mine, bytes);
  wait_for_warp(line);
  return turn;
}

}  // namespace

void run_cluster(unsigned blocks, unsigned threads, const std::function<void()>& body) {
  while (fibers.size() < std::size_t{blocks} * threads) {
    fibers.push_back(make_fiber());
  }
  block_body = &body;
  block_threads = threads;
  std::vector<unsigned> order(std::size_t{blocks} * threads);
  std::iota(order.begin(), order.end(), 0U);
  for (const unsigned thread : order) {
    fibers[thread]->exchanges = 0;
  }
  while (!run_stretch(threads, order)) {
  }
}

void run_block(unsigned threads, const std::function<void()>& body) {
  run_cluster(1, threads, body);
}

void wait_at_barrier(unsigned line) {
  running->line = line;
  switch_to_scheduler();
}

void wait_for_warp(unsigned line) {
  running->group = Group::warp;
  wait_at_barrier(line);
}

void wait_for_cluster(unsigned line) {
  running->group = Group::cluster;
  wait_at_barrier(line);
}

void require_whole_warp(unsigned mask) {
  if (mask != ~0U) {
    misuse("an exchange of a part of a warp: beyond what is emulated");
  }
}

void exchange_in_warp(const void* mine, unsigned lane, std::size_t bytes, void* other,
                      unsigned line) {
  const unsigned from = first_of_warp() + lane;
  if (lane >= warp_threads || from >= block_threads) {
    misuse("a thread asks its warp for the value of one that is not there");
  }
  const unsigned turn = give_to_warp(mine, bytes, line);
  std::memcpy(other, fiber_of(from).given[turn], bytes);
}

void gather_from_warp(const void* mine, std::size_t bytes, void* all, unsigned line) {
  if (first_of_warp() + warp_threads > block_threads) {
    misuse("a part of a warp works together: beyond what is emulated");
  }
  const unsigned turn = give_to_warp(mine, bytes, line);
  for (unsigned lane = 0; lane < warp_threads; ++lane) {
    std::memcpy(static_cast<std::byte*>(all) + lane * bytes,
                fiber_of(first_of_warp() + lane).given[turn], bytes);
  }
}

}  // namespace steepest::emulation
