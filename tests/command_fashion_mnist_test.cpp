// SPDX-License-Identifier: Apache-2.0
// The whole way on real data of real size: 60,000 images, 784 features, 10 classes.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <stdexcept>

#include "tests/run_command.hpp"
#include "tests/sanitizers.hpp"

namespace steepest::tests {
namespace {

// The optimum found by tests/reference/fashion_mnist_optimum.py for this penalty.
double optimum_of(double l2) {
  std::ifstream file(std::string(STEEPEST_SOURCE_FOLDER) + "/tests/reference/fashion_mnist.json");
  for (const auto& entry : nlohmann::json::parse(file)) {
    if (std::abs(entry["l2"].get<double>() - l2) < 1e-12) {
      return entry["objective"];
    }
  }
  throw std::runtime_error("no reference for this penalty");
}

class FashionMnist : public testing::Test {
 protected:
  void SetUp() override {
#ifdef STEEPEST_SANITIZED
    GTEST_SKIP() << "sanitizers would take an hour";
#endif
    const std::string source = "/usr/share/datasets/fashion-mnist/train-images-idx3-ubyte.gz";
    if (!std::filesystem::exists(source)) {
      GTEST_SKIP() << "Debian's package dataset-fashion-mnist is not installed";
    }
    const std::string line = std::string(STEEPEST_SOURCE_FOLDER) + "/scripts/fashion_mnist_csv " +
                             folder.path("images") + " 2>/dev/null";
    ASSERT_EQ(std::system(line.c_str()), 0);
  }

  // Runs fit with these options and holds the objective against the optimum.
  nlohmann::json expect_near_optimum(const std::string& options, double l2) {
    const CommandRun run =
        run_command(folder, "fit " + folder.path("images/train.csv") +
                                " --target label --model softmax --json --valid " +
                                folder.path("images/test.csv") + " " + options);
    EXPECT_EQ(run.exit_code, 0) << run.err;
    nlohmann::json json = run.json();
    EXPECT_EQ(json["termination"]["converged"], true);
    EXPECT_NEAR(json["model"]["l2"].get<double>(), l2, 1e-15);
    const double optimum = optimum_of(l2);
    const double objective = json["objective"]["total"];
    EXPECT_LE(objective, optimum * (1 + 1e-3));
    EXPECT_GE(objective, optimum * (1 - 1e-3));
    return json;
  }

  const TemporaryFolder folder;
};

TEST_F(FashionMnist, DefaultComesWithinAThousandthOfTheOptimum) {
  expect_near_optimum("", 1.0 / 60000);
}

// 0.842: logistic regression in the table of arXiv 1708.07747.
TEST_F(FashionMnist, APenalisedFitBeatsThePublishedAccuracy) {
  const nlohmann::json json = expect_near_optimum("--l2 0.001", 0.001);
  EXPECT_GE(json["metrics"]["validation"]["accuracy"].get<double>(), 0.842);
}

}  // namespace
}  // namespace steepest::tests
