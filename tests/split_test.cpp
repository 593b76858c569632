// SPDX-License-Identifier: Apache-2.0
#include "steepest/split.hpp"

#include <gtest/gtest.h>

#include "steepest/error.hpp"

namespace steepest::tests {
namespace {

Dataset numbered(std::int64_t rows) {
  Dataset data;
  data.features = FeatureMatrix(rows, 2);
  data.schema.target_names = {"y"};
  for (std::int64_t i = 0; i < rows; ++i) {
    data.features.row(i)[0] = static_cast<float>(i);
    data.features.row(i)[1] = static_cast<float>(-i);
    data.targets.push_back(static_cast<double>(10 * i));
    data.weights.push_back(static_cast<double>(i) + 0.5);
  }
  return data;
}

void expect_whole_rows(const Dataset& data, std::vector<bool>& seen) {
  float previous = -1.0F;
  for (std::int64_t i = 0; i < data.rows(); ++i) {
    const float id = data.features.row(i)[0];
    EXPECT_GT(id, previous) << "the order of the rows changed";
    previous = id;
    EXPECT_EQ(data.features.row(i)[1], -id);
    EXPECT_EQ(data.targets[static_cast<std::size_t>(i)], 10.0 * static_cast<double>(id));
    EXPECT_EQ(data.weights[static_cast<std::size_t>(i)], static_cast<double>(id) + 0.5);
    EXPECT_FALSE(seen[static_cast<std::size_t>(id)]);
    seen[static_cast<std::size_t>(id)] = true;
  }
}

TEST(TakeRows, PartsAreDisjointAndWhole) {
  Dataset data = numbered(101);
  const Dataset part = take_rows(data, 0.25, 7);
  EXPECT_EQ(part.rows(), 25);
  EXPECT_EQ(data.rows(), 76);
  EXPECT_EQ(data.targets.size(), 76U);
  std::vector<bool> seen(101, false);
  expect_whole_rows(part, seen);
  expect_whole_rows(data, seen);
  EXPECT_EQ(std::count(seen.begin(), seen.end(), true), 101);
}

TEST(TakeRows, DependsOnTheSeedAlone) {
  Dataset a = numbered(50);
  Dataset b = numbered(50);
  Dataset c = numbered(50);
  EXPECT_EQ(take_rows(a, 0.5, 1).targets, take_rows(b, 0.5, 1).targets);
  EXPECT_NE(take_rows(c, 0.5, 2).targets, b.targets);
}

TEST(TakeRows, RefusesAnEmptyPart) {
  Dataset data = numbered(3);
  for (const double fraction : {0.0, 0.1, 0.9, 1.0, -1.0}) {
    EXPECT_THROW(static_cast<void>(take_rows(data, fraction, 0)), OptionError) << fraction;
  }
}

}  // namespace
}  // namespace steepest::tests
