// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "src/data/dictionary.hpp"
#include "steepest/error.hpp"
#include "steepest/read.hpp"
#include "tests/temporary_folder.hpp"
#include "tests/thrown.hpp"

namespace steepest {
namespace {

using Texts = std::vector<std::string>;

class Categorical : public ::testing::Test {
 protected:
  Dataset read(const std::string& content, const Schema* known = nullptr) {
    options.paths = {folder.write("a.csv", content)};
    return read_dataset(options, {}, known);
  }

  static std::vector<float> row(const Dataset& data, std::int64_t i) {
    return {data.features.row(i), data.features.row(i) + data.features.columns()};
  }

  std::string error(const std::string& content, const Schema* known = nullptr) {
    return tests::thrown_message<InputError>([&] { static_cast<void>(read(content, known)); });
  }

  tests::TemporaryFolder folder;
  ReadOptions options;
};

TEST_F(Categorical, LevelsBecomeFeaturesInPlace) {
  options.targets = {"y"};
  options.categorical = {"c"};
  const Dataset data = read("a,c,b,y\n1,red,10,1\n2,blue,20,2\n3,green,30,3\n");
  EXPECT_EQ(data.schema.columns[1].levels, (Texts{"blue", "green", "red"}));
  EXPECT_EQ(data.schema.feature_names(), (Texts{"a", "c=green", "c=red", "b"}));
  EXPECT_EQ(data.schema.feature_count(), 4);
  EXPECT_EQ(data.features.columns(), 4);
  EXPECT_EQ(row(data, 0), (std::vector<float>{1, 0, 1, 10}));
  EXPECT_EQ(row(data, 1), (std::vector<float>{2, 0, 0, 20}));
  EXPECT_EQ(row(data, 2), (std::vector<float>{3, 1, 0, 30}));
}

TEST_F(Categorical, NumericLevelsSortAndMerge) {
  options.categorical = {"c"};
  const Dataset data = read("a,c\n1,10\n2,9\n3,9.0\n4,10\n5,-1\n");
  EXPECT_EQ(data.schema.columns[1].levels, (Texts{"-1", "9", "10"}));
  EXPECT_EQ(row(data, 1), row(data, 2) == std::vector<float>({3, 1, 0})
                              ? (std::vector<float>{2, 1, 0})
                              : std::vector<float>{});
}

TEST_F(Categorical, BlanksCountOnlyInsideQuotes) {
  options.categorical = {"c"};
  const Dataset data = read("a,c\n1, red \n2,red\n3,\" red\"\n");
  EXPECT_EQ(data.schema.columns[1].levels, (Texts{" red", "red"}));
}

TEST_F(Categorical, OneLevelIsAnError) {
  options.categorical = {"c"};
  EXPECT_NE(error("a,c\n1,red\n2,red\n")
                .find("column \"c\": a categorical column needs at least two levels, and this one "
                      "has only \"red\". Fixes: --ignore c"),
            std::string::npos);
  EXPECT_NE(error("a,c\n1,1\n2,1.0\n").find("has only \"1\""), std::string::npos);
}

TEST_F(Categorical, ASkippedRowTeachesNoLevel) {
  options.categorical = {"c"};
  options.bad_rows = BadRowPolicy::skip;
  const Dataset data = read("c,a\nred,1\nblue,2\ngreen,bad\nviolet,3,3\n");
  EXPECT_EQ(data.schema.columns[0].levels, (Texts{"blue", "red"}));
  EXPECT_EQ(data.rows_rejected, 2);
}

TEST_F(Categorical, TooManyLevels) {
  options.categorical = {"c"};
  std::string content = "a,c\n";
  for (std::int64_t i = 0; i < data::Dictionary::level_limit; ++i) {
    content += "1,level" + std::to_string(i) + "\n";
  }
  EXPECT_EQ(read(content).schema.feature_count(), data::Dictionary::level_limit);
  const std::string message = error(content + "1,one\n");
  EXPECT_NE(message.find(":10002 "), std::string::npos) << message;
  EXPECT_NE(message.find("more than 10,000 distinct levels"), std::string::npos) << message;
}

TEST_F(Categorical, UnseenLevels) {
  options.categorical = {"c"};
  const Schema known = read("a,c\n1,red\n2,blue\n3,green\n").schema;
  const std::string message = error("a,c\n1,red\n2,pink\n", &known);
  EXPECT_NE(message.find(":3 (byte 12) column 2 \"c\": \"pink\" is none of the 3 levels the model "
                         "knows: \"blue\", \"green\", \"red\""),
            std::string::npos)
      << message;
  EXPECT_NE(message.find("--unseen-levels baseline"), std::string::npos);
  options.unseen_levels = UnseenLevelPolicy::baseline;
  const Dataset data = read("a,c\n1,red\n2,pink\n", &known);
  EXPECT_EQ(row(data, 0), (std::vector<float>{1, 0, 1}));
  EXPECT_EQ(row(data, 1), (std::vector<float>{2, 0, 0}));
}

TEST_F(Categorical, KnownNumericLevelsMatchByValue) {
  options.categorical = {"c"};
  const Schema known = read("a,c\n1,1\n2,2\n3,3\n").schema;
  EXPECT_EQ(row(read("a,c\n1,3.0\n", &known), 0), (std::vector<float>{1, 0, 1}));
}

TEST_F(Categorical, KnownClassesAreListedForAnUnknownLabel) {
  options.targets = {"y"};
  const Schema known = read("a,y\n1,cat\n2,dog\n").schema;
  const Dataset data = read("a,y\n1,dog\n", &known);
  EXPECT_EQ(data.labels, (std::vector<std::int32_t>{1}));
  const std::string message = error("a,y\n1,cow\n", &known);
  EXPECT_NE(message.find("\"cow\" is none of the model's 2 classes: \"cat\", \"dog\""),
            std::string::npos)
      << message;
}

TEST_F(Categorical, LevelsMustBeUtf8) {
  options.categorical = {"c"};
  const std::string message = error("a,c\n1,caf\xE9\n2,x\n");
  EXPECT_NE(message.find("\"caf\\xe9\" is not UTF-8"), std::string::npos) << message;
  EXPECT_EQ(read("a,c\n1,caf\xC3\xA9\n2,x\n").schema.columns[1].levels[0], "caf\xC3\xA9");
}

}  // namespace
}  // namespace steepest
