// SPDX-License-Identifier: Apache-2.0
#include "tests/cuda_emulation/block.hpp"

#include <ucontext.h>

#include <algorithm>
#include <csetjmp>
#include <cstddef>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "tests/cuda_emulation/emulation.hpp"

namespace steepest::emulation {

Index current_thread;

namespace {

constexpr std::size_t stack_bytes = std::size_t{64} << 10;

// Made once and used for many blocks: ucontext only starts it, because swapcontext() calls the
// kernel at every switch and setjmp() does not.
struct Fiber {
  std::unique_ptr<std::byte[]> stack;
  std::jmp_buf resume{};
  unsigned line = 0;  // of the barrier it waits at; 0: ended
};

std::vector<std::unique_ptr<Fiber>> fibers;
Fiber* running = nullptr;
const std::function<void()>* block_body = nullptr;
std::jmp_buf scheduler;
ucontext_t creator;

void switch_to_scheduler() {
  if (_setjmp(running->resume) == 0) {
    _longjmp(scheduler, 1);
  }
}

void switch_to(Fiber& fiber) {
  running = &fiber;
  if (_setjmp(scheduler) == 0) {
    _longjmp(fiber.resume, 1);
  }
}

void fiber_main() {
  if (_setjmp(running->resume) == 0) {
    setcontext(&creator);
  }
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
  swapcontext(&creator, &start);
  return fiber;
}

// Runs every thread up to its next barrier or its end; true when all have ended.
bool run_stretch(const std::vector<unsigned>& order) {
  for (const unsigned thread : order) {
    current_thread.x = thread;
    switch_to(*fibers[thread]);
  }
  const unsigned line = fibers[order.front()]->line;
  for (const unsigned thread : order) {
    if (fibers[thread]->line != line) {
      misuse("divergent barrier: one thread of a block " +
             (line == 0 ? "ended" : "waits at line " + std::to_string(line)) + ", another " +
             (fibers[thread]->line == 0 ? "ended"
                                        : "waits at line " + std::to_string(fibers[thread]->line)));
    }
  }
  return line == 0;
}

}  // namespace

void run_block(unsigned threads, const std::function<void()>& body) {
  while (fibers.size() < threads) {
    fibers.push_back(make_fiber());
  }
  block_body = &body;
  std::vector<unsigned> order(threads);
  std::iota(order.begin(), order.end(), 0U);
  do {
    std::shuffle(order.begin(), order.end(), random_order());
  } while (!run_stretch(order));
}

void wait_at_barrier(unsigned line) {
  running->line = line;
  switch_to_scheduler();
}

}  // namespace steepest::emulation
