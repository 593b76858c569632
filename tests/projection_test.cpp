// SPDX-License-Identifier: Apache-2.0
// Projections: the point found is in the set, and none of the set is nearer.
#include "steepest/projection.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>
#include <random>
#include <vector>

#include "steepest/error.hpp"

namespace steepest::tests {
namespace {

using Values = std::vector<double>;
constexpr double infinity = std::numeric_limits<double>::infinity();

Values projected(Values v, const Values& low, const Values& high, double total) {
  project_onto_sum_in_box(v, low, high, total);
  return v;
}

Values onto_simplex(Values v) {
  project_onto_simplex(v);
  return v;
}

TEST(Projection, OntoTheSimplexByHand) {
  const Values inside{0.2, 0.3, 0.5};
  const Values same = onto_simplex(inside);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_NEAR(same[i], inside[i], 1e-16);
  }
  EXPECT_EQ(onto_simplex({2.0, 0.0}), Values({1.0, 0.0}));
  // (1, 0.5): the difference stays, the sum becomes 1.
  EXPECT_EQ(onto_simplex({1.0, 0.5}), Values({0.75, 0.25}));
  EXPECT_EQ(onto_simplex({-7.0}), Values({1.0}));
  EXPECT_EQ(onto_simplex({0.0, 0.0, 0.0, 0.0}), Values({0.25, 0.25, 0.25, 0.25}));
}

TEST(Projection, OntoABoxByHand) {
  Values v{-1.0, 0.5, 9.0};
  project_onto_box(v, Values{0.0, 0.0, 0.0}, Values{1.0, 1.0, infinity});
  EXPECT_EQ(v, Values({0.0, 0.5, 9.0}));
  EXPECT_EQ(projected({0.0, 0.0}, {0.2, -infinity}, {0.2, infinity}, 1.0), Values({0.2, 0.8}));
  EXPECT_EQ(projected({5.0, 5.0}, {0.5, 0.5}, {0.5, 0.5}, 1.0), Values({0.5, 0.5}));
}

// w is the projection of v when it is feasible and v - w is a common shift on free coordinates,
// no more than it at the lower bound, no less at the upper: the conditions of Karush, Kuhn, Tucker.
void expect_projection(const Values& v, const Values& low, const Values& high, double total) {
  const Values w = projected(v, low, high, total);
  const double scale =
      1.0 + std::fabs(*std::max_element(v.begin(), v.end(), [](double a, double b) {
        return std::fabs(a) < std::fabs(b);
      }));
  EXPECT_NEAR(std::accumulate(w.begin(), w.end(), 0.0), total, 1e-12 * scale);
  double smallest = infinity;  // shift of those that could grow
  double largest = -infinity;  // shift of those that could shrink
  for (std::size_t i = 0; i < v.size(); ++i) {
    EXPECT_GE(w[i], low[i]);
    EXPECT_LE(w[i], high[i]);
    if (w[i] > low[i]) {
      smallest = std::min(smallest, v[i] - w[i]);
    }
    if (w[i] < high[i]) {
      largest = std::max(largest, v[i] - w[i]);
    }
  }
  EXPECT_LE(largest, smallest + 1e-12 * scale);
}

TEST(Projection, MeetsItsConditionsOnRandomSets) {
  std::mt19937_64 random(1);
  std::normal_distribution<double> normal;
  std::uniform_real_distribution<double> uniform;
  for (int round = 0; round < 500; ++round) {
    const auto d = static_cast<std::size_t>(1 + random() % 40);
    const double scale = std::pow(10.0, static_cast<double>(random() % 7) - 3.0);
    Values v;
    Values low;
    Values high;
    double least = 0.0;
    double most = 0.0;
    for (std::size_t i = 0; i < d; ++i) {
      v.push_back(round % 5 == 0 ? std::round(3.0 * normal(random)) : scale * normal(random));
      low.push_back(normal(random));
      high.push_back(low.back() + (random() % 4 == 0 ? 0.0 : uniform(random)));
      least += low.back();
      most += high.back();
    }
    expect_projection(v, low, high, least + uniform(random) * (most - least));
    expect_projection(v, low, high, least);
    expect_projection(v, low, high, most);
    expect_projection(v, Values(d, 0.0), Values(d, infinity), 1.0);
    expect_projection(v, Values(d, -infinity), Values(d, infinity), -3.0);
    expect_projection(v, Values(d, -infinity), Values(d, 0.5), 0.25);
  }
}

TEST(Projection, RefusesEmptySets) {
  EXPECT_THROW(projected({1.0, 2.0}, {0.0, 0.0}, {0.4, 0.4}, 1.0), OptionError);
  EXPECT_THROW(projected({1.0, 2.0}, {0.6, 0.6}, {1.0, 1.0}, 1.0), OptionError);
  EXPECT_THROW(projected({1.0}, {2.0}, {1.0}, 1.0), OptionError);
  Values v{1.0};
  EXPECT_THROW(project_onto_simplex(v, 0.0), OptionError);
  EXPECT_THROW(project_onto_box(v, Values{2.0}, Values{1.0}), OptionError);
}

TEST(Projection, OntoAWeightedSimplex) {
  std::mt19937 random(11);
  std::normal_distribution<double> normal;
  std::uniform_real_distribution<double> uniform(0.1, 3.0);
  for (int trial = 0; trial < 50; ++trial) {
    const std::size_t d = 1 + static_cast<std::size_t>(trial) % 9;
    Values v(d);
    Values weights(d);
    std::generate(v.begin(), v.end(), [&] { return 3.0 * normal(random); });
    std::generate(weights.begin(), weights.end(), [&] { return uniform(random); });
    Values found = v;
    project_onto_weighted_simplex(found, weights, 2.0);
    EXPECT_NEAR(std::inner_product(found.begin(), found.end(), weights.begin(), 0.0), 2.0, 1e-12);
    // The nearest point is the one from which v - w leads nowhere along the set: every vertex
    // 2 / a_i lies on the other side (the set is their hull).
    Values away(d);
    std::transform(found.begin(), found.end(), v.begin(), away.begin(), std::minus<>());
    const double here = std::inner_product(away.begin(), away.end(), found.begin(), 0.0);
    for (std::size_t i = 0; i < d; ++i) {
      EXPECT_GE(found[i], 0.0);
      EXPECT_GE(away[i] * 2.0 / weights[i], here - 1e-11) << trial;
    }
    // f(w) = |w - v|^2 / 2 has its minimum there, and nowhere near it.
    EXPECT_NEAR(simplex_subgradient_max(away, found, weights), 0.0, 1e-12);
    if (d > 1) {
      Values other(d);
      std::transform(weights.begin(), weights.end(), other.begin(),
                     [&](double a) { return 2.0 / (a * static_cast<double>(d)); });
      Values slope(d);
      std::transform(other.begin(), other.end(), v.begin(), slope.begin(), std::minus<>());
      EXPECT_GT(simplex_subgradient_max(slope, other, weights), 1e-6);
    }
    Values plain = v;
    Values equal = v;
    project_onto_simplex(plain, 2.0);
    project_onto_weighted_simplex(equal, Values(d, 1.0), 2.0);
    for (std::size_t i = 0; i < d; ++i) {
      EXPECT_NEAR(equal[i], plain[i], 1e-13);
    }
  }
}

}  // namespace
}  // namespace steepest::tests
