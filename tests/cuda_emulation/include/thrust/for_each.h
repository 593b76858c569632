// SPDX-License-Identifier: Apache-2.0
// Stands in for Thrust's header of this name: a loop over numbers that queues.
#pragma once

#include <thrust/execution_policy.h>
#include <thrust/iterator/counting_iterator.h>
#include <thrust/system_error.h>

#include <numeric>

#include "tests/cuda_emulation/emulation.hpp"

namespace thrust {

/// Queues body(i) for every i in [first, last), one after the other in an order that is not theirs:
/// by steps of a random length around the range.
template <class Number, class Body>
void for_each(const cuda::Policy& policy, counting_iterator<Number> first,
              counting_iterator<Number> last, Body body) {
  if (steepest::emulation::machine().failing_call == "thrust::for_each") {
    throw system_error("emulated failure");
  }
  const Number count = last.value - first.value;
  if (count <= 0) {
    return;
  }
  ++steepest::emulation::counts().launches;
  const auto loop = [first, count, body] {
    Number step = static_cast<Number>(steepest::emulation::random_order()()) % count;
    while (std::gcd(step, count) != 1) {
      ++step;
    }
    Number at = step;
    for (Number done = 0; done < count; ++done) {
      body(first.value + at);
      at += step;
      at -= at >= count ? count : 0;
    }
  };
  if (steepest::emulation::queue_work(policy.stream, loop) != cudaSuccess) {
    throw system_error("emulated failure: not a stream of the current device");
  }
}

}  // namespace thrust
