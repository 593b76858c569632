// SPDX-License-Identifier: Apache-2.0
// The two products of a step by one block of threads: scores of a batch of scattered rows, and the
// gradient from their residuals.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "kernels/warp.cuh"

namespace steepest::kernels {

/// A batch and the model that sees it, for a block of threads. Rows of features and weights are
/// `pitch` elements apart and aligned to 16 bytes; their padding is 0.
template <class T>
struct BlockProduct {
  const T* features = nullptr;            ///< (n, pitch)
  const std::int64_t* indexes = nullptr;  ///< rows of the batch
  std::int64_t pitch = 0;
  int rows = 0;
  int outputs = 0;  ///< C
  int stride = 0;   ///< d + 1
  int row_lanes = 0;
  int thread = 0;
  int threads = 0;

  [[nodiscard]] __device__ const T* row(int r) const { return features + indexes[r] * pitch; }
};

/// As many values as one load of 16 bytes brings.
template <class T>
struct alignas(16) Vector {
  static constexpr int size = 16 / static_cast<int>(sizeof(T));
  T values[size];
};

template <class T>
__device__ Vector<T> load_vector(const T* from, int index) {
  return reinterpret_cast<const Vector<T>*>(from)[index];
}

/// Rows of scores that a thread adds up at a time, so that a weight is loaded once for all.
inline constexpr int score_rows = 4;

/// Adds sums over the `lanes` threads (4, 8, 16 or 32) that share four rows. Every thread ends with
/// one row's in sums[0]; returns which. All threads of the warp call it.
template <class T, int tile_outputs>
__device__ int row_totals(T (&sums)[score_rows][tile_outputs], int lanes) {
  const int lane = static_cast<int>(threadIdx.x) % lanes;
  const int half = lanes / 2;
  const int quarter = lanes / 4;
  const bool upper = (lane & half) != 0;
  const bool odd = (lane & quarter) != 0;
  for (int c = 0; c < tile_outputs; ++c) {
    for (int r = 0; r < score_rows / 2; ++r) {
      const T given = upper ? sums[r][c] : sums[r + 2][c];
      const T own = upper ? sums[r + 2][c] : sums[r][c];
      sums[r][c] = own + __shfl_xor_sync(whole_warp, given, half);
    }
    const T given = odd ? sums[0][c] : sums[1][c];
    const T own = odd ? sums[1][c] : sums[0][c];
    sums[0][c] = own + __shfl_xor_sync(whole_warp, given, quarter);
  }
  for (int offset = quarter / 2; offset > 0; offset /= 2) {
    for (int c = 0; c < tile_outputs; ++c) {
      sums[0][c] += __shfl_xor_sync(whole_warp, sums[0][c], offset);
    }
  }
  return (upper ? 2 : 0) + (odd ? 1 : 0);
}

/// scores (rows, C) = X W^T for weights (C, pitch). Sums over features run lane by lane of
/// row_lanes, then over lanes in a fixed tree. All threads of the block call it.
template <int tile_outputs, class T>
__device__ void compute_scores(const BlockProduct<T>& batch, const T* weights, T* scores) {
  const int vectors = static_cast<int>(batch.pitch) / Vector<T>::size;
  const int lane = batch.thread % batch.row_lanes;
  const int groups = batch.threads / batch.row_lanes;
  const int row_tiles = (batch.rows + score_rows - 1) / score_rows;
  const int tasks = row_tiles * ((batch.outputs + tile_outputs - 1) / tile_outputs);
  const int last_row = batch.rows - 1;
  const int last_output = batch.outputs - 1;
  // The first task of the warp, so that all its threads go on or leave together.
  const int warp_group = batch.thread / warp_lanes * warp_lanes / batch.row_lanes;
  const int group = batch.thread / batch.row_lanes;
  for (int first = 0; first + warp_group < tasks; first += groups) {
    const bool has_task = first + group < tasks;
    const int task = has_task ? first + group : tasks - 1;
    const int row = task % row_tiles * score_rows;
    const int output = task / row_tiles * tile_outputs;
    const T* x[score_rows];
    const T* w[tile_outputs];
    for (int r = 0; r < score_rows; ++r) {
      x[r] = batch.row(row + r < last_row ? row + r : last_row);
    }
    for (int c = 0; c < tile_outputs; ++c) {
      w[c] = weights + (output + c < last_output ? output + c : last_output) * batch.pitch;
    }
    T sums[score_rows][tile_outputs] = {};
    for (int v = lane; v < vectors; v += batch.row_lanes) {
      Vector<T> features[score_rows];
      for (int r = 0; r < score_rows; ++r) {
        features[r] = load_vector(x[r], v);
      }
      for (int c = 0; c < tile_outputs; ++c) {
        const Vector<T> weight = load_vector(w[c], v);
        for (int r = 0; r < score_rows; ++r) {
          for (int i = 0; i < Vector<T>::size; ++i) {
            sums[r][c] += features[r].values[i] * weight.values[i];
          }
        }
      }
    }
    const int kept = row + row_totals(sums, batch.row_lanes);
    if (has_task && kept < batch.rows && lane % (batch.row_lanes / 4) == 0) {
      for (int c = 0; c < tile_outputs; ++c) {
        if (output + c < batch.outputs) {
          scores[kept * batch.outputs + output + c] = sums[0][c];
        }
      }
    }
  }
}

/// gradient (C, d + 1) = R^T X for residuals (rows, C). Sums run over rows in order. `columns` are
/// those a thread adds up at a time. All threads of the block call it.
template <int tile_outputs, int columns, class T>
__device__ void compute_gradient(const BlockProduct<T>& batch, const T* residuals, T* gradient) {
  const int warp = batch.thread / warp_lanes;
  const int warps = batch.threads / warp_lanes;
  const int lane = batch.thread % warp_lanes;
  const int column_tiles = (batch.stride + columns * warp_lanes - 1) / (columns * warp_lanes);
  const int tasks = column_tiles * ((batch.outputs + tile_outputs - 1) / tile_outputs);
  for (int task = warp; task < tasks; task += warps) {
    const int column = task % column_tiles * columns * warp_lanes + lane;
    const int output = task / column_tiles * tile_outputs;
    T sums[columns][tile_outputs] = {};
    for (int r = 0; r < batch.rows; ++r) {
      const T* x = batch.row(r) + column;
      const int at = r * batch.outputs + output;
      const T* residual = residuals + at;
      T features[columns];
      for (int k = 0; k < columns; ++k) {
        const int ahead = k * warp_lanes;
        features[k] = column + ahead < batch.stride ? x[ahead] : T(0);
      }
      for (int c = 0; c < tile_outputs; ++c) {
        const T factor = output + c < batch.outputs ? residual[c] : T(0);
        for (int k = 0; k < columns; ++k) {
          sums[k][c] += features[k] * factor;
        }
      }
    }
    for (int c = 0; c < tile_outputs; ++c) {
      for (int k = 0; k < columns; ++k) {
        if (output + c < batch.outputs && column + k * warp_lanes < batch.stride) {
          gradient[(output + c) * batch.stride + column + k * warp_lanes] = sums[k][c];
        }
      }
    }
  }
}

}  // namespace steepest::kernels
