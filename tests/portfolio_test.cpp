// SPDX-License-Identifier: Apache-2.0
// Portfolios against closed forms, the KKT conditions, and SciPy's SLSQP.
#include "steepest/portfolio.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <numeric>
#include <random>

#include "steepest/error.hpp"
#include "tests/thrown.hpp"

namespace steepest::tests {
namespace {

// w1 = (s2^2 - r s1 s2) / (s1^2 + s2^2 - 2 r s1 s2), cut to [0, 1].
double two_asset_weight(double s1, double s2, double r) {
  const double cross = r * s1 * s2;
  return std::clamp((s2 * s2 - cross) / (s1 * s1 + s2 * s2 - 2.0 * cross), 0.0, 1.0);
}

TEST(Portfolio, OfTwoAssetsIsTheClosedForm) {
  const Portfolio classic = minimum_variance({{0.04, 0.0, 0.0, 0.01}, {}});
  EXPECT_NEAR(classic.weights[0], 0.2, 1e-14);
  EXPECT_NEAR(classic.variance, 0.008, 1e-16);
  for (const double r : {-0.9, -0.3, 0.0, 0.4, 0.6, 0.9}) {
    for (const double s1 : {0.05, 0.1, 0.2, 0.7}) {
      const double cross = r * s1 * 0.1;
      const Portfolio found = minimum_variance({{s1 * s1, cross, cross, 0.01}, {}});
      EXPECT_NEAR(found.weights[0], two_asset_weight(s1, 0.1, r), 1e-10) << r << " " << s1;
      EXPECT_NEAR(found.weights[0] + found.weights[1], 1.0, 1e-14);
      EXPECT_TRUE(found.termination.converged());
    }
  }
}

TEST(Portfolio, OfUncorrelatedAssetsGoesByInverseVariance) {
  const std::vector<double> variances{0.01, 0.02, 0.04, 0.05};
  Assets assets;
  assets.covariance.assign(16, 0.0);
  double sum = 0.0;
  for (std::size_t i = 0; i < 4; ++i) {
    assets.covariance[5 * i] = variances[i];
    sum += 1.0 / variances[i];
  }
  const Portfolio found = minimum_variance(assets);
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_NEAR(found.weights[i], 1.0 / variances[i] / sum, 1e-14);
    EXPECT_NEAR(found.risk_shares[i], found.weights[i], 1e-13);
  }
  EXPECT_NEAR(found.variance, 1.0 / sum, 1e-16);
}

Assets random_assets(std::uint64_t seed, std::size_t n, std::size_t factors, double noise) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal;
  std::vector<double> loadings(n * factors);
  for (double& loading : loadings) {
    loading = 0.2 * normal(random);
  }
  Assets assets;
  assets.covariance.assign(n * n, 0.0);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      for (std::size_t k = 0; k < factors; ++k) {
        assets.covariance[i * n + j] += loadings[i * factors + k] * loadings[j * factors + k];
      }
    }
    assets.covariance[i * n + i] += noise * (0.5 + std::fabs(normal(random)));
    assets.expected_returns.push_back(0.05 + 0.03 * normal(random));
  }
  return assets;
}

// Sum, bounds, and one multiplier for all free weights: written out again, from the definition.
void expect_kkt(const Assets& assets, const Portfolio& found, double tau, double tolerance) {
  const std::size_t n = found.weights.size();
  EXPECT_NEAR(std::accumulate(found.weights.begin(), found.weights.end(), 0.0), 1.0, 1e-12);
  double largest = -1e300;
  double least = 1e300;
  for (std::size_t i = 0; i < n; ++i) {
    double slope = -tau * assets.expected_returns[i];
    for (std::size_t j = 0; j < n; ++j) {
      slope += assets.covariance[i * n + j] * found.weights[j];
    }
    EXPECT_GE(found.weights[i], assets.low);
    EXPECT_LE(found.weights[i], assets.high);
    largest = found.weights[i] > assets.low ? std::max(largest, slope) : largest;
    least = found.weights[i] < assets.high ? std::min(least, slope) : least;
  }
  EXPECT_LE(largest - least, tolerance);
  EXPECT_LE(found.kkt_violation, tolerance);
  EXPECT_TRUE(found.termination.converged()) << found.termination.inequality;
}

