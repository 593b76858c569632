// SPDX-License-Identifier: Apache-2.0
// The machine that tests/cuda_emulation pretends to be: what a test sets, what it counts.
#pragma once

#include <cstdint>
#include <random>
#include <string>

namespace steepest::emulation {

/// Set before the calls it is for. One host thread at a time may use the emulation.
struct Machine {
  int driver = 13000;  ///< the newest CUDA it knows: 1000 * major + 10 * minor, 0 without a driver
  int devices = 1;
  int compute_major = 9;
  int compute_minor = 0;
  int multiprocessors = 4;                            ///< blocks of a cooperative launch at most
  bool prohibited = false;                            ///< compute mode of every device
  std::int64_t memory_bytes = std::int64_t{4} << 30;  ///< of all devices together
  std::int64_t shared_bytes = 232448;  ///< of a block, for kernels that are allowed more than 48 KB
  std::int64_t most_blocks = (std::int64_t{1} << 31) - 1;  ///< a launch of more gets this many
  std::string failing_call;                                ///< fails always, as "cudaEventRecord"
  unsigned seed = 1;                                       ///< of the orders of blocks and threads
};

/// What the calls so far did.
struct Counts {
  std::int64_t allocations = 0;  ///< of device memory
  std::int64_t bytes_held = 0;   ///< of device memory
  std::int64_t launches = 0;     ///< kernels and Thrust loops
  std::int64_t products = 0;     ///< cuBLAS calls that multiply
  std::int64_t graph_launches = 0;
  std::int64_t waits = 0;  ///< of the host, for a stream or an event
};

[[nodiscard]] const Machine& machine();

/// Also starts the random orders again from machine.seed.
void set_machine(const Machine& machine);

[[nodiscard]] Counts& counts();

/// Draws every order that CUDA leaves open.
[[nodiscard]] std::mt19937& random_order();

/// Ends the process: the code under test did what CUDA forbids, and would do so without a word on
/// a GPU.
[[noreturn]] void misuse(const std::string& what);

}  // namespace steepest::emulation
