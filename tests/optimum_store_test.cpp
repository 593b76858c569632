// SPDX-License-Identifier: Apache-2.0
// Optima kept for later sweeps: found again for exactly the same problem, and for no other.
#include "src/train/optimum_store.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>

#include "tests/temporary_folder.hpp"

namespace steepest::tests {
namespace {

using train::OptimumStore;
using train::RunIdentity;

RunIdentity problem(const std::string& l2) {
  return {"optimum", {{"--loss", "softmax"}, {"--l2", l2}}, "0123 4567"};
}

SweepOptimum optimum() {
  SweepOptimum found;
  found.objective = 0.1 + 0.2;
  found.gradient_max_norm = 1e-13;
  found.validation_loss = std::numeric_limits<double>::quiet_NaN();
  found.resolution = 1e-16;
  found.converged = true;
  found.seconds = 2.0;
  found.method = "descent: converged";
  return found;
}

TEST(OptimumStore, FindsWhatItKeptToTheBit) {
  const TemporaryFolder folder;
  const OptimumStore store(folder.path("cache/steepest"));
  EXPECT_TRUE(store.is_empty());
  EXPECT_FALSE(store.find(problem("0.1")));
  store.keep(problem("0.1"), optimum());
  EXPECT_FALSE(store.is_empty());
  const auto found = store.find(problem("0.1"));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->objective, optimum().objective);
  EXPECT_EQ(found->gradient_max_norm, optimum().gradient_max_norm);
  EXPECT_TRUE(std::isnan(found->validation_loss));
  EXPECT_TRUE(found->converged);
  EXPECT_NE(found->method.find("found before"), std::string::npos);
  EXPECT_FALSE(store.find(problem("0.2")));
}

TEST(OptimumStore, KeepsNothingThatIsNoneOrWasQuick) {
  const TemporaryFolder folder;
  const OptimumStore store(folder.path("cache"));
  SweepOptimum stopped = optimum();
  stopped.converged = false;
  store.keep(problem("0.1"), stopped);
  SweepOptimum quick = optimum();
  quick.seconds = OptimumStore::least_seconds / 2;
  store.keep(problem("0.1"), quick);
  EXPECT_TRUE(store.is_empty());
  const OptimumStore none("");
  none.keep(problem("0.1"), optimum());
  EXPECT_FALSE(none.find(problem("0.1")));
  const OptimumStore unwritable("/proc/none/such");
  unwritable.keep(problem("0.1"), optimum());
  EXPECT_FALSE(unwritable.find(problem("0.1")));
}

TEST(OptimumStore, PassesOverFilesThatAreNotItsOwn) {
  const TemporaryFolder folder;
  const OptimumStore store(folder.path("cache"));
  store.keep(problem("0.1"), optimum());
  for (const auto& entry : std::filesystem::directory_iterator(folder.path("cache"))) {
    std::ofstream(entry.path()) << "{\"format\": \"steepest-optimum-1\", \"objective\": 3}";
  }
  EXPECT_FALSE(store.find(problem("0.1")));
  for (const auto& entry : std::filesystem::directory_iterator(folder.path("cache"))) {
    std::ofstream(entry.path()) << "[[[";
  }
  EXPECT_FALSE(store.find(problem("0.1")));
}

}  // namespace
}  // namespace steepest::tests
