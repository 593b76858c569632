// SPDX-License-Identifier: Apache-2.0
// The products of a tile against plain loops, at every way they are cut into blocks.
#include "kernels/tile_products.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "kernels/tile_moment.hpp"
#include "kernels/tile_residuals.hpp"
#include "steepest/feature_matrix.hpp"
#include "tests/vector_levels.hpp"

namespace steepest::tests {
namespace {

using namespace kernels;

struct Shape {
  std::int64_t rows;
  std::int64_t features;
  std::int64_t columns;
};

constexpr Shape shapes[] = {{1, 1, 1},     {3, 7, 2},     {5, 16, 5},  {9, 33, 6},  {40, 8, 11},
                            {65, 100, 13}, {67, 130, 64}, {32, 64, 8}, {33, 65, 9}, {17, 200, 1}};

template <class T>
class TileProducts : public testing::Test {};
using Arithmetics = testing::Types<float, double>;
TYPED_TEST_SUITE(TileProducts, Arithmetics);

// Rows in a random order, with parameters padded as the kernels want them.
template <class T>
struct Problem {
  FeatureMatrix features;
  std::vector<const float*> rows;
  std::vector<T> weights;
  std::vector<T> intercepts;
  std::int64_t padded;
  std::int64_t pitch;

  explicit Problem(const Shape& shape)
      : features(shape.rows, shape.features),
        padded(padded_length(shape.features)),
        pitch(tile_pitch(shape.rows)) {
    std::mt19937 random(static_cast<unsigned>(shape.rows + shape.features * 7));
    std::normal_distribution<double> normal;
    for (std::int64_t e = 0; e < shape.rows * shape.features; ++e) {
      features.data()[e] = static_cast<float>(normal(random));
    }
    for (std::int64_t r = 0; r < shape.rows; ++r) {
      rows.push_back(features.row((r * 7 + 3) % shape.rows));
    }
    weights.assign(static_cast<std::size_t>(shape.columns * padded), T(0));
    for (std::int64_t c = 0; c < shape.columns; ++c) {
      for (std::int64_t j = 0; j < shape.features; ++j) {
        weights[static_cast<std::size_t>(c * padded + j)] = static_cast<T>(normal(random));
      }
      intercepts.push_back(static_cast<T>(normal(random)));
    }
  }
};

template <class T>
double rounding_of(std::int64_t terms) {
  return 8.0 * static_cast<double>(std::numeric_limits<T>::epsilon()) *
         std::sqrt(static_cast<double>(terms));
}

TYPED_TEST(TileProducts, ScoresAreTheProductWithTheWeights) {
  at_every_vector_level([] {
    for (const Shape& shape : shapes) {
      SCOPED_TRACE(testing::Message()
                   << shape.rows << "x" << shape.features << "x" << shape.columns);
      Problem<TypeParam> problem(shape);
      const PaddedColumns<const TypeParam> weights{problem.weights.data(), shape.columns,
                                                   problem.padded};
      std::vector<TypeParam> scores(static_cast<std::size_t>(shape.columns * problem.pitch));
      std::vector<TypeParam> again(scores.size());
      tile_scores({problem.rows.data(), nullptr, shape.rows, shape.features}, weights,
                  problem.intercepts.data(), problem.pitch, scores.data());
      tile_scores({problem.rows.data(), problem.rows.data(), shape.rows, shape.features}, weights,
                  problem.intercepts.data(), problem.pitch, again.data());
      for (std::int64_t c = 0; c < shape.columns; ++c) {
        for (std::int64_t r = 0; r < shape.rows; ++r) {
          auto expected = static_cast<double>(problem.intercepts[static_cast<std::size_t>(c)]);
          double size = 1.0;
          for (std::int64_t j = 0; j < shape.features; ++j) {
            const double term =
                static_cast<double>(
                    problem.weights[static_cast<std::size_t>(c * problem.padded + j)]) *
                static_cast<double>(problem.rows[static_cast<std::size_t>(r)][j]);
            expected += term;
            size += std::fabs(term);
          }
          const auto at = static_cast<std::size_t>(c * problem.pitch + r);
          EXPECT_NEAR(static_cast<double>(scores[at]), expected,
                      size * rounding_of<TypeParam>(shape.features));
          EXPECT_EQ(scores[at], again[at]) << "asking for what comes next changes nothing";
        }
      }
    }
  });
}

TYPED_TEST(TileProducts, GradientsAddTheProductWithTheResiduals) {
  at_every_vector_level([] {
    for (const Shape& shape : shapes) {
      SCOPED_TRACE(testing::Message()
                   << shape.rows << "x" << shape.features << "x" << shape.columns);
      Problem<TypeParam> problem(shape);
      std::mt19937 random(5);
      std::normal_distribution<double> normal;
      std::vector<TypeParam> residuals(static_cast<std::size_t>(shape.columns * problem.pitch),
                                       std::numeric_limits<TypeParam>::quiet_NaN());
      for (std::int64_t c = 0; c < shape.columns; ++c) {
        for (std::int64_t r = 0; r < shape.rows; ++r) {
          residuals[static_cast<std::size_t>(c * problem.pitch + r)] =
              static_cast<TypeParam>(normal(random));
        }
      }
      std::vector<TypeParam> gradient(static_cast<std::size_t>(shape.columns * problem.padded),
                                      TypeParam(0.5));
      tile_gradient({problem.rows.data(), problem.rows.data(), shape.rows, shape.features},
                    residuals.data(), problem.pitch,
                    PaddedColumns<TypeParam>{gradient.data(), shape.columns, problem.padded});
      for (std::int64_t c = 0; c < shape.columns; ++c) {
        for (std::int64_t j = 0; j < shape.features; ++j) {
          double expected = 0.5;
          double size = 1.0;
          for (std::int64_t r = 0; r < shape.rows; ++r) {
            const double term =
                static_cast<double>(residuals[static_cast<std::size_t>(c * problem.pitch + r)]) *
                static_cast<double>(problem.rows[static_cast<std::size_t>(r)][j]);
            expected += term;
            size += std::fabs(term);
          }
          EXPECT_NEAR(
              static_cast<double>(gradient[static_cast<std::size_t>(c * problem.padded + j)]),
              expected, size * rounding_of<TypeParam>(shape.rows));
        }
      }
    }
  });
}

TYPED_TEST(TileProducts, MomentsAddTheProductOfTwoPanels) {
  at_every_vector_level([] {
    for (const Shape& shape : shapes) {
      SCOPED_TRACE(testing::Message() << shape.rows << " rows of " << shape.features);
      const Problem<TypeParam> problem(shape);
      const std::int64_t width = shape.features;
      const std::int64_t pitch = panel_pitch<TypeParam>(width);
      std::vector<TypeParam> panel(static_cast<std::size_t>(shape.rows * pitch), TypeParam(0));
      std::vector<TypeParam> sums(static_cast<std::size_t>(width * pitch), TypeParam(0.25));
      widen_rows(problem.rows.data(), shape.rows, width, pitch, panel.data());
      std::vector<TypeParam> twice = panel;
      for (TypeParam& element : twice) {
        element *= 2;
      }
      tile_moment(twice.data(), panel.data(), shape.rows, width, problem.rows[0],
                  4 * shape.features, sums.data());
      for (std::int64_t i = 0; i < width; ++i) {
        for (std::int64_t j = i; j < width; ++j) {
          double expected = 0.25;
          double size = 1.0;
          for (std::int64_t r = 0; r < shape.rows; ++r) {
            const float* const row = problem.rows[static_cast<std::size_t>(r)];
            const double term = 2.0 * static_cast<double>(row[i]) * static_cast<double>(row[j]);
            expected += term;
            size += std::fabs(term);
          }
          EXPECT_NEAR(static_cast<double>(sums[static_cast<std::size_t>(i * pitch + j)]), expected,
                      size * rounding_of<TypeParam>(shape.rows));
        }
      }
    }
  });
}

}  // namespace
}  // namespace steepest::tests
