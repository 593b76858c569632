// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "steepest/error.hpp"
#include "steepest/read.hpp"
#include "tests/temporary_folder.hpp"

namespace steepest {
namespace {

using Type = ColumnSummary::Type;

class Inspect : public ::testing::Test {
 protected:
  FileSummary inspect_text(const std::string& content) {
    ReadOptions options;
    options.paths = {folder.write("a.csv", content)};
    return inspect(options);
  }

  static bool warns(const FileSummary& summary, const std::string& part) {
    for (const std::string& warning : summary.warnings) {
      if (warning.find(part) != std::string::npos) {
        return true;
      }
    }
    return false;
  }

  tests::TemporaryFolder folder;
};

TEST_F(Inspect, TypesCountsAndMoments) {
  const FileSummary summary = inspect_text(
      "\xEF\xBB\xBFn;i;t;e\r\n2;1;red;\r\n4.5;3;blue;NA\r\n;-5;red;\r\n5.5;1;x y;nan\r\n");
  EXPECT_EQ(summary.dialect.delimiter, ';');
  EXPECT_TRUE(summary.dialect.header);
  EXPECT_TRUE(summary.dialect.byte_order_mark);
  EXPECT_EQ(summary.rows, 4);
  EXPECT_EQ(summary.rows_rejected, 0);
  ASSERT_EQ(summary.columns.size(), 4U);
  const ColumnSummary& n = summary.columns[0];
  EXPECT_EQ(n.name, "n");
  EXPECT_EQ(n.type, Type::numeric);
  EXPECT_EQ(n.values, 3);
  EXPECT_EQ(n.missing, 1);
  EXPECT_EQ(n.distinct, 3);
  EXPECT_DOUBLE_EQ(n.mean, 4.0);
  EXPECT_DOUBLE_EQ(n.standard_deviation, std::sqrt(6.5 / 3.0));  // (4 + 0.25 + 2.25) / 3
  EXPECT_EQ(n.minimum, 2.0);
  EXPECT_EQ(n.maximum, 5.5);
  EXPECT_EQ(summary.columns[1].type, Type::integer);
  EXPECT_EQ(summary.columns[1].minimum, -5.0);
  EXPECT_EQ(summary.columns[1].distinct, 3);
  EXPECT_EQ(summary.columns[2].type, Type::text);
  EXPECT_EQ(summary.columns[2].examples, (std::vector<std::string>{"red", "blue", "x y"}));
  EXPECT_EQ(summary.columns[3].type, Type::empty);
  EXPECT_EQ(summary.columns[3].missing, 4);
  EXPECT_TRUE(warns(summary, "\"e\" has no value at all"));
}

TEST_F(Inspect, CellsAreNeverAnError) {
  const FileSummary summary =
      inspect_text("a,b,c\n1,1,1\n2,inf,1\n3,4,1\nbad,5,1\n9,9\n5,\"6\"7,8\n6,1e39,1\n");
  EXPECT_EQ(summary.rows, 5);
  EXPECT_EQ(summary.rows_rejected, 2);
  EXPECT_EQ(summary.columns[0].type, Type::text);
  EXPECT_TRUE(warns(summary, "2 rows do not fit the columns"));
  EXPECT_TRUE(warns(summary, ":6 (byte 34): expected 3 columns, found 2"));
  EXPECT_TRUE(
      warns(summary, "\"a\" is numbers but for 1 of 5 values, the first \"bad\" in line 5"));
  EXPECT_TRUE(warns(summary, "\"b\" has 1 infinite values"));
  EXPECT_TRUE(warns(summary, "\"c\" is constant"));
}

TEST_F(Inspect, RowNumbersAreNoticed) {
  std::string content = "id,a\n";
  for (int i = 0; i < 20; ++i) {
    content += std::to_string(i + 5) + "," + std::to_string(i * i) + "\n";
  }
  EXPECT_TRUE(warns(inspect_text(content), "\"id\" counts the rows"));
  EXPECT_FALSE(warns(inspect_text(content), "\"a\""));
}

TEST_F(Inspect, DistinctStopsCounting) {
  std::string content = "a\n";
  for (int i = 0; i < 3000; ++i) {
    content += std::to_string(i * 7 % 3001) + "\n";
  }
  const FileSummary summary = inspect_text(content);
  EXPECT_EQ(summary.columns[0].distinct, ColumnSummary::distinct_limit);
  EXPECT_EQ(summary.columns[0].values, 3000);
  EXPECT_EQ(summary.columns[0].examples.size(), 5U);
}

TEST_F(Inspect, AHeaderAloneIsAWarning) {
  const FileSummary summary = inspect_text("a,b\n");
  EXPECT_EQ(summary.rows, 0);
  EXPECT_TRUE(warns(summary, "there are no rows"));
}

TEST_F(Inspect, UnreadableFilesAreErrors) {
  EXPECT_THROW(static_cast<void>(inspect_text("")), InputError);
  EXPECT_THROW(static_cast<void>(inspect_text(std::string("a\0b", 3))), InputError);
  ReadOptions options;
  options.paths = {folder.path("none.csv")};
  EXPECT_THROW(static_cast<void>(inspect(options)), InputError);
}

}  // namespace
}  // namespace steepest