TEST(Portfolio, MeetsTheKktConditionsOnRandomProblems) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    const std::size_t n = 2 + seed % 50;
    Assets assets = random_assets(seed, n, 1 + seed % 6, seed % 3 == 0 ? 1e-4 : 0.02);
    assets.low = seed % 4 == 1 ? -0.3 : 0.0;
    assets.high = seed % 5 == 2 ? 2.0 / static_cast<double>(n) : 1.0;
    SCOPED_TRACE(seed);
    expect_kkt(assets, minimum_variance(assets), 0.0, 1e-9);
    const Portfolio utility = best_utility(assets, 3.0);
    expect_kkt(assets, utility, 1.0 / 3.0, 1e-9);
    const double between = 0.5 * (*minimum_variance(assets).expected_return +
                                  *best_utility(assets, 0.5).expected_return);
    const Portfolio targeted = with_target_return(assets, between);
    EXPECT_NEAR(*targeted.expected_return, between, 1e-9);
    expect_kkt(assets, targeted, targeted.risk_tolerance, 1e-8);
  }
}

TEST(Portfolio, AgreesWithSlsqp) {
  std::ifstream file(std::string(STEEPEST_SOURCE_FOLDER) + "/tests/reference/portfolio.json");
  const auto cases = nlohmann::json::parse(file).at("cases");
  ASSERT_GE(cases.size(), 8U);
  for (const auto& c : cases) {
    const Assets assets{c["covariance"], c["expected_returns"], c["low"], c["high"]};
    const auto expect = [&](const Portfolio& found, const char* name, double tau) {
      const double theirs = c[name]["objective"];
      const double ours = 0.5 * found.variance - tau * *found.expected_return;
      EXPECT_NEAR(ours, theirs, 1e-9) << name;
      EXPECT_LE(ours, theirs + 1e-12) << name;  // never worse than SLSQP
      for (std::size_t i = 0; i < found.weights.size(); ++i) {
        EXPECT_NEAR(found.weights[i], c[name]["weights"][i], 2e-5) << name << " " << i;
      }
    };
    expect(minimum_variance(assets), "minimum_variance", 0.0);
    expect(best_utility(assets, c["risk_aversion"]), "best_utility", 0.25);
    expect(with_target_return(assets, c["target_return"]), "with_target_return", 0.0);
  }
}

// Every other portfolio is worse by at most the gap: here 1000 random ones, none better.
TEST(Portfolio, GapIsABound) {
  const Assets assets = random_assets(7, 6, 2, 0.01);
  PortfolioOptions hasty;
  hasty.steps = 0;
  const Portfolio unsolved = minimum_variance(assets, hasty);
  const Portfolio solved = minimum_variance(assets);
  EXPECT_LE(0.5 * unsolved.variance - 0.5 * solved.variance, unsolved.gap * (1.0 + 1e-12));
  std::mt19937_64 random(3);
  std::exponential_distribution<double> exponential;
  for (int round = 0; round < 1000; ++round) {
    std::vector<double> w(6);
    std::generate(w.begin(), w.end(), [&] { return exponential(random); });
    const double sum = std::accumulate(w.begin(), w.end(), 0.0);
    double variance = 0.0;
    for (std::size_t i = 0; i < 6; ++i) {
      for (std::size_t j = 0; j < 6; ++j) {
        variance += w[i] * w[j] * assets.covariance[6 * i + j] / (sum * sum);
      }
    }
    EXPECT_GE(0.5 * variance, 0.5 * solved.variance - solved.gap);
  }
}

TEST(Portfolio, FrontierIsOneBankOfTheSingleProblems) {
  const Assets assets = random_assets(11, 12, 3, 0.02);
  const std::vector<Portfolio> frontier = efficient_frontier(assets, 15);
  ASSERT_EQ(frontier.size(), 15U);
  EXPECT_NEAR(frontier.front().variance, minimum_variance(assets).variance, 1e-14);
  const double largest =
      *std::max_element(assets.expected_returns.begin(), assets.expected_returns.end());
  EXPECT_NEAR(*frontier.back().expected_return, largest, 1e-12);
  for (std::size_t k = 0; k < frontier.size(); ++k) {
    EXPECT_TRUE(frontier[k].termination.converged()) << k << frontier[k].termination.inequality;
    const Portfolio alone = with_target_return(assets, *frontier[k].expected_return);
    EXPECT_NEAR(frontier[k].variance, alone.variance, 1e-10 * alone.variance);
    if (k > 1) {  // convex and rising: the slope of the variance never falls
      const double step = *frontier[k].expected_return - *frontier[k - 1].expected_return;
      EXPECT_GT(step, 0.0);
      EXPECT_GE(frontier[k].variance - frontier[k - 1].variance,
                frontier[k - 1].variance - frontier[k - 2].variance - 1e-12);
    }
  }
}

