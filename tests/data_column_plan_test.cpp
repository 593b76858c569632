// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "src/data/column_plan.hpp"
#include "tests/temporary_folder.hpp"
#include "tests/thrown.hpp"

namespace steepest::data {
namespace {

using Columns = std::vector<std::int64_t>;

ColumnPlan plan(const std::string& content, const ReadOptions& options) {
  const tests::TemporaryFolder folder;
  RecordReader reader(folder.write("a.csv", content), {});
  const HeadSample sample = sample_head(reader.head(), true, Dialect{}, MissingTexts());
  EXPECT_TRUE(reader.next());
  return plan_columns(ColumnNames(reader), sample, options);
}

ColumnPlan plan(const ReadOptions& options) { return plan("id,a,2,w,y\n1,2,3,4,5\n", options); }

std::string input_error(const ReadOptions& options) {
  return tests::thrown_message<InputError>([&] { static_cast<void>(plan(options)); });
}

std::string option_error(const ReadOptions& options) {
  return tests::thrown_message<OptionError>([&] { static_cast<void>(plan(options)); });
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

ReadOptions with_target(const std::string& target) {
  ReadOptions options;
  options.targets = {target};
  return options;
}

TEST(ColumnPlan, WhatIsNothingElseIsAFeature) {
  ReadOptions options = with_target("y");
  options.ignore = {"id"};
  options.weight = "w";
  const ColumnPlan found = plan(options);
  EXPECT_EQ(found.feature_columns, (Columns{1, 2}));
  EXPECT_EQ(found.target_columns, (Columns{4}));
  EXPECT_EQ(found.weight_column, 3);
  EXPECT_EQ(found.features[0].name, "a");
}

TEST(ColumnPlan, ListedFeaturesKeepTheOrderOfTheFile) {
  ReadOptions options = with_target("y");
  options.features = {"w", "a"};
  EXPECT_EQ(plan(options).feature_columns, (Columns{1, 3}));
}

TEST(ColumnPlan, NumbersCountFromBothEnds) {
  EXPECT_EQ(plan(with_target("5")).target_columns, (Columns{4}));
  EXPECT_EQ(plan(with_target("-1")).target_columns, (Columns{4}));
  EXPECT_EQ(plan(with_target("-5")).target_columns, (Columns{0}));
  EXPECT_EQ(plan(with_target("1")).target_columns, (Columns{0}));
}

TEST(ColumnPlan, ANameWinsOverANumber) {
  EXPECT_EQ(plan(with_target("2")).target_columns, (Columns{2}));  // the column called "2"
}

TEST(ColumnPlan, UnknownNamesListTheColumns) {
  const std::string message = input_error(with_target("Idd"));
  EXPECT_TRUE(contains(message,
                       "--target: there is no column \"Idd\". Did you mean \"id\"? The 5 "
                       "columns are \"id\", \"a\", \"2\", \"w\", \"y\""))
      << message;
  ReadOptions options;
  options.ignore = {"zzzz"};
  EXPECT_TRUE(contains(input_error(options), "--ignore: there is no column \"zzzz\". The 5"));
  options = {};
  options.weight = "zzzz";
  EXPECT_TRUE(contains(input_error(options), "--weight: there is no column"));
  options = {};
  options.categorical = {"zzzz"};
  EXPECT_TRUE(contains(input_error(options), "--categorical: there is no column"));
  options = {};
  options.features = {"zzzz"};
  EXPECT_TRUE(contains(input_error(options), "--features: there is no column"));
}

TEST(ColumnPlan, NumbersOutOfRangeSayTheRange) {
  for (const char* number : {"0", "6", "-6", "99999999999999999"}) {
    EXPECT_TRUE(contains(input_error(with_target(number)), "numbered from 1 to 5")) << number;
  }
}

TEST(ColumnPlan, NoColumnHasTwoRoles) {
  ReadOptions options = with_target("y");
  options.features = {"a", "y"};
  EXPECT_TRUE(contains(option_error(options),
                       "column 5 (\"y\") is named by both --target and "
                       "--features"));
  options = with_target("y");
  options.ignore = {"-1"};
  EXPECT_TRUE(contains(option_error(options), "--ignore"));
  options = with_target("y");
  options.weight = "y";
  EXPECT_TRUE(contains(option_error(options), "--weight"));
  options = {};
  options.targets = {"y", "5"};
  EXPECT_TRUE(contains(option_error(options), "--target names column 5 (\"y\") twice"));
}

TEST(ColumnPlan, ACategoricalColumnMustBeAFeature) {
  ReadOptions options = with_target("y");
  options.categorical = {"y"};
  EXPECT_TRUE(contains(option_error(options), "--target names it too"));
  options.categorical = {"a"};
  options.features = {"w"};
  EXPECT_TRUE(contains(option_error(options), "--features leaves it out"));
  options.features = {"w", "a"};
  const ColumnPlan found = plan(options);
  EXPECT_EQ(found.features[0].kind, ColumnKind::categorical);
  EXPECT_EQ(found.features[1].kind, ColumnKind::numeric);
}

TEST(ColumnPlan, SomeFeatureMustBeLeft) {
  ReadOptions options = with_target("y");
  options.ignore = {"1", "a", "w", "3"};
  EXPECT_TRUE(contains(input_error(options), "no column is left to be a feature"));
}

TEST(ColumnPlan, TargetKindComesFromTheHead) {
  EXPECT_TRUE(plan("a,y\n1,red\n2,3\n", with_target("y")).targets_are_classes);
  EXPECT_FALSE(plan("a,y\n1,1\n2,\n", with_target("y")).targets_are_classes);
  ReadOptions options = with_target("y");
  options.target_kind = TargetKind::classes;
  EXPECT_TRUE(plan("a,y\n1,1\n2,3\n", options).targets_are_classes);
  options.target_kind = TargetKind::numbers;
  EXPECT_FALSE(plan("a,y\n1,red\n2,3\n", options).targets_are_classes);
  options.target_kind = TargetKind::classes;
  options.targets = {"w", "y"};
  EXPECT_TRUE(contains(option_error(options), "one target"));
}

TEST(ColumnNames, EmptyOnesAreNumberedAndBlanksAroundThemDropped) {
  const tests::TemporaryFolder folder;
  RecordReader reader(folder.write("a.csv", ", b ,\"\",\" d\"\n1,2,3,4\n"), {});
  ASSERT_TRUE(reader.next());
  EXPECT_EQ(ColumnNames(reader).all(), (std::vector<std::string>{"x1", "b", "x3", "d"}));
}

TEST(ColumnNames, DuplicatesArePlaced) {
  const tests::TemporaryFolder folder;
  RecordReader reader(folder.write("a.csv", "a,bb,a\n1,2,3\n"), {});
  ASSERT_TRUE(reader.next());
  const auto error = tests::thrown<InputError>([&] { const ColumnNames names(reader); });
  EXPECT_EQ(error.location().line, 1);
  EXPECT_EQ(error.location().byte, 5);
  EXPECT_EQ(error.location().column, 3);
  EXPECT_TRUE(contains(error.what(),
                       "the name \"a\" comes twice in the header, in columns 1 and "
                       "3"));
}

TEST(ColumnNames, MustBeUtf8) {
  const tests::TemporaryFolder folder;
  RecordReader reader(folder.write("a.csv", "a,caf\xE9\n1,2\n"), {});
  ASSERT_TRUE(reader.next());
  const auto error = tests::thrown<InputError>([&] { const ColumnNames names(reader); });
  EXPECT_EQ(error.location().column, 2);
  EXPECT_TRUE(contains(error.what(), "\"caf\\xe9\" is not UTF-8"));
}

}  // namespace
}  // namespace steepest::data
