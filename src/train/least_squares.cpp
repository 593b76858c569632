// SPDX-License-Identifier: Apache-2.0
#include "src/train/least_squares.hpp"

#include <Eigen/Cholesky>
#include <Eigen/QR>
#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace steepest::train {
namespace {

// Blocks of a triangle's height twice over cost half as much again as one of all rows.
constexpr std::int64_t triangles_a_block = 2;
constexpr std::int64_t fewest_block_rows = 256;
constexpr std::int64_t most_triangles = 8;
constexpr std::int64_t most_triangle_elements = std::int64_t{1} << 23;

using RowMajor = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

// R of A = Q R for rows A that come in blocks.
class TriangularFactor {
 public:
  explicit TriangularFactor(std::int64_t width) : triangle_(Eigen::MatrixXd::Zero(width, width)) {}

  void add(const Eigen::Ref<const Eigen::MatrixXd>& rows) {
    const Eigen::Index width = triangle_.cols();
    stacked_.resize(width + rows.rows(), width);
    stacked_.topRows(width) = triangle_;
    stacked_.bottomRows(rows.rows()) = rows;
    const Eigen::HouseholderQR<Eigen::Ref<Eigen::MatrixXd>> factor(stacked_);
    triangle_ = stacked_.topRows(width).triangularView<Eigen::Upper>();
  }

  [[nodiscard]] const Eigen::MatrixXd& triangle() const { return triangle_; }

 private:
  Eigen::MatrixXd triangle_;
  Eigen::MatrixXd stacked_;
};

class TallQr {
 public:
  TallQr(kernels::Backend& backend, const HessianRows& rows, bool intercept,
         kernels::ThreadPool& pool)
      : backend_(backend),
        rows_(rows),
        pool_(pool),
        used_(rows.features + (intercept ? 1 : 0)),
        width_(used_ + rows.columns),
        block_rows_(std::max(fewest_block_rows, triangles_a_block * width_)) {
    // As many as the data say, whatever the threads: bits hang on it.
    const std::int64_t triangles =
        std::clamp<std::int64_t>(std::min(most_triangle_elements / (width_ * width_),
                                          (rows.rows + block_rows_ - 1) / block_rows_),
                                 1, most_triangles);
    parts_.assign(static_cast<std::size_t>(triangles), TriangularFactor(width_));
  }

  // R of all rows, and of sqrt(n l2) I below them.
  Eigen::MatrixXd run(double l2) {
    const auto parts = static_cast<std::int64_t>(parts_.size());
    for (std::int64_t first = 0; first < rows_.rows; first += parts * block_rows_) {
      const std::int64_t count = std::min(parts * block_rows_, rows_.rows - first);
      read(first, count);
      pool_.for_each(parts, [&](std::int64_t part, int /*worker*/) {
        const std::int64_t begin = part * block_rows_;
        if (begin < count) {
          parts_[static_cast<std::size_t>(part)].add(
              block_.middleRows(begin, std::min(block_rows_, count - begin)));
        }
      });
    }
    TriangularFactor& whole = parts_.front();
    for (std::int64_t part = 1; part < parts; ++part) {
      whole.add(parts_[static_cast<std::size_t>(part)].triangle());
    }
    if (l2 > 0.0) {
      Eigen::MatrixXd penalty = Eigen::MatrixXd::Zero(rows_.features, width_);
      penalty.leftCols(rows_.features)
          .diagonal()
          .setConstant(std::sqrt(l2 * static_cast<double>(rows_.rows)));
      whole.add(penalty);
    }
    return whole.triangle();
  }

