// SPDX-License-Identifier: Apache-2.0
#include "steepest/generate.hpp"

#include <gtest/gtest.h>

#include <Eigen/Dense>
#include <cmath>

#include "steepest/error.hpp"

namespace steepest::tests {
namespace {

TEST(Generator, FeaturesHaveTheConditionAskedFor) {
  GeneratorOptions options;
  options.features = 6;
  options.condition = 1000;
  const Generator generator(options);
  constexpr std::int64_t rows = 40000;
  Eigen::MatrixXd moment = Eigen::MatrixXd::Zero(6, 6);
  for (std::int64_t i = 0; i < rows; ++i) {
    const std::vector<float> row = generator.features(i);
    const Eigen::VectorXd x = Eigen::Map<const Eigen::VectorXf>(row.data(), 6).cast<double>();
    moment += x * x.transpose() / rows;
  }
  const Eigen::VectorXd values =
      Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd>(moment).eigenvalues();
  EXPECT_NEAR(values(5) / values(0), 1000.0, 50.0);
  EXPECT_NEAR(values(5), 1.0, 0.03);
}

TEST(Generator, LinearTargetsAreTheModelPlusNoise) {
  GeneratorOptions options;
  options.noise = 0.25;
  options.rows = 20000;
  const Generator generator(options);
  double square = 0.0;
  for (std::int64_t i = 0; i < options.rows; ++i) {
    const auto x = generator.features(i);
    double expected = generator.intercept()[0];
    for (std::size_t j = 0; j < x.size(); ++j) {
      expected += generator.coefficients()[j] * static_cast<double>(x[j]);
    }
    const double noise = generator.target(i, x) - expected;
    square += noise * noise / static_cast<double>(options.rows);
  }
  EXPECT_NEAR(std::sqrt(square), 0.25, 0.005);
}

// Labels of the softmax generator follow its probabilities: the mean log-loss of the truth equals
// the mean entropy within sampling error.
TEST(Generator, SoftmaxLabelsFollowTheirProbabilities) {
  GeneratorOptions options;
  options.kind = GeneratorKind::softmax;
  options.features = 4;
  options.classes = 3;
  const Generator generator(options);
  constexpr int rows = 20000;
  double loss = 0.0;
  double entropy = 0.0;
  for (int i = 0; i < rows; ++i) {
    const auto x = generator.features(i);
    double total = 0.0;
    double scores[3];
    for (std::size_t c = 0; c < 3; ++c) {
      scores[c] = generator.intercept()[c];
      for (std::size_t j = 0; j < 4; ++j) {
        scores[c] += generator.coefficients()[c * 4 + j] * static_cast<double>(x[j]);
      }
      total += std::exp(scores[c]);
    }
    loss += std::log(total) - scores[static_cast<int>(generator.target(i, x))];
    for (const double score : scores) {
      entropy += std::exp(score) / total * (std::log(total) - score);
    }
  }
  EXPECT_NEAR(loss / rows, entropy / rows, 0.02);
}

TEST(Generator, RefusesSettingsOutOfRange) {
  const auto refused = [](auto change) {
    GeneratorOptions options;
    options.kind = GeneratorKind::softmax;
    change(options);
    EXPECT_THROW(Generator{options}, OptionError);
  };
  refused([](GeneratorOptions& o) { o.rows = 0; });
  refused([](GeneratorOptions& o) { o.features = 0; });
  refused([](GeneratorOptions& o) { o.classes = 1; });
  refused([](GeneratorOptions& o) { o.noise = -1; });
  refused([](GeneratorOptions& o) { o.condition = 0.5; });
  refused([](GeneratorOptions& o) { o.temperature = 0; });
  EXPECT_THROW(static_cast<void>(parse_generator("cubic")), OptionError);
}

}  // namespace
}  // namespace steepest::tests
