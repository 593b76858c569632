// SPDX-License-Identifier: Apache-2.0
// The vectorised row losses against the formula they stand for, one row at a time.
#include "kernels/tile_residuals.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "steepest/objective.hpp"
#include "tests/vector_levels.hpp"

namespace steepest::tests {
namespace {

using kernels::tile_pitch;
using kernels::TileScores;

// A tile of random scores, with all its buffers.
template <class T>
struct Tile {
  std::vector<T> scores;
  std::vector<T> targets;
  std::vector<T> labels;
  std::vector<T> weights;
  std::vector<double> loss;
  std::vector<double> residuals;
  TileScores<T> view;

  Tile(std::int64_t rows, std::int64_t models, std::int64_t outputs, std::int64_t classes,
       double size) {
    std::mt19937 random(static_cast<unsigned>(rows * 100 + models * 10 + outputs));
    std::normal_distribution<double> normal;
    const std::int64_t pitch = tile_pitch(rows);
    const T rubbish = std::numeric_limits<T>::quiet_NaN();
    const auto fill = [&](std::vector<T>& to, std::int64_t columns, auto value) {
      to.assign(static_cast<std::size_t>(columns * pitch), rubbish);
      for (std::int64_t c = 0; c < columns; ++c) {
        for (std::int64_t r = 0; r < rows; ++r) {
          to[static_cast<std::size_t>(c * pitch + r)] = static_cast<T>(value());
        }
      }
    };
    fill(scores, models * outputs, [&] { return size * normal(random); });
    fill(targets, outputs, [&] { return normal(random); });
    fill(labels, 1, [&] { return static_cast<double>(random() % static_cast<unsigned>(classes)); });
    fill(weights, 1, [&] { return 0.5 * static_cast<double>(random() % 4); });
    const auto columns = static_cast<std::size_t>(models * outputs);
    loss.assign(columns * kernels::sum_lanes, 0.0);
    residuals.assign(columns * kernels::sum_lanes, 0.0);
    for (std::int64_t c = 0; c < models * outputs; ++c) {  // sums go on from what is there
      loss[static_cast<std::size_t>(c * kernels::sum_lanes)] = c % outputs == 0 ? 0.25 : 0.0;
      residuals[static_cast<std::size_t>(c * kernels::sum_lanes)] = -0.5;
    }
    view = {rows,           pitch,         models,         outputs,     scores.data(),
            targets.data(), labels.data(), weights.data(), loss.data(), residuals.data()};
  }

  [[nodiscard]] double loss_of(std::int64_t model) const {
    double sum = 0.0;
    for (std::int64_t o = 0; o < view.outputs; ++o) {
      sum += kernels::sum_of_lanes(loss.data() + (model * view.outputs + o) * kernels::sum_lanes);
    }
    return sum;
  }

