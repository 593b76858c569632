// SPDX-License-Identifier: Apache-2.0
#include "kernels/elementary.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "tests/vector_levels.hpp"

namespace steepest::tests {
namespace {

// Some units of the last place of a double.
constexpr double rounding = 1e-15;

std::vector<double> exponents() {
  std::vector<double> values{0.0, -0.0, -1e-300, -1e-9, 1.0, 700.0, -700.0, -708.0};
  for (int i = 0; i < 1000; ++i) {
    values.push_back(-0.709 * i);
  }
  return values;
}

TEST(Elementary, ExponentialsAreThoseOfTheLibrary) {
  at_every_vector_level([] {
    const std::vector<double> of = exponents();
    std::vector<double> found = of;
    kernels::exponentials(found.data(), static_cast<std::int64_t>(found.size()));
    for (std::size_t i = 0; i < of.size(); ++i) {
      const double expected = of[i] >= -708.0 ? std::exp(of[i]) : 0.0;
      EXPECT_NEAR(found[i], expected, rounding * expected) << of[i];
    }
    EXPECT_EQ(found[0], 1.0);
    double far[] = {-709.0, -1e9, -1e308, -HUGE_VAL};
    kernels::exponentials(far, 4);
    for (const double value : far) {
      EXPECT_EQ(value, 0.0);
    }
  });
}

TEST(Elementary, LogarithmsAreThoseOfTheLibrary) {
  at_every_vector_level([] {
    std::vector<double> of;
    for (int i = -300; i <= 300; ++i) {
      of.push_back(std::pow(10.0, i));
      of.push_back(1.0 + i * 1e-3);
    }
    std::vector<double> found = of;
    kernels::logarithms(found.data(), static_cast<std::int64_t>(found.size()));
    for (std::size_t i = 0; i < of.size(); ++i) {
      EXPECT_NEAR(found[i], std::log(of[i]), rounding * std::fabs(std::log(of[i]))) << of[i];
    }
  });
}

// The same bits wherever a number stands, also in a last vector that is not full.
TEST(Elementary, ResultsDependOnTheirOwnNumberAlone) {
  at_every_vector_level([] {
    const std::vector<double> of = exponents();
    std::vector<double> together = of;
    kernels::exponentials(together.data(), static_cast<std::int64_t>(together.size()));
    for (std::size_t i = 0; i < of.size(); i += 7) {
      double alone = of[i];
      kernels::exponentials(&alone, 1);
      EXPECT_EQ(alone, together[i]) << of[i];
    }
  });
}

}  // namespace
}  // namespace steepest::tests
