// SPDX-License-Identifier: Apache-2.0
// Reading for a model that knows its columns: by name, by position, by number.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "steepest/error.hpp"
#include "steepest/read.hpp"
#include "tests/temporary_folder.hpp"
#include "tests/thrown.hpp"

namespace steepest {
namespace {

class SchemaMatch : public ::testing::Test {
 protected:
  Dataset read(const std::string& content, const Schema& known) {
    options.paths = {folder.write("a.csv", content)};
    return read_dataset(options, {}, &known);
  }

  static Schema schema(const std::vector<std::string>& features, const std::string& target,
                       const std::string& weight = "") {
    Schema result;
    for (const std::string& name : features) {
      result.columns.push_back({name, ColumnKind::numeric, {}, {}});
    }
    result.target_names = {target};
    result.weight_name = weight;
    return result;
  }

  static std::vector<float> row(const Dataset& data, std::int64_t i) {
    return {data.features.row(i), data.features.row(i) + data.features.columns()};
  }

  std::string error(const std::string& content, const Schema& known) {
    return tests::thrown_message<InputError>([&] { static_cast<void>(read(content, known)); });
  }

  tests::TemporaryFolder folder;
  ReadOptions options;
};

TEST_F(SchemaMatch, ByNameInAnyOrderWithExtraColumns) {
  const Schema known = schema({"a", "b"}, "y");
  const Dataset data = read("y,note,b,a\n3,hello,2,1\n6,bye,5,4\n", known);
  EXPECT_EQ(row(data, 0), (std::vector<float>{1, 2}));
  EXPECT_EQ(data.targets, (std::vector<double>{3, 6}));
}

TEST_F(SchemaMatch, TheTargetMayBeAbsent) {
  const Dataset data = read("b,a\n2,1\n", schema({"a", "b"}, "y"));
  EXPECT_EQ(row(data, 0), (std::vector<float>{1, 2}));
  EXPECT_TRUE(data.targets.empty());
  EXPECT_EQ(data.schema.target_names[0], "y");
}

TEST_F(SchemaMatch, AMissingFeatureIsNamed) {
  const std::string message = error("a,area_\n1,2\n", schema({"a", "area"}, "y"));
  EXPECT_NE(message.find("the model needs the column \"area\", which is not there. Did you mean "
                         "\"area_\"?"),
            std::string::npos)
      << message;
}

TEST_F(SchemaMatch, AnotherNameForTheTarget) {
  options.targets = {"truth"};
  EXPECT_EQ(read("a,truth\n1,9\n", schema({"a"}, "y")).targets, (std::vector<double>{9}));
  options.targets = {"a", "truth"};
  EXPECT_THROW(static_cast<void>(read("a,truth\n1,9\n", schema({"a"}, "y"))), OptionError);
  options.targets = {"a"};
  EXPECT_THROW(static_cast<void>(read("a,truth\n1,9\n", schema({"a"}, "y"))), OptionError);
}

TEST_F(SchemaMatch, TheWeightIsReadWhereThereIsOne) {
  const Schema known = schema({"a"}, "y", "w");
  EXPECT_EQ(read("a,w,y\n1,2,3\n", known).weights, (std::vector<double>{2}));
  EXPECT_TRUE(read("a,y\n1,3\n", known).weights.empty());
}

TEST_F(SchemaMatch, TwoValuesStayNumbersForARegression) {
  const Dataset data = read("a,y\n1,0\n2,1\n", schema({"a"}, "y"));
  EXPECT_EQ(data.targets, (std::vector<double>{0, 1}));
  EXPECT_TRUE(data.labels.empty());
}

TEST_F(SchemaMatch, WithoutHeaderByPosition) {
  EXPECT_EQ(row(read("1,2\n3,4\n", schema({"a", "b"}, "y")), 1), (std::vector<float>{3, 4}));
}

TEST_F(SchemaMatch, WithoutHeaderTheTargetsPlaceMustBeGiven) {
  const Schema known = schema({"a", "b"}, "y");
  const std::string message = error("9,1,2\n8,3,4\n", known);
  EXPECT_NE(message.find("has no header and 3 columns, and the model has 2 features"),
            std::string::npos)
      << message;
  options.targets = {"1"};
  const Dataset data = read("9,1,2\n8,3,4\n", known);
  EXPECT_EQ(row(data, 0), (std::vector<float>{1, 2}));
  EXPECT_EQ(data.targets, (std::vector<double>{9, 8}));
}

TEST_F(SchemaMatch, WithoutHeaderNumberedNamesFindTheirColumns) {
  const Schema known = schema({"x2", "x3"}, "x1");
  const Dataset with_target = read("9,1,2\n8,3,4\n", known);
  EXPECT_EQ(row(with_target, 0), (std::vector<float>{1, 2}));
  EXPECT_EQ(with_target.targets, (std::vector<double>{9, 8}));
  const Dataset without = read("1,2\n3,4\n", known);
  EXPECT_EQ(row(without, 0), (std::vector<float>{1, 2}));
  EXPECT_TRUE(without.targets.empty());
}

TEST_F(SchemaMatch, AFeatureNameTellsTheHeader) {
  Schema known = schema({"colour", "a"}, "y");
  known.columns[0] = {"colour", ColumnKind::categorical, {"colour2", "red"}, {}};
  // Every cell is text in column 1 and "colour2" comes twice: only the name says it is a header.
  const Dataset data = read("colour,a\nred,1\ncolour2,2\ncolour2,3\n", known);
  EXPECT_EQ(data.rows(), 3);
  EXPECT_EQ(row(data, 0), (std::vector<float>{1, 1}));
}

}  // namespace
}  // namespace steepest
