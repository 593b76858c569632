// SPDX-License-Identifier: Apache-2.0
// What columns say twice, and what merely looks so.
#include "src/data/column_relations.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

namespace steepest::data {
namespace {

constexpr std::int64_t rows = 200;

// Columns side by side, as rows.
std::vector<double> side_by_side(const std::vector<std::vector<double>>& columns) {
  std::vector<double> values;
  for (std::size_t i = 0; i < columns.front().size(); ++i) {
    for (const std::vector<double>& column : columns) {
      values.push_back(column[i]);
    }
  }
  return values;
}

std::vector<double> noise(unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<double> normal(3.0, 2.0);
  std::vector<double> values(static_cast<std::size_t>(rows));
  for (double& value : values) {
    value = normal(random);
  }
  return values;
}

template <class Function>
std::vector<double> map2(const std::vector<double>& a, const std::vector<double>& b, Function f) {
  std::vector<double> result;
  for (std::size_t i = 0; i < a.size(); ++i) {
    result.push_back(f(a[i], b[i]));
  }
  return result;
}

std::string sentence(const std::vector<std::vector<double>>& columns) {
  const std::vector<double> values = side_by_side(columns);
  const auto width = static_cast<std::int64_t>(columns.size());
  ColumnRelations relations(values, rows, width);
  for (std::int64_t i = 0; i < rows; ++i) {
    relations.check(values.data() + i * width);
  }
  std::vector<std::string> names;
  for (std::int64_t j = 0; j < width; ++j) {
    names.emplace_back(1, static_cast<char>('a' + j));
  }
  return describe(relations, names);
}

bool says(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(ColumnRelations, NamesCopiesMultiplesAndSums) {
  const std::vector<double> a = noise(1);
  const std::vector<double> b = noise(2);
  const std::vector<double> c = noise(3);
  EXPECT_TRUE(says(sentence({a, b, a}), "\"c\" is a copy of \"a\""));
  const auto scaled = map2(a, b, [](double x, double) { return 2.54 * x - 7.0; });
  EXPECT_TRUE(says(sentence({a, b, scaled}), "\"c\" is 2.54 times \"a\" - 7"));
  const auto sum = map2(a, c, [](double x, double y) { return x - 3.0 * y + 100.0; });
  EXPECT_TRUE(says(sentence({a, b, c, sum}), "\"d\" follows from \"a\", \"c\""))
      << sentence({a, b, c, sum});
}

TEST(ColumnRelations, FloatsOfADependentColumnStillSaySo) {
  const std::vector<double> a = noise(1);
  const std::vector<double> b = noise(2);
  const auto sum =
      map2(a, b, [](double x, double y) { return static_cast<double>(static_cast<float>(x + y)); });
  EXPECT_TRUE(says(sentence({a, b, sum}), "\"c\" follows from \"a\", \"b\""));
}

TEST(ColumnRelations, StrongCorrelationIsNone) {
  const std::vector<double> a = noise(1);
  const auto near = map2(a, noise(2), [](double x, double y) { return x + 0.01 * y; });
  EXPECT_EQ(sentence({a, near, noise(4)}), "");
}

TEST(ColumnRelations, ConstantColumnsAndMissingValuesAreLeftOut) {
  const std::vector<double> a = noise(1);
  const std::vector<double> ones(static_cast<std::size_t>(rows), 1.0);
  std::vector<double> holed = a;
  holed[3] = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(sentence({a, ones, ones, holed}), "");
}

// A relation of the rows looked at that another row breaks.
TEST(ColumnRelations, OtherRowsMayRefuteIt) {
  const std::vector<double> a = noise(1);
  const std::vector<double> values = side_by_side({a, a});
  ColumnRelations relations(values, rows, 2);
  ASSERT_TRUE(relations.any());
  for (std::int64_t i = 0; i < rows; ++i) {
    relations.check(values.data() + 2 * i);
  }
  EXPECT_EQ(relations.holding().size(), 1U);
  const std::vector<double> other = {1.0, 5.0};
  relations.check(other.data());
  EXPECT_TRUE(relations.holding().empty());
}

// Too few rows for a regression of every column on all others: copies are seen all the same.
TEST(ColumnRelations, WideDataStillTellCopies) {
  std::mt19937 random(5);
  std::normal_distribution<double> normal;
  constexpr std::int64_t width = 300;
  constexpr std::int64_t few = 40;
  std::vector<double> values(static_cast<std::size_t>(few * width));
  for (double& value : values) {
    value = normal(random);
  }
  for (std::int64_t i = 0; i < few; ++i) {
    values[static_cast<std::size_t>(i * width + 250)] =
        values[static_cast<std::size_t>(i * width + 17)];
  }
  ColumnRelations relations(values, few, width);
  for (std::int64_t i = 0; i < few; ++i) {
    relations.check(values.data() + i * width);
  }
  const std::vector<ColumnRelation> found = relations.holding();
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].column, 250);
  EXPECT_EQ(found[0].of, std::vector<std::int64_t>{17});
  EXPECT_TRUE(relations.is_copy(found[0]));
}

}  // namespace
}  // namespace steepest::data
