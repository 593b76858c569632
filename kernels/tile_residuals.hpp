// SPDX-License-Identifier: Apache-2.0
// The row losses of a tile, many rows at a time: from scores to weight * dl/dz, between the two
// products of a step. CPU only; vector width chosen at run time.
#pragma once

#include <cstdint>

#include "steepest/objectives/huber.hpp"
#include "steepest/objectives/logistic.hpp"
#include "steepest/objectives/poisson.hpp"
#include "steepest/objectives/quantile.hpp"
#include "steepest/objectives/softmax.hpp"
#include "steepest/objectives/squared.hpp"

namespace steepest::kernels {

/// Sums over rows are kept in so many parts, one a lane of the widest vector of doubles: row r of a
/// tile adds to part r modulo the lanes there are. So tiles of a multiple of 8 rows, one after the
/// other, add up as one tile of all their rows, however rows are cut into tiles.
inline constexpr std::int64_t sum_lanes = 8;

/// The sum of such parts, in a fixed order.
[[nodiscard]] inline double sum_of_lanes(const double* lanes) {
  static_assert(sum_lanes == 8);
  return ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) +
         ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]));
}

/// A tile's scores and what they are compared with, each a row of `pitch` >= count elements a
/// column, where pitch is a tile_pitch: vectors hold rows. Elements past `count` hold rubbish.
template <class T>
struct TileScores {
  std::int64_t count = 0;  ///< rows
  std::int64_t pitch = 0;
  std::int64_t models = 1;
  std::int64_t outputs = 1;    ///< a model
  T* scores = nullptr;         ///< (models * outputs, pitch)
  const T* targets = nullptr;  ///< (outputs, pitch), of regression
  const T* labels = nullptr;   ///< (pitch), of classes, which are at most 2^24
  const T* weights = nullptr;  ///< (pitch)

  /// (models * outputs, sum_lanes): weight * l is added, the share of an output where l is a sum
  /// over outputs, else all of it to a model's first column.
  double* loss = nullptr;
  double* residuals = nullptr;  ///< (models * outputs, sum_lanes): the residuals are added
};

/// The smallest pitch for `rows` rows: a whole number of the widest vectors.
[[nodiscard]] constexpr std::int64_t tile_pitch(std::int64_t rows) {
  constexpr std::int64_t widest = 16;
  return (rows + widest - 1) / widest * widest;
}

/// Turns scores into residuals, in place, by the formulas of the losses' own residual_in_place:
/// equal to rounding (exp, expm1, log and log1p within 4 units in the last place). Sums over rows
/// are double. Deterministic: a sum's order depends on its rows and the vector width only, not on
/// the models beside it.
template <class T>
void tile_residuals(SquaredLoss loss, const TileScores<T>& tile);
template <class T>
void tile_residuals(HuberLoss loss, const TileScores<T>& tile);
template <class T>
void tile_residuals(QuantileLoss loss, const TileScores<T>& tile);
template <class T>
void tile_residuals(PoissonLoss loss, const TileScores<T>& tile);
template <class T>
void tile_residuals(LogisticLoss loss, const TileScores<T>& tile);
template <class T>
void tile_residuals(SoftmaxLoss loss, const TileScores<T>& tile);

}  // namespace steepest::kernels