TEST(Portfolio, LivesWithSingularCovariances) {
  // Two assets that are one: any split is optimal, and the gap says so.
  const Portfolio twins = minimum_variance({{0.04, 0.04, 0.04, 0.04}, {}});
  EXPECT_NEAR(twins.variance, 0.04, 1e-15);
  EXPECT_TRUE(twins.termination.converged());
  // A hedge without risk.
  const Portfolio hedge = minimum_variance({{0.04, -0.02, -0.02, 0.01}, {}});
  EXPECT_NEAR(hedge.variance, 0.0, 1e-12);
  EXPECT_NEAR(hedge.weights[0], 1.0 / 3.0, 1e-6);
  EXPECT_TRUE(hedge.termination.converged());
  // Fewer periods than assets, and short sales: riskless portfolios without end.
  std::mt19937_64 random(5);
  std::normal_distribution<double> normal;
  std::vector<double> returns(800);  // 20 rows
  std::generate(returns.begin(), returns.end(), [&] { return 0.01 * normal(random); });
  Assets assets = assets_of_returns(returns, 40);
  assets.low = -1.0;
  const Portfolio riskless = minimum_variance(assets);
  EXPECT_NEAR(riskless.variance, 0.0, 1e-15);
  EXPECT_TRUE(riskless.termination.converged()) << riskless.termination.inequality;
  const Portfolio none = minimum_variance({{0.0}, {}});
  EXPECT_EQ(none.weights, std::vector<double>({1.0}));
}

TEST(Portfolio, SampleCovarianceOfReturns) {
  const Assets assets = assets_of_returns({1.0, 2.0, 3.0, 5.0, 5.0, 2.0}, 2);
  EXPECT_NEAR(assets.expected_returns[0], 3.0, 1e-15);
  EXPECT_NEAR(assets.expected_returns[1], 3.0, 1e-15);
  EXPECT_NEAR(assets.covariance[0], 4.0, 1e-15);
  EXPECT_NEAR(assets.covariance[1], 0.0, 1e-15);  // (-2)(-1) + 0 * 2 + 2 (-1) = 0
  EXPECT_NEAR(assets.covariance[3], 3.0, 1e-15);
  EXPECT_THROW(std::ignore = assets_of_returns({1.0, 2.0}, 2), InputError);
}

TEST(Portfolio, RefusesWhatIsNoProblem) {
  EXPECT_THROW(std::ignore = minimum_variance({{1.0, 2.0, 3.0}, {}}), InputError);
  EXPECT_THROW(std::ignore = minimum_variance({{1.0, 0.5, 0.2, 1.0}, {}}), InputError);
  EXPECT_THROW(std::ignore = minimum_variance({{1.0, 2.0, 2.0, 1.0}, {}}), InputError);
  EXPECT_THROW(std::ignore = minimum_variance({{-1.0}, {}}), InputError);
  EXPECT_THROW(std::ignore = minimum_variance({{1.0, std::nan(""), 0.0, 1.0}, {}}), InputError);
  const Assets two{{0.04, 0.0, 0.0, 0.01}, {0.1, 0.05}};
  EXPECT_THROW(std::ignore = best_utility(two, 0.0), OptionError);
  EXPECT_THROW(std::ignore = best_utility({{1.0}, {}}, 1.0), OptionError);
  EXPECT_THROW(std::ignore = efficient_frontier(two, 1), OptionError);
  Assets narrow = two;
  narrow.high = 0.4;
  EXPECT_THROW(std::ignore = minimum_variance(narrow), OptionError);
  const std::string message =
      thrown_message<OptionError>([&] { std::ignore = with_target_return(two, 0.2); });
  EXPECT_NE(message.find("the largest is 0.1"), std::string::npos) << message;
  EXPECT_NEAR(with_target_return(two, 0.1).weights[0], 1.0, 1e-9);
}

}  // namespace
}  // namespace steepest::tests
