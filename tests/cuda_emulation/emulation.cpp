// SPDX-License-Identifier: Apache-2.0
#include "tests/cuda_emulation/emulation.hpp"

#include <cstdio>
#include <cstdlib>

namespace steepest::emulation {
namespace {

Machine& current_machine() {
  static Machine current;
  return current;
}

}  // namespace

const Machine& machine() { return current_machine(); }

void set_machine(const Machine& machine) {
  current_machine() = machine;
  random_order().seed(machine.seed);
}

Counts& counts() {
  static Counts all;
  return all;
}

std::mt19937& random_order() {
  static std::mt19937 random(1);
  return random;
}

void misuse(const std::string& what) {
  static_cast<void>(std::fprintf(stderr, "CUDA emulation: %s\n", what.c_str()));
  std::abort();
}

}  // namespace steepest::emulation
