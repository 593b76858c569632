// SPDX-License-Identifier: Apache-2.0
// Critical points and scans against calculus.
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "steepest/critical_points.hpp"
#include "steepest/error.hpp"
#include "steepest/expression.hpp"
#include "tests/thrown.hpp"

namespace steepest::tests {
namespace {

std::vector<CriticalPoint> points_of(const std::string& text, const std::vector<Interval>& box) {
  const Expression f(text);
  return critical_points(f.function(), box);
}

TEST(CriticalPoints, OfTwoValleys) {
  const auto points = points_of("x^4 - 4*x^2 + 1", {{-3.0, 3.0}});
  ASSERT_EQ(points.size(), 3U);
  EXPECT_NEAR(points[0].at[0], -std::numbers::sqrt2, 1e-10);
  EXPECT_NEAR(points[1].at[0], 0.0, 1e-10);
  EXPECT_NEAR(points[2].at[0], std::numbers::sqrt2, 1e-10);
  EXPECT_EQ(points[0].kind, CriticalKind::minimum);
  EXPECT_EQ(points[1].kind, CriticalKind::maximum);
  EXPECT_EQ(points[2].kind, CriticalKind::minimum);
  EXPECT_NEAR(points[0].value, -3.0, 1e-12);
  EXPECT_NEAR(points[0].curvatures[0], 16.0, 1e-6);  // 12 x^2 - 8
  EXPECT_NEAR(points[1].curvatures[0], -8.0, 1e-6);
}

TEST(CriticalPoints, WhereTheSecondDerivativeIsZeroNothingIsConcluded) {
  for (const char* text : {"x^3", "x^4", "-x^6", "5"}) {
    const auto points = points_of(text, {{-1.0, 2.0}});
    ASSERT_EQ(points.size(), 1U) << text;
    EXPECT_EQ(points[0].kind, CriticalKind::inconclusive) << text;
  }
  EXPECT_NEAR(points_of("x^3", {{-1.0, 2.0}})[0].at[0], 0.0, 1e-4);
  const auto shifted = points_of("(x - 0.37)^3", {{-1.0, 2.0}});
  ASSERT_EQ(shifted.size(), 1U);
  EXPECT_NEAR(shifted[0].at[0], 0.37, 1e-4);
  EXPECT_EQ(shifted[0].kind, CriticalKind::inconclusive);
}

TEST(CriticalPoints, AllOfAWave) {
  const auto points = points_of("sin(x)", {{0.0, 20.0}});
  ASSERT_EQ(points.size(), 6U);
  for (std::size_t k = 0; k < points.size(); ++k) {
    EXPECT_NEAR(points[k].at[0], (static_cast<double>(k) + 0.5) * std::numbers::pi, 1e-9);
    EXPECT_EQ(points[k].kind, k % 2 == 0 ? CriticalKind::maximum : CriticalKind::minimum);
  }
}

TEST(CriticalPoints, PolesAreNoneAndKinksAreSaid) {
  EXPECT_TRUE(points_of("log(abs(x))", {{-1.0, 1.7}}).empty());
  EXPECT_TRUE(points_of("1/x", {{-1.0, 1.0}}).empty());
  EXPECT_TRUE(points_of("x", {{-1.0, 1.0}}).empty());
  const auto kink = points_of("abs(x - 0.3) + 1", {{-1.0, 2.0}});
  ASSERT_EQ(kink.size(), 1U);
  EXPECT_NEAR(kink[0].at[0], 0.3, 1e-9);
  EXPECT_FALSE(kink[0].smooth);
  EXPECT_EQ(kink[0].kind, CriticalKind::minimum);
  const auto at_a_node = points_of("-abs(x)", {{-1.0, 1.0}});
  ASSERT_EQ(at_a_node.size(), 1U);
  EXPECT_FALSE(at_a_node[0].smooth);
  EXPECT_EQ(at_a_node[0].kind, CriticalKind::maximum);
  const auto partly = points_of("sqrt(x) - x", {{-1.0, 1.0}});
  ASSERT_EQ(partly.size(), 1U);
  EXPECT_NEAR(partly[0].at[0], 0.25, 1e-9);
}

TEST(CriticalPoints, OfTwoVariablesByTheHessian) {
  // x^3 - 3x + y^2: minimum at (1, 0), saddle at (-1, 0).
  const auto points = points_of("x^3 - 3*x + y^2", {{-2.0, 2.0}, {-2.0, 2.0}});
  ASSERT_EQ(points.size(), 2U);
  EXPECT_NEAR(points[0].at[0], -1.0, 1e-9);
  EXPECT_EQ(points[0].kind, CriticalKind::saddle);
  EXPECT_NEAR(points[0].curvatures[0], -6.0, 1e-6);
  EXPECT_NEAR(points[0].curvatures[1], 2.0, 1e-6);
  EXPECT_NEAR(points[1].at[0], 1.0, 1e-9);
  EXPECT_NEAR(points[1].at[1], 0.0, 1e-9);
  EXPECT_EQ(points[1].kind, CriticalKind::minimum);
  const auto top = points_of("-x^2 - 2*y^2 + x*y", {{-1.0, 1.5}, {-2.0, 1.0}});
  ASSERT_EQ(top.size(), 1U);
  EXPECT_EQ(top[0].kind, CriticalKind::maximum);
}

TEST(CriticalPoints, BadIntervals) {
  EXPECT_THROW(points_of("x^2", {{3.0, 0.0}}), OptionError);
  EXPECT_THROW(points_of("x^2", {{1.0, 1.0}}), OptionError);
  EXPECT_THROW(points_of("x^2", {{0.0, HUGE_VAL}}), OptionError);
  EXPECT_THROW(points_of("sqrt(x)", {{-3.0, -1.0}}), InputError);
}

TEST(Scan, FindsTheLowestOfAnInterval) {
  const Expression f("x^3 - 3*x + 1");
  const ScanResult result = scan(f.function(), {{0.0, 3.0}}, 100);
  EXPECT_NEAR(result.at[0], 1.0, 1e-9);
  EXPECT_NEAR(result.value, -1.0, 1e-12);
  EXPECT_FALSE(result.on_edge);
  EXPECT_EQ(result.evaluated, 100);
  EXPECT_NEAR(result.grid_point[0], 1.0, 3.0 / 99.0);
}

TEST(Scan, SeesEnds) {
  const Expression f("x^3 - 3*x + 1");
  const ScanResult left = scan(f.function(), {{-3.0, 3.0}}, 601);
  EXPECT_EQ(left.at[0], -3.0);
  EXPECT_EQ(left.value, -17.0);
  EXPECT_TRUE(left.on_edge);
}

TEST(Scan, OfManyValleysFindsTheDeepest) {
  // Rastrigin's function: global minimum 0 at 0 among many.
  const Expression one("10 + (x - 0.2)^2 - 10*cos(2*pi*(x - 0.2))");
  EXPECT_NEAR(scan(one.function(), {{-5.0, 5.0}}, 200).at[0], 0.2, 1e-8);
  const Expression two("20 + x^2 + y^2 - 10*cos(2*pi*x) - 10*cos(2*pi*y)");
  const ScanResult result = scan(two.function(), {{-5.1, 5.0}, {-4.9, 5.0}}, 101);
  EXPECT_NEAR(result.at[0], 0.0, 1e-7);
  EXPECT_NEAR(result.at[1], 0.0, 1e-7);
  EXPECT_NEAR(result.value, 0.0, 1e-12);
}

TEST(Scan, SaysWhenItWentIntoAPole) {
  const Expression pole("1/x");
  EXPECT_TRUE(scan(pole.function(), {{-1.0, 1.0}}, 20).discontinuous);
  const Expression log("log(x)");
  EXPECT_TRUE(scan(log.function(), {{0.0, 1.0}}, 20).discontinuous);
  for (const char* text : {"sqrt(x)", "x^2 - x", "abs(x - 0.3)", "rint(x)", "x*log(x)"}) {
    const Expression f(text);
    EXPECT_FALSE(scan(f.function(), {{0.0, 2.0}}, 20).discontinuous) << text;
  }
}

TEST(Scan, PassesOverUndefinedPoints) {
  const Expression f("x*log(x)");
  const ScanResult result = scan(f.function(), {{-1.0, 2.0}}, 301);
  EXPECT_NEAR(result.at[0], 1.0 / std::numbers::e, 1e-8);
  EXPECT_EQ(result.undefined, 101);
  const Expression nowhere("log(-x^2)");
  EXPECT_THROW(std::ignore = scan(nowhere.function(), {{-1.0, 2.0}}, 10), InputError);
  EXPECT_THROW(std::ignore = scan(f.function(), {{1.0, 2.0}}, 1), OptionError);
  EXPECT_THROW(std::ignore = scan(f.function(), {{1.0, 2.0}}, 1'000'000'000), OptionError);
}

}  // namespace
}  // namespace steepest::tests
