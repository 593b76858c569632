// SPDX-License-Identifier: Apache-2.0
// Stands in for Thrust's header of this name: the two ends of a range of numbers.
#pragma once

namespace thrust {

template <class Number>
struct counting_iterator {  // NOLINT(readability-identifier-naming): the name is Thrust's
  explicit counting_iterator(Number first) : value(first) {}

  Number value;
};

}  // namespace thrust
