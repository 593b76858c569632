// SPDX-License-Identifier: Apache-2.0
#include "steepest/shuffle.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/row_selection.hpp"

namespace steepest::tests {
namespace {

TEST(RowOrder, VisitsEveryRowOnce) {
  for (const std::int64_t rows : {1, 2, 3, 4, 5, 7, 8, 9, 31, 100, 1000, 4097, 100000}) {
    for (const std::int64_t together : {1, 2, 5, 8}) {
      if (together > rows) {
        continue;
      }
      const std::int64_t epoch = together * 7;
      const RowOrder order(rows, 42, epoch, together);
      std::vector<bool> seen(static_cast<std::size_t>(rows), false);
      for (std::int64_t position = 0; position < rows; ++position) {
        const std::int64_t row = order(position);
        ASSERT_GE(row, 0);
        ASSERT_LT(row, rows);
        ASSERT_FALSE(seen[static_cast<std::size_t>(row)]) << rows << " rows";
        ASSERT_EQ(order.position_of(row), position);
        seen[static_cast<std::size_t>(row)] = true;
      }
    }
  }
}

TEST(RowOrder, DependsOnSeedAndEpoch) {
  const auto first = [](std::uint64_t seed, std::int64_t epoch) {
    std::vector<std::int64_t> rows;
    for (std::int64_t position = 0; position < 50; ++position) {
      rows.push_back(RowOrder(1000, seed, epoch)(position));
    }
    return rows;
  };
  EXPECT_EQ(first(1, 0), first(1, 0));
  EXPECT_NE(first(1, 0), first(2, 0));
  EXPECT_NE(first(1, 0), first(1, 1));
}

// Chi-square of where rows land: 16 x 16 cells over 4,000 epochs' first and last rows. With 225
// degrees of freedom the statistic exceeds 310 with probability below 2e-4.
TEST(RowOrder, SpreadsRowsEvenly) {
  constexpr std::int64_t rows = 160;
  constexpr int epochs = 4000;
  std::vector<double> counts(256, 0.0);
  for (int epoch = 0; epoch < epochs; ++epoch) {
    const RowOrder order(rows, 9, epoch);
    for (std::int64_t position = 0; position < rows; ++position) {
      counts[static_cast<std::size_t>(position / 10 * 16 + order(position) / 10)] += 1.0;
    }
  }
  const double expected = epochs * rows / 256.0;
  double statistic = 0.0;
  for (const double count : counts) {
    statistic += (count - expected) * (count - expected) / expected;
  }
  EXPECT_LT(statistic, 310.0);
}

// Neighbours must not stay neighbours: the mean distance of two random rows is a third of all.
TEST(RowOrder, PartsNeighbours) {
  constexpr std::int64_t rows = 100000;
  const RowOrder order(rows, 3, 0);
  double distance = 0.0;
  for (std::int64_t position = 1; position < rows; ++position) {
    distance += std::fabs(static_cast<double>(order(position) - order(position - 1)));
  }
  EXPECT_NEAR(distance / rows / rows, 1.0 / 3.0, 0.01);
}

TEST(RowOrder, KeepsGroupsOfNeighboursTogether) {
  constexpr std::int64_t rows = 1003;
  constexpr std::int64_t together = 8;
  const RowOrder order(rows, 5, 2, together);
  for (std::int64_t position = 0; position + 1 < rows / together * together; ++position) {
    const bool neighbours = order(position + 1) == (order(position) + 1) % rows;
    if (position % together != together - 1) {
      EXPECT_TRUE(neighbours) << position;
    }
  }
  std::vector<std::int64_t> at_once(300);
  order.rows_at(701, 300, at_once.data());
  for (std::int64_t i = 0; i < 300; ++i) {
    EXPECT_EQ(at_once[static_cast<std::size_t>(i)], order(701 + i));
  }
  EXPECT_NE(order(0) % together, RowOrder(rows, 5, 3, together)(0) % together);
}

TEST(RowsKeptTogether, AreFewAndOnlyWhereRowsAreShortAndMany) {
  EXPECT_EQ(kernels::rows_kept_together(150, 4, 32), 1);
  EXPECT_EQ(kernels::rows_kept_together(60'000, 784, 4096), 1);
  EXPECT_EQ(kernels::rows_kept_together(500'000, 50, 32), 5);
  EXPECT_EQ(kernels::rows_kept_together(10'000'000, 3, 1), 8);
}

TEST(RowsKeptTogether, AreMoreInBatchesThatStillHoldManyGroups) {
  EXPECT_EQ(kernels::rows_kept_together(500'000, 50, 383), 5);
  EXPECT_EQ(kernels::rows_kept_together(500'000, 50, 384), 6) << "64 groups";
  EXPECT_EQ(kernels::rows_kept_together(500'000, 50, 1024), 16);
  EXPECT_EQ(kernels::rows_kept_together(500'000, 50, 100'000), 20) << "4,000 bytes";
  EXPECT_EQ(kernels::rows_kept_together(500'000, 400, 4096), 2);
}

TEST(BatchOfStep, CutsEpochsAndKeepsTheRest) {
  const auto last = kernels::batch_of_step(103, 10, 1, 10, 1);
  EXPECT_EQ(last.first, 100);
  EXPECT_EQ(last.count, 3);
  EXPECT_EQ(last.epoch, 0);
  const auto next = kernels::batch_of_step(103, 10, 1, 11, 1);
  EXPECT_EQ(next.first, 0);
  EXPECT_EQ(next.epoch, 1);
  EXPECT_TRUE(next.shuffled);
  const auto full = kernels::batch_of_step(103, 103, 1, 5, 1);
  EXPECT_EQ(full.count, 103);
  EXPECT_FALSE(full.shuffled);
}

}  // namespace
}  // namespace steepest::tests
