// SPDX-License-Identifier: Apache-2.0
// Sums over the classes of a row of logits at several inverse temperatures: what temperature
// calibration needs of a row, in one visit. On the CPU, vector width chosen at run time; on a
// device by tempered_sums_stream.hpp.
#pragma once

#include <cmath>
#include <cstdint>

#include "steepest/host_device.hpp"

namespace steepest::kernels {

/// Logits beyond this are refused: their gaps would leave the range of float.
inline constexpr double largest_logit = 1e30;

/// Elements that must be readable behind the last row, whatever they hold.
inline constexpr std::int64_t logits_tail = 16;

/// What a row looks like. `largest` and `gap_sum` mean nothing unless its values are all usable,
/// which a row that is not plain may still be: it may hold -inf, the logit of a masked class.
struct LogitRow {
  double largest = 0.0;
  double gap_sum = 0.0;  ///< sum of largest - z over the classes that are not masked
  bool plain = true;     ///< every |z| <= largest_logit: no NaN, no infinity
};

/// Beyond it u is taken for it, infinite or not: e is below 2e-35 then, and stays a normal float.
inline constexpr double largest_exponent = 80.0;

/// With u = min(beta (largest - z), largest_exponent) and e = exp(-u), summed over the classes. A
/// masked class adds 2e-35, which is nothing beside a total of 1 or more.
struct TemperedSums {
  double total = 0.0;         ///< sum e, >= 1
  double first = 0.0;         ///< sum u e
  double second = 0.0;        ///< sum u^2 e
  double square = 0.0;        ///< sum e^2
  double square_first = 0.0;  ///< sum u e^2
};

/// Adds a class whose u is beta (largest - z), in the arithmetic of T: what every loop computes.
template <class T>
STEEPEST_HD void add_tempered_class(T u, TemperedSums& sums) {
  u = u < static_cast<T>(largest_exponent) ? u : static_cast<T>(largest_exponent);
  const T e = std::exp(-u);
  const auto weight = static_cast<double>(e);
  const auto exponent = static_cast<double>(u);
  sums.total += weight;
  sums.first += exponent * weight;
  sums.second += exponent * exponent * weight;
  sums.square += weight * weight;
  sums.square_first += exponent * weight * weight;
}

/// Whether a logit is one of a plain row.
[[nodiscard]] STEEPEST_HD inline bool is_plain_logit(double z) {
  return z >= -largest_logit && z <= largest_logit;
}

/// Logits of `rows` rows, row-major and packed, with logits_tail elements readable behind them.
template <class T>
struct LogitTile {
  const T* logits = nullptr;  ///< (rows, classes)
  std::int64_t rows = 0;      ///< at most 2^24 / classes where classes < 32
  std::int64_t classes = 0;   ///< >= 2
};

/// Fills `looks` (rows) and `sums` (rows, nodes), for inverse temperatures betas[0 .. nodes), each
/// > 0 and, where T is float, a float. Gaps from the row's largest logit come first, so an offset
/// common to a row changes nothing but what its own rounding already has. Sums of float are carried
/// on in double every few vectors. Deterministic for a vector width.
template <class T>
void tempered_sums(const LogitTile<T>& tile, const double* betas, std::int64_t nodes,
                   LogitRow* looks, TemperedSums* sums);

}  // namespace steepest::kernels
