// SPDX-License-Identifier: Apache-2.0
// The four policies for missing values, on numeric and categorical columns.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "steepest/error.hpp"
#include "steepest/read.hpp"
#include "tests/temporary_folder.hpp"
#include "tests/thrown.hpp"

namespace steepest {
namespace {

using Numbers = std::vector<double>;

class Missing : public ::testing::Test {
 protected:
  Missing() { options.targets = {"y"}; }

  Dataset read(const std::string& content, const Schema* known = nullptr) {
    options.paths = {folder.write("a.csv", content)};
    return read_dataset(options, {}, known);
  }

  tests::TemporaryFolder folder;
  ReadOptions options;
};

TEST_F(Missing, MeanOfTheValuesPresent) {
  options.missing = MissingPolicy::mean;
  const Dataset data = read("a,b,y\n1,2,1\n,4,2\n6,NA,3\n");
  EXPECT_EQ(data.features.row(1)[0], 3.5F);
  EXPECT_EQ(data.features.row(2)[1], 3.0F);
  EXPECT_EQ(data.features.row(0)[0], 1.0F);
  EXPECT_EQ(data.schema.columns[0].missing_fill, (Numbers{3.5}));
  EXPECT_EQ(data.schema.columns[1].missing_fill, (Numbers{3.0}));
  EXPECT_EQ(data.rows_rejected, 0);
}

TEST_F(Missing, MeanIsKeptForColumnsThatMissNothing) {
  options.missing = MissingPolicy::mean;
  EXPECT_EQ(read("a,y\n1,1\n3,2\n").schema.columns[0].missing_fill, (Numbers{2.0}));
}

TEST_F(Missing, MeanOfACategoryIsItsFrequencies) {
  options.missing = MissingPolicy::mean;
  options.categorical = {"c"};
  const Dataset data = read("c,a,y\nred,1,1\nblue,2,2\n,3,3\nred,4,4\ngreen,5,5\n");
  // Levels blue (baseline), green, red; present 4: green 1/4, red 2/4.
  EXPECT_EQ(data.schema.columns[0].missing_fill, (Numbers{0.25, 0.5}));
  EXPECT_EQ(data.features.row(2)[0], 0.25F);
  EXPECT_EQ(data.features.row(2)[1], 0.5F);
  EXPECT_EQ(data.features.row(2)[2], 3.0F);
  EXPECT_EQ(data.features.row(0)[1], 1.0F);
}

TEST_F(Missing, MeanNeedsAValue) {
  options.missing = MissingPolicy::mean;
  const std::string message =
      tests::thrown_message<InputError>([&] { static_cast<void>(read("a,b,y\n1,,1\n2,NA,2\n")); });
  EXPECT_NE(message.find("column \"b\": all values are missing, so there is no mean to take their "
                         "place. Fixes: --ignore b"),
            std::string::npos)
      << message;
}

TEST_F(Missing, ZeroIsZeroAndTheBaseline) {
  options.missing = MissingPolicy::zero;
  options.categorical = {"c"};
  const Dataset data = read("c,a,y\nred,1,1\nblue,,2\n,3,3\n");
  EXPECT_EQ(data.features.row(1)[1], 0.0F);
  EXPECT_EQ(data.features.row(2)[0], 0.0F);
  EXPECT_EQ(data.features.row(0)[0], 1.0F);
  EXPECT_TRUE(data.schema.columns[1].missing_fill.empty());
}

TEST_F(Missing, DropLeavesRowsOutAndCountsThem) {
  options.missing = MissingPolicy::drop;
  options.weight = "w";
  const Dataset data = read("a,w,y\n1,1,1\n,1,2\n3,1,\n4,,4\n5,1,5\n");
  EXPECT_EQ(data.rows(), 2);
  EXPECT_EQ(data.rows_rejected, 3);
  EXPECT_EQ(data.targets.size() + data.labels.size(), 2U);
  EXPECT_EQ(data.weights.size(), 2U);
  EXPECT_EQ(data.features.row(1)[0], 5.0F);
}

TEST_F(Missing, ADroppedRowTeachesNoLevel) {
  options.missing = MissingPolicy::drop;
  options.categorical = {"c"};
  const Dataset data = read("c,a,y\nred,1,1\nblue,2,2\ngreen,,3\n");
  EXPECT_EQ(data.schema.columns[0].levels, (std::vector<std::string>{"blue", "red"}));
}

TEST_F(Missing, DropDoesNotHideABadCell) {
  options.missing = MissingPolicy::drop;
  const auto error =
      tests::thrown<InputError>([&] { static_cast<void>(read("a,b,y\n1,1,1\n,bad,2\n3,3,3\n")); });
  EXPECT_EQ(error.location().column, 2);
}

TEST_F(Missing, DropOfEveryRowIsAnError) {
  options.missing = MissingPolicy::drop;
  const std::string message =
      tests::thrown_message<InputError>([&] { static_cast<void>(read("a,y\n1,\n2,NA\n")); });
  EXPECT_NE(message.find("all 2 rows were skipped"), std::string::npos) << message;
}

TEST_F(Missing, OwnTextsAndNumbers) {
  options.missing = MissingPolicy::zero;
  options.missing_texts = {"?", "-999"};
  const Dataset data = read("a,b,y\n1,?,1\n-999,2,2\n-999.0,3,3\n-99,4,4\n");
  EXPECT_EQ(data.features.row(0)[1], 0.0F);
  EXPECT_EQ(data.features.row(1)[0], 0.0F);
  EXPECT_EQ(data.features.row(2)[0], 0.0F);
  EXPECT_EQ(data.features.row(3)[0], -99.0F);
}

TEST_F(Missing, AKnownSchemaGivesItsOwnMean) {
  options.missing = MissingPolicy::mean;
  options.categorical = {"c"};
  const Schema known = read("c,a,y\nred,1,1\nblue,2,2\nred,3,3\n").schema;
  const Dataset data = read("c,a,y\n,100,1\nblue,,2\n", &known);
  EXPECT_EQ(data.features.row(1)[1], 2.0F);
  EXPECT_EQ(data.features.row(0)[0], static_cast<float>(2.0 / 3.0));
}

TEST_F(Missing, AKnownSchemaWithoutMeanIsAnError) {
  const Schema known = read("a,y\n1,1\n2,2\n3,3\n").schema;
  options.missing = MissingPolicy::mean;
  const std::string message =
      tests::thrown_message<InputError>([&] { static_cast<void>(read("a,y\n,1\n", &known)); });
  EXPECT_NE(message.find("the model holds no mean for this column"), std::string::npos) << message;
}

}  // namespace
}  // namespace steepest
