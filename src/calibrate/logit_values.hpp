// SPDX-License-Identifier: Apache-2.0
// From the numbers of a file to logits: probabilities become logarithms, a score two logits.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "kernels/tempered_sums.hpp"
#include "steepest/logit_rows.hpp"

namespace steepest::calibrate {

/// Room for `count` elements at the beginning of a cache line, with the readable tail that kernels
/// ask for.
template <class T>
T* line_aligned(std::vector<T>& memory, std::int64_t count) {
  constexpr std::size_t line_bytes = 64;
  constexpr std::size_t line = line_bytes / sizeof(T);
  const auto needed = static_cast<std::size_t>(count + kernels::logits_tail) + line;
  if (memory.size() < needed) {
    memory.resize(needed);
  }
  const std::size_t past = reinterpret_cast<std::uintptr_t>(memory.data()) % line_bytes;
  return memory.data() + (line_bytes - past) % line_bytes / sizeof(T);
}

/// log p: -inf for 0, NaN for what is no probability. Rounding may have put p a little above 1.
template <class T>
T log_probability(T p) {
  constexpr T slack = T(1e-3);
  if (!(p >= T(0)) || p > T(1) + slack) {
    return std::numeric_limits<T>::quiet_NaN();
  }
  return std::log(p);
}

/// Scores of class 1 to logits of both classes, in place: `values` has room for 2 * rows and holds
/// the scores in its first `rows` elements.
template <class T>
void expand_scores(T* values, std::int64_t rows, LogitInput input) {
  for (std::int64_t r = rows - 1; r >= 0; --r) {
    const T score = values[r];
    T zero = T(0);
    T one = score;
    if (input == LogitInput::probs) {
      one = log_probability(score);
      zero = std::isnan(one) ? one : std::log1p(-std::min(score, T(1)));
    } else if (input == LogitInput::logprobs) {
      zero = score > T(0) ? std::numeric_limits<T>::quiet_NaN() : std::log(-std::expm1(score));
    }
    values[2 * r] = zero;
    values[2 * r + 1] = one;
  }
}

/// Numbers of a file, (rows, columns) in `values`, to logits, in place. `values` has room for
/// (rows, 2) when columns is 1.
template <class T>
void to_logits(T* values, std::int64_t rows, std::int64_t columns, LogitInput input) {
  if (columns == 1) {
    expand_scores(values, rows, input);
    return;
  }
  if (input == LogitInput::probs) {
    for (std::int64_t i = 0; i < rows * columns; ++i) {
      values[i] = log_probability(values[i]);
    }
  }
}

}  // namespace steepest::calibrate
