// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <memory>
#include <vector>

#include "steepest/error.hpp"
#include "steepest/feature_matrix.hpp"

namespace steepest {
namespace {

void expect_zero_tail(const FeatureMatrix& matrix) {
  const float* const end = matrix.data() + matrix.rows() * matrix.columns();
  for (std::int64_t i = 0; i < FeatureMatrix::tail; ++i) {
    ASSERT_EQ(end[i], 0.0F) << "float " << i << " behind " << matrix.rows() << " rows";
  }
}

class FeatureMatrixWidths : public ::testing::TestWithParam<std::int64_t> {};

TEST_P(FeatureMatrixWidths, KeepsRowsAndZeroTailWhileItGrows) {
  const std::int64_t columns = GetParam();
  FeatureMatrix matrix(0, columns);
  for (std::int64_t i = 0; i < 300; ++i) {
    float* const row = matrix.append_row();
    for (std::int64_t j = 0; j < columns; ++j) {
      row[j] = static_cast<float>(i * columns + j + 1);
    }
    ASSERT_EQ(matrix.rows(), i + 1);
    expect_zero_tail(matrix);
    if (i % 7 == 3) {  // as the reader does with a row it rejects
      float* const rejected = matrix.append_row();
      std::fill(rejected, rejected + columns, -1.0F);
      matrix.truncate(matrix.rows() - 1);
      expect_zero_tail(matrix);
    }
  }
  matrix.shrink_to_fit();
  expect_zero_tail(matrix);
  for (std::int64_t i = 0; i < matrix.rows() * columns; ++i) {
    ASSERT_EQ(matrix.data()[i], static_cast<float>(i + 1));
  }
}

INSTANTIATE_TEST_SUITE_P(Columns, FeatureMatrixWidths, ::testing::Values(1, 3, 63, 64, 65, 200));

// From a few bytes of the heap to pages of its own, which begin elsewhere within a cache line.
TEST(FeatureMatrix, BeginsAtACacheLineWhateverItGrowsTo) {
  FeatureMatrix matrix(0, 5);
  std::vector<std::unique_ptr<char[]>> others;
  for (std::int64_t i = 0; i < 60'000; ++i) {
    float* const row = matrix.append_row();
    std::fill_n(row, 5, static_cast<float>(i));
    ASSERT_EQ(reinterpret_cast<std::uintptr_t>(matrix.data()) % 64, 0U);
    if (i % 50 == 0) {
      others.push_back(std::make_unique<char[]>(static_cast<std::size_t>(i % 333 + 1)));
    }
  }
  matrix.shrink_to_fit();
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(matrix.data()) % 64, 0U);
  for (std::int64_t i = 0; i < 60'000; ++i) {
    ASSERT_EQ(matrix.row(i)[0], static_cast<float>(i));
    ASSERT_EQ(matrix.row(i)[4], static_cast<float>(i));
  }
}

TEST(FeatureMatrix, StartsWithZeros) {
  const FeatureMatrix matrix(3, 5);
  for (std::int64_t i = 0; i < 15 + FeatureMatrix::tail; ++i) {
    EXPECT_EQ(matrix.data()[i], 0.0F);
  }
  EXPECT_EQ(matrix.bytes(), 60);
}

TEST(FeatureMatrix, WidensInPlace) {
  FeatureMatrix matrix(0, 2);
  for (int i = 0; i < 50; ++i) {
    float* const row = matrix.append_row();
    row[0] = static_cast<float>(i);
    row[1] = static_cast<float>(-i);
  }
  matrix.widen(5, [](const float* old_row, float* new_row) {
    new_row[0] = old_row[1];
    new_row[1] = new_row[2] = new_row[3] = 7.0F;
    new_row[4] = old_row[0];
  });
  ASSERT_EQ(matrix.columns(), 5);
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(matrix.row(i)[0], static_cast<float>(-i));
    EXPECT_EQ(matrix.row(i)[3], 7.0F);
    EXPECT_EQ(matrix.row(i)[4], static_cast<float>(i));
  }
  expect_zero_tail(matrix);
}

TEST(FeatureMatrix, TruncateOfMoreRowsThanThereAreIsNoChange) {
  FeatureMatrix matrix(2, 2);
  matrix.truncate(5);
  EXPECT_EQ(matrix.rows(), 2);
}

TEST(FeatureMatrix, RefusesSizesThatOverflow) {
  constexpr std::int64_t large = std::numeric_limits<std::int64_t>::max() / 8;
  EXPECT_THROW(FeatureMatrix(large, 3), InputError);
  EXPECT_THROW(FeatureMatrix(3, large), InputError);
  EXPECT_THROW(FeatureMatrix(-1, 3), InputError);
}

TEST(FeatureMatrix, ADefaultOneCanGrow) {
  FeatureMatrix matrix;
  matrix = FeatureMatrix(0, 1);
  *matrix.append_row() = 2.0F;
  EXPECT_EQ(matrix.row(0)[0], 2.0F);
}

}  // namespace
}  // namespace steepest
