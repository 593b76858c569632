// SPDX-License-Identifier: Apache-2.0
// Numerical derivatives against calculus.
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "steepest/derivative.hpp"
#include "steepest/expression.hpp"

namespace steepest::tests {
namespace {

TEST(Derivative, IsThatOfCalculus) {
  const Expression cube("x^3");
  EXPECT_NEAR(derivative(cube.function(), {2.0}).value, 12.0, 1e-12);
  EXPECT_NEAR(second_derivative(cube.function(), {2.0}).value, 12.0, 1e-11);
  const Expression sine("sin(x)");
  EXPECT_NEAR(derivative(sine.function(), {0.0}).value, 1.0, 1e-12);
  EXPECT_NEAR(derivative(sine.function(), {std::numbers::pi / 2.0}).value, 0.0, 1e-12);
}

TEST(Derivative, KeepsItsErrorEstimateHonest) {
  struct Case {
    const char* text;
    double at;
    double slope;
    double curvature;
  };
  const double e = std::numbers::e;
  for (const Case& c : {Case{"exp(x)", 1.0, e, e}, Case{"sin(1000*x)", 0.0, 1000.0, 0.0},
                        Case{"log(x)", 1e-6, 1e6, -1e12}, Case{"1/x", -0.5, -4.0, -16.0},
                        Case{"x^9", 1.0, 9.0, 72.0}, Case{"sqrt(x)", 4.0, 0.25, -1.0 / 32.0},
                        Case{"1e8 + x^2", 1.0, 2.0, 2.0}, Case{"x^2", 1e8, 2e8, 2.0}}) {
    const Expression f(c.text);
    const Derivative slope = derivative(f.function(), {c.at});
    const Derivative curvature = second_derivative(f.function(), {c.at});
    const double scale = std::max(1.0, std::fabs(c.slope));
    EXPECT_NEAR(slope.value, c.slope, 10.0 * slope.error + 1e-15 * scale) << c.text;
    EXPECT_LT(slope.error, 1e-6 * scale) << c.text;
    EXPECT_NEAR(curvature.value, c.curvature,
                10.0 * curvature.error + 1e-15 * std::max(1.0, std::fabs(c.curvature)))
        << c.text;
  }
}

TEST(Derivative, OfTwoVariables) {
  const Expression bowl("x^2 + y^2");
  const Point slope = gradient(bowl.function(), {3.0, 4.0});
  ASSERT_EQ(slope.size(), 2U);
  EXPECT_NEAR(slope[0], 6.0, 1e-12);
  EXPECT_NEAR(slope[1], 8.0, 1e-12);
  const Expression tilted("x^2*y + 3*x*y^2");
  const std::vector<double> curvature = hessian(tilted.function(), {1.0, 2.0});
  EXPECT_NEAR(curvature[0], 4.0, 1e-10);   // 2 y
  EXPECT_NEAR(curvature[1], 14.0, 1e-10);  // 2 x + 6 y
  EXPECT_EQ(curvature[1], curvature[2]);
  EXPECT_NEAR(curvature[3], 6.0, 1e-10);  // 6 x
}

TEST(Derivative, IsNotANumberWhereThereIsNone) {
  const Expression root("sqrt(x)");
  EXPECT_TRUE(std::isnan(derivative(root.function(), {0.0}).value));
  EXPECT_TRUE(std::isnan(max_norm({1.0, std::nan(""), 3.0})));
}

// Truncation falls with h, as h for forward and h^2 for central differences, until rounding takes
// over and grows as 1/h.
TEST(Derivative, StudyShowsTruncationAndRounding) {
  const Expression f("exp(x)");
  const DerivativeStudy study = study_derivative(f.function(), {1.0});
  ASSERT_EQ(study.rows.size(), 17U);
  const double e = std::numbers::e;
  for (const std::size_t k : {2U, 3U, 4U}) {
    const double h = study.rows[k].h;
    EXPECT_NEAR(study.rows[k].forward_error, 0.5 * h * e, 0.02 * h * e);
    EXPECT_NEAR(study.rows[k].central_error, h * h * e / 6.0, 0.02 * h * h * e + 1e-12);
  }
  EXPECT_GT(study.rows[14].forward_error, 1e3 * study.rows[8].forward_error);
  EXPECT_GT(study.rows[14].central_error, 1e3 * study.rows[5].central_error);
  EXPECT_EQ(study.rows[16].forward, 0.0);  // 1 + 1e-16 is 1
  EXPECT_LT(study.rows[5].central_error, study.rows[8].forward_error);
}

}  // namespace
}  // namespace steepest::tests
