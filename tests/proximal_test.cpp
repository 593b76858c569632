// SPDX-License-Identifier: Apache-2.0
#include "steepest/proximal.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "steepest/constraint.hpp"
#include "steepest/error.hpp"

namespace steepest::tests {
namespace {

const std::vector<Bound> bounds = {{}, {0.0, unbounded}, {-0.5, 0.25}, {0.5, 2.0}, {-2.0, -1.0}};

// No point of a fine grid within the bound has a lower value.
TEST(Proximal, PointIsTheMinimum) {
  for (const Bound& bound : bounds) {
    for (const double threshold : {0.0, 0.3, 1.0}) {
      for (double v = -3.0; v <= 3.0; v += 0.125) {
        const auto value = [&](double w) {
          return 0.5 * (w - v) * (w - v) + threshold * std::fabs(w);
        };
        const double found = proximal_point(v, threshold, bound);
        EXPECT_GE(found, bound.low);
        EXPECT_LE(found, bound.high);
        for (double w = std::fmax(-4.0, bound.low); w <= std::fmin(4.0, bound.high);
             w += 0.015625) {
          EXPECT_GE(value(w), value(found) - 1e-14) << v << " " << threshold << " " << w;
        }
      }
    }
  }
}

TEST(Proximal, PointIsExactlyZeroAndNeverNegativeZero) {
  for (const double v : {-0.5, -0.1, 0.0, 0.3, 0.5}) {
    const double found = proximal_point(v, 0.5, {});
    EXPECT_EQ(found, 0.0);
    EXPECT_FALSE(std::signbit(found)) << v;
  }
  EXPECT_TRUE(std::isnan(proximal_point(std::nan(""), 0.5, {})));
}

// 0 exactly where the proximal step of any length stays, and else what the step goes along.
TEST(Proximal, SubgradientVanishesWhereStepsDo) {
  for (const Bound& bound : bounds) {
    for (const double l1 : {0.0, 0.4}) {
      for (const double w : {-2.0, -1.5, -0.5, -0.125, 0.0, 0.25, 0.5, 1.0, 2.0}) {
        if (w < bound.low || w > bound.high) {
          continue;
        }
        for (const double g : {-2.0, -0.4, -0.1, 0.0, 0.3, 0.4, 1.5}) {
          const double found = smallest_subgradient(g, l1, w, bound);
          constexpr double rate = 1e-4;  // too short to reach another kink
          const double next = proximal_point(w - rate * g, rate * l1, bound);
          EXPECT_NEAR((w - next) / rate, found, 1e-9) << g << " " << l1 << " " << w;
        }
      }
    }
  }
}

TEST(Constraint, TextsGoBothWays) {
  for (const char* text : {"none", "nonnegative", "simplex", "box:-1:2.5", "box:-inf:0"}) {
    EXPECT_EQ(to_string(parse_constraint(text)), text);
  }
  for (const char* text : {"", "positive", "box", "box:1", "box:2:1", "box:a:b", "box:0:1:2",
                           "box:nan:1", "box:inf:inf", "simplex:1"}) {
    EXPECT_THROW(static_cast<void>(parse_constraint(text)), OptionError) << text;
  }
}

}  // namespace
}  // namespace steepest::tests