  [[nodiscard]] double residuals_of(std::int64_t column) const {
    return kernels::sum_of_lanes(residuals.data() + column * kernels::sum_lanes);
  }
};

// Every row by the loss's own residual_in_place, in long double sums.
template <class Loss, class T>
void expect_formula(Loss loss, Tile<T>& tile, double accuracy) {
  const TileScores<T> view = tile.view;
  const std::vector<T> before = tile.scores;
  kernels::tile_residuals(loss, view);
  const std::int64_t columns = view.models * view.outputs;
  std::vector<long double> losses(static_cast<std::size_t>(view.models), 0.25L);
  std::vector<long double> sums(static_cast<std::size_t>(columns), -0.5L);
  long double size = 1.0L;
  for (std::int64_t r = 0; r < view.count; ++r) {
    std::vector<double> target(static_cast<std::size_t>(view.outputs));
    for (std::int64_t o = 0; o < view.outputs; ++o) {
      target[static_cast<std::size_t>(o)] = static_cast<double>(view.targets[o * view.pitch + r]);
    }
    const RowTarget<double> with{target.data(), static_cast<std::int32_t>(view.labels[r])};
    const auto weight = static_cast<double>(view.weights[r]);
    for (std::int64_t k = 0; k < view.models; ++k) {
      std::vector<double> row(static_cast<std::size_t>(view.outputs));
      for (std::int64_t o = 0; o < view.outputs; ++o) {
        row[static_cast<std::size_t>(o)] = static_cast<double>(
            before[static_cast<std::size_t>((k * view.outputs + o) * view.pitch + r)]);
      }
      const double value = loss.residual_in_place(row.data(), view.outputs, with, weight);
      losses[static_cast<std::size_t>(k)] += value;
      size += std::fabs(value);
      for (std::int64_t o = 0; o < view.outputs; ++o) {
        const std::int64_t c = k * view.outputs + o;
        const double wanted = row[static_cast<std::size_t>(o)];
        const auto found =
            static_cast<double>(tile.scores[static_cast<std::size_t>(c * view.pitch + r)]);
        EXPECT_NEAR(found, wanted, accuracy * (1.0 + std::fabs(wanted))) << r << ", column " << c;
        sums[static_cast<std::size_t>(c)] += wanted;
      }
    }
  }
  const auto allowed = static_cast<double>(accuracy * size);
  for (std::int64_t k = 0; k < view.models; ++k) {
    EXPECT_NEAR(tile.loss_of(k), static_cast<double>(losses[static_cast<std::size_t>(k)]), allowed);
  }
  for (std::int64_t c = 0; c < columns; ++c) {
    EXPECT_NEAR(tile.residuals_of(c), static_cast<double>(sums[static_cast<std::size_t>(c)]),
                allowed);
  }
}

struct Shape {
  std::int64_t rows;
  std::int64_t models;
  std::int64_t outputs;
};

constexpr Shape shapes[] = {{1, 1, 1},  {7, 1, 1},   {16, 1, 1},   {33, 5, 1}, {65, 1, 2},
                            {40, 3, 3}, {17, 1, 10}, {100, 2, 17}, {9, 1, 300}};

template <class T>
void expect_regression(const Shape& shape, double size, double accuracy) {
  for (const double delta : {0.5, 100.0}) {
    Tile<T> huber(shape.rows, shape.models, shape.outputs, 2, size);
    expect_formula(HuberLoss{static_cast<double>(static_cast<T>(delta))}, huber, accuracy);
  }
  for (const double width : {0.0, 0.25, 2.0}) {
    Tile<T> quantile(shape.rows, shape.models, shape.outputs, 2, size);
    quantile.scores[0] = quantile.targets[0];  // on the corner
    expect_formula(QuantileLoss{0.25, width}, quantile, accuracy);
  }
  if (size < 30.0) {  // beyond, exp makes more of a score's rounding than can be allowed for
    Tile<T> poisson(shape.rows, shape.models, shape.outputs, 2, size);
    for (T& target : poisson.targets) {
      target = std::floor(4 * std::fabs(target));
    }
    expect_formula(PoissonLoss{}, poisson, accuracy * std::exp(size));
  }
}

template <class T>
class TileResiduals : public testing::Test {};
using Arithmetics = testing::Types<float, double>;
TYPED_TEST_SUITE(TileResiduals, Arithmetics);

TYPED_TEST(TileResiduals, AreTheFormulasAtEverySize) {
  at_every_vector_level([] {
    const double rounding = 16.0 * static_cast<double>(std::numeric_limits<TypeParam>::epsilon());
    for (const double size : {0.1, 3.0, 40.0, 1000.0}) {
      // A score's own rounding is what exp makes of it.
      const double accuracy = rounding * (1.0 + size);
      for (const Shape& shape : shapes) {
        SCOPED_TRACE(testing::Message() << shape.rows << " rows, " << shape.models << " models, "
                                        << shape.outputs << " outputs, scores of " << size);
        Tile<TypeParam> squared(shape.rows, shape.models, shape.outputs, 2, size);
        expect_formula(SquaredLoss{}, squared, accuracy);
        expect_regression<TypeParam>(shape, size, accuracy);
        for (const double smoothing : {0.0, 0.3}) {
          Tile<TypeParam> softmax(shape.rows, shape.models, shape.outputs, shape.outputs, size);
          expect_formula(SoftmaxLoss{smoothing}, softmax, accuracy);
        }
        if (shape.outputs == 1) {
          for (const double smoothing : {0.0, 0.3}) {
            Tile<TypeParam> logistic(shape.rows, shape.models, 1, 2, size);
            expect_formula(LogisticLoss{smoothing}, logistic, accuracy);
          }
        }
      }
    }
  });
}

TYPED_TEST(TileResiduals, StandTheLargestScoresAndShowWhatIsNotFinite) {
  at_every_vector_level([] {
    const TypeParam huge = std::numeric_limits<TypeParam>::max() / 4;
    for (const TypeParam score : {huge, -huge, TypeParam(0), TypeParam(-120), TypeParam(120)}) {
      Tile<TypeParam> logistic(5, 1, 1, 2, 1.0);
      Tile<TypeParam> softmax(5, 1, 3, 3, 1.0);
      logistic.scores[2] = score;
      softmax.scores[2] = score;
      kernels::tile_residuals(LogisticLoss{}, logistic.view);
      kernels::tile_residuals(SoftmaxLoss{}, softmax.view);
      EXPECT_TRUE(std::isfinite(logistic.loss_of(0))) << score;
      EXPECT_TRUE(std::isfinite(softmax.loss_of(0))) << score;
      EXPECT_TRUE(std::isfinite(softmax.residuals_of(0) + logistic.residuals_of(0))) << score;
    }
    const TypeParam nan = std::numeric_limits<TypeParam>::quiet_NaN();
    const TypeParam infinity = std::numeric_limits<TypeParam>::infinity();
    for (const TypeParam score : {huge, -huge, TypeParam(-120), TypeParam(120)}) {
      Tile<TypeParam> poisson(5, 1, 1, 2, 1.0);
      poisson.scores[2] = score;
      poisson.targets[2] = TypeParam(3);
      kernels::tile_residuals(PoissonLoss{}, poisson.view);
      EXPECT_TRUE(std::isfinite(poisson.residuals_of(0))) << score;
    }
    for (const TypeParam score : {nan, infinity}) {
      Tile<TypeParam> huber(5, 1, 1, 2, 1.0);
      Tile<TypeParam> quantile(5, 1, 1, 2, 1.0);
      huber.scores[2] = quantile.scores[2] = score;
      kernels::tile_residuals(HuberLoss{}, huber.view);
      kernels::tile_residuals(QuantileLoss{0.5, 0.1}, quantile.view);
      EXPECT_FALSE(std::isfinite(huber.loss_of(0))) << score;
      EXPECT_FALSE(std::isfinite(quantile.loss_of(0))) << score;
    }
    for (const TypeParam score : {nan, infinity}) {
      Tile<TypeParam> squared(5, 1, 1, 2, 1.0);
      Tile<TypeParam> softmax(5, 1, 3, 3, 1.0);
      squared.scores[2] = score;
      softmax.scores[2] = score;
      squared.weights[2] = softmax.weights[2] = TypeParam(1);
      Tile<TypeParam> logistic(5, 1, 1, 2, 1.0);
      logistic.scores[2] = -score;
      logistic.labels[2] = TypeParam(1);
      logistic.weights[2] = TypeParam(1);
      kernels::tile_residuals(LogisticLoss{}, logistic.view);
      EXPECT_FALSE(std::isfinite(logistic.loss_of(0))) << score;
      kernels::tile_residuals(SquaredLoss{}, squared.view);
      kernels::tile_residuals(SoftmaxLoss{}, softmax.view);
      EXPECT_FALSE(std::isfinite(squared.loss_of(0))) << score;
      EXPECT_FALSE(std::isfinite(softmax.loss_of(0))) << score;
    }
  });
}

}  // namespace
}  // namespace steepest::tests
