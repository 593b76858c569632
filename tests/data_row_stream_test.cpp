// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "steepest/error.hpp"
#include "steepest/read.hpp"
#include "tests/temporary_folder.hpp"
#include "tests/thrown.hpp"

namespace steepest {
namespace {

class RowStreams : public ::testing::Test {
 protected:
  RowStreams() {
    std::string content = "a,c,b,y\n";
    for (int i = 0; i < 100; ++i) {
      content += (i % 9 == 4 ? "" : std::to_string(i) + ".25") + "," +
                 std::vector<std::string>{"red", "blue", "", "green"}[i % 4] + "," +
                 std::to_string(i * i) + "," + std::to_string(i % 5) + "\n";
    }
    options.paths = {folder.write("a.csv", content)};
    options.targets = {"y"};
    options.categorical = {"c"};
    options.missing = MissingPolicy::mean;
  }

  tests::TemporaryFolder folder;
  ReadOptions options;
};

TEST_F(RowStreams, GiveTheRowsOfReadDatasetInBlocks) {
  const Dataset data = read_dataset(options);
  for (const std::int64_t rows : {1, 7, 100, 1000}) {
    RowStream stream(options, data.schema);
    FeatureMatrix block;
    std::int64_t at = 0;
    while (stream.next(block, rows)) {
      ASSERT_LE(block.rows(), rows);
      ASSERT_EQ(block.columns(), data.features.columns());
      for (std::int64_t i = 0; i < block.rows(); ++i, ++at) {
        for (std::int64_t j = 0; j < block.columns(); ++j) {
          ASSERT_EQ(block.row(i)[j], data.features.row(at)[j]) << at << "," << j;
        }
      }
    }
    EXPECT_EQ(at, data.rows());
    EXPECT_FALSE(stream.next(block, rows));
    EXPECT_EQ(stream.bytes_read(), data.bytes_read);
    EXPECT_EQ(stream.bytes_total(), data.bytes_read);
  }
}

TEST_F(RowStreams, NeedNoTargetAndDoNotLookAtIt) {
  const Dataset data = read_dataset(options);
  options.paths = {folder.write("b.csv", "b,c,a,y\n1,red,2,not a class\n3,blue,4,\n")};
  RowStream stream(options, data.schema);
  FeatureMatrix block;
  ASSERT_TRUE(stream.next(block, 10));
  EXPECT_EQ(block.rows(), 2);
  EXPECT_EQ(block.row(1)[0], 4.0F);
}

TEST_F(RowStreams, CanBeMoved) {
  const Dataset data = read_dataset(options);
  RowStream first(options, data.schema);
  RowStream stream = std::move(first);
  FeatureMatrix block;
  EXPECT_TRUE(stream.next(block, 10));
  EXPECT_EQ(block.rows(), 10);
}

TEST_F(RowStreams, RefuseToLoseRows) {
  const Dataset data = read_dataset(options);
  options.missing = MissingPolicy::drop;
  EXPECT_THROW(RowStream(options, data.schema), OptionError);
  options.missing = MissingPolicy::mean;
  options.bad_rows = BadRowPolicy::skip;
  EXPECT_THROW(RowStream(options, data.schema), OptionError);
}

TEST_F(RowStreams, DoNotOfferToSkipRows) {
  const Dataset data = read_dataset(options);
  options.paths = {folder.write("b.csv", "a,c,b\n1,red,2\n1,red,x\n")};
  RowStream stream(options, data.schema);
  FeatureMatrix block;
  const auto error = tests::thrown<InputError>([&] { static_cast<void>(stream.next(block, 10)); });
  EXPECT_EQ(error.location().line, 3);
  EXPECT_EQ(std::string(error.what()).find("--on-bad-row"), std::string::npos) << error.what();
}

TEST_F(RowStreams, AFileWithoutRowsIsAnError) {
  const Dataset data = read_dataset(options);
  options.paths = {folder.write("b.csv", "a,c,b\n")};
  RowStream stream(options, data.schema);
  FeatureMatrix block;
  EXPECT_THROW(static_cast<void>(stream.next(block, 10)), InputError);
}

}  // namespace
}  // namespace steepest
