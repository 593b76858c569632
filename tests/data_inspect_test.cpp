// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "src/data/inspect.hpp"
#include "steepest/error.hpp"
#include "steepest/read.hpp"
#include "tests/inspect_outcome.hpp"
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

// The record by record reader and the parallel one, cut at every border.
TEST_F(Inspect, EveryWayToReadSaysTheSame) {
  data::ReaderLimits limits;
  limits.head_bytes = 1;
  data::ReaderLimits scalar = limits;
  scalar.scalar = true;
  for (const auto& file :
       std::filesystem::directory_iterator(STEEPEST_SOURCE_FOLDER "/tests/awkward")) {
    if (file.path().extension() != ".csv") {
      continue;
    }
    ReadOptions options;
    options.paths = {file.path()};
    const std::string expected = tests::inspect_outcome(options, scalar);
    for (const std::int64_t bytes : {1, 2, 3, 5, 8, 13, 40, 1 << 20}) {
      limits.block_bytes = bytes;
      options.threads = 1 + static_cast<int>(bytes % 3);
      EXPECT_EQ(tests::inspect_outcome(options, limits), expected) << file.path() << " " << bytes;
    }
  }
}

// Many blocks of ordinary rows, with rows between them that only the scanner reads: quotes within
// quotes, lines in quotes, comments, too few fields.
TEST_F(Inspect, BlocksAddUpToTheFile) {
  std::string content = "id,x,y,copy,text\n";
  std::mt19937_64 random(7);
  for (int i = 0; i < 4000; ++i) {
    const double x = static_cast<double>(random() % 100000) / 64.0 - 700.0;
    const double y = 1e6 + static_cast<double>(random() % 1000);
    content += fmt::format("{},{},{},{},", i + 3, x, y, x);
    content += i % 97 == 0 ? "\"a \"\"b\"\"\nc\"\n" : i % 301 == 7 ? "\n1,2\n" : "word\n";
  }
  ReadOptions options;
  options.paths = {folder.write("blocks.csv", content)};
  data::ReaderLimits limits;
  limits.scalar = true;
  const FileSummary expected = data::inspect_csv(options, {}, limits);
  EXPECT_TRUE(warns(expected, "\"id\" counts the rows"));
  EXPECT_TRUE(warns(expected, "\"copy\" is a copy of \"x\""));
  limits.scalar = false;
  limits.head_bytes = 100;
  limits.block_bytes = 4096;
  for (const int threads : {1, 2, 3}) {
    options.threads = threads;
    const FileSummary summary = data::inspect_csv(options, {}, limits);
    EXPECT_EQ(tests::text_of(summary), tests::text_of(expected));
    for (std::size_t j = 0; j < 4; ++j) {
      const ColumnSummary& column = summary.columns[j];
      EXPECT_NEAR(column.mean, expected.columns[j].mean, 1e-12 * column.maximum);
      EXPECT_NEAR(column.standard_deviation, expected.columns[j].standard_deviation,
                  1e-12 * column.standard_deviation);
    }
    static double one_thread = 0.0;
    one_thread = threads == 1 ? summary.columns[2].standard_deviation : one_thread;
    EXPECT_EQ(summary.columns[2].standard_deviation, one_thread);
  }
}

}  // namespace
}  // namespace steepest