 private:
  void read(std::int64_t first, std::int64_t count) {
    floats_.resize(count, rows_.features);
    backend_.trained_rows(first, count, floats_.data());
    block_.resize(count, width_);
    block_.leftCols(rows_.features) = floats_.cast<double>();
    if (used_ > rows_.features) {
      block_.col(rows_.features).setOnes();
    }
    const double* const targets = rows_.data.targets(first, count, buffer_);
    for (std::int64_t i = 0; i < count; ++i) {
      for (std::int64_t o = 0; o < rows_.columns; ++o) {
        block_(i, used_ + o) = (targets[i * rows_.columns + o] -
                                rows_.scaling.target_mean[static_cast<std::size_t>(o)]) /
                               rows_.scaling.target_scale;
      }
    }
    if (rows_.weights.mean > 0.0) {
      const double* const weights = rows_.data.weights(first, count, buffer_);
      for (std::int64_t i = 0; i < count; ++i) {
        block_.row(i) *= std::sqrt(weights[i] / rows_.weights.mean);
      }
    }
  }

  kernels::Backend& backend_;
  const HessianRows& rows_;
  kernels::ThreadPool& pool_;
  std::int64_t used_;   // columns of features, and of the intercept
  std::int64_t width_;  // and of targets
  std::int64_t block_rows_;
  std::vector<TriangularFactor> parts_;
  RowMajor floats_;
  Eigen::MatrixXd block_;
  RowBuffer buffer_;
};

// 1 / length of every column; 1 for one that is 0.
Eigen::VectorXd inverse_lengths(const Eigen::MatrixXd& matrix) {
  return matrix.colwise().norm().transpose().unaryExpr(
      [](double length) { return length > 0.0 ? 1.0 / length : 1.0; });
}

}  // namespace

double moment_condition(const std::vector<double>& moment, const HessianBound& bound) {
  const std::int64_t stride = bound.features + 1;
  const std::int64_t used = bound.intercept ? stride : bound.features;
  Eigen::MatrixXd matrix =
      Eigen::Map<const Eigen::MatrixXd>(moment.data(), stride, stride).topLeftCorner(used, used);
  matrix.diagonal().head(bound.features).array() += bound.l2;
  const Eigen::VectorXd scale = matrix.diagonal().unaryExpr(
      [](double square) { return square > 0.0 ? 1.0 / std::sqrt(square) : 0.0; });
  matrix = scale.asDiagonal() * matrix * scale.asDiagonal();
  const Eigen::LLT<Eigen::MatrixXd> factor(matrix);
  const double inverse = factor.info() == Eigen::Success ? factor.rcond() : 0.0;
  return inverse > 0.0 ? 1.0 / inverse : std::numeric_limits<double>::infinity();
}

LeastSquares solve_least_squares(kernels::Backend& backend, const HessianRows& rows, double l2,
                                 bool intercept, kernels::ThreadPool& pool) {
  const Eigen::MatrixXd triangle = TallQr(backend, rows, intercept, pool).run(l2);
  const std::int64_t used = rows.features + (intercept ? 1 : 0);
  Eigen::MatrixXd left = triangle.topLeftCorner(used, used);
  const Eigen::VectorXd scale = inverse_lengths(left);
  left *= scale.asDiagonal();
  const Eigen::CompleteOrthogonalDecomposition<Eigen::MatrixXd> factor(left);
  const Eigen::MatrixXd solution =
      scale.asDiagonal() * factor.solve(triangle.topRightCorner(used, rows.columns));
  LeastSquares result;
  result.rank = factor.rank();
  const Eigen::MatrixXd missed =
      triangle.topLeftCorner(used, used) * solution - triangle.topRightCorner(used, rows.columns);
  result.objective = (triangle.bottomRightCorner(rows.columns, rows.columns).squaredNorm() +
                      missed.squaredNorm()) /
                     (2.0 * static_cast<double>(rows.rows));
  const std::int64_t stride = rows.features + 1;
  result.parameters.assign(static_cast<std::size_t>(rows.columns * stride), 0.0);
  for (std::int64_t o = 0; o < rows.columns; ++o) {
    for (std::int64_t j = 0; j < used; ++j) {
      result.parameters[static_cast<std::size_t>(o * stride + j)] = solution(j, o);
    }
  }
  return result;
}

}  // namespace steepest::train
