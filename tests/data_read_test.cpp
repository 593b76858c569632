// SPDX-License-Identifier: Apache-2.0
// read_dataset on good input: targets, classes, weights, several files, globs, standard input.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <string>
#include <thread>
#include <vector>

#include "steepest/error.hpp"
#include "steepest/read.hpp"
#include "tests/temporary_folder.hpp"
#include "tests/thrown.hpp"

namespace steepest {
namespace {

using Texts = std::vector<std::string>;
using Numbers = std::vector<double>;
using Labels = std::vector<std::int32_t>;

class Read : public ::testing::Test {
 protected:
  Dataset read(const std::string& content) {
    options.paths = {folder.write("a.csv", content)};
    return read_dataset(options);
  }

  tests::TemporaryFolder folder;
  ReadOptions options;
};

TEST_F(Read, NumericFeaturesAndTarget) {
  options.targets = {"y"};
  const Dataset data = read("a,y,b\n1,10,-2.5\n 3 ,20,\"4\"\n5,30,6e-1\n");
  ASSERT_EQ(data.rows(), 3);
  EXPECT_EQ(data.features.columns(), 2);
  EXPECT_EQ(data.features.row(0)[1], -2.5F);
  EXPECT_EQ(data.features.row(1)[0], 3.0F);
  EXPECT_EQ(data.features.row(1)[1], 4.0F);
  EXPECT_EQ(data.features.row(2)[1], 0.6F);
  EXPECT_EQ(data.targets, (Numbers{10, 20, 30}));
  EXPECT_EQ(data.schema.feature_names(), (Texts{"a", "b"}));
  EXPECT_EQ(data.schema.target_names, (Texts{"y"}));
  EXPECT_TRUE(data.labels.empty());
  EXPECT_TRUE(data.weights.empty());
  EXPECT_EQ(data.outputs(), 1);
  EXPECT_EQ(data.bytes_read, 37);
  EXPECT_EQ(data.rows_rejected, 0);
}

TEST_F(Read, TargetsKeepDoublePrecision) {
  options.targets = {"y"};
  const Dataset data = read("a,y\n1,0.1\n2,16777217\n3,1e200\n");
  EXPECT_EQ(data.targets, (Numbers{0.1, 16777217.0, 1e200}));
}

TEST_F(Read, WithoutHeaderColumnsAreNumbered) {
  options.targets = {"-1"};
  const Dataset data = read("1,2,3\n4,5,6\n7,8,9\n");
  EXPECT_EQ(data.schema.feature_names(), (Texts{"x1", "x2"}));
  EXPECT_EQ(data.schema.target_names, (Texts{"x3"}));
  EXPECT_EQ(data.targets, (Numbers{3, 6, 9}));
}

TEST_F(Read, SeveralTargetsAreNumbers) {
  options.targets = {"z", "y"};
  const Dataset data = read("a,y,z\n1,0,1\n2,1,0\n");
  EXPECT_EQ(data.targets, (Numbers{1, 0, 0, 1}));
  EXPECT_EQ(data.schema.target_names, (Texts{"z", "y"}));
  EXPECT_EQ(data.outputs(), 2);
}

TEST_F(Read, NoTargetIsFeaturesOnly) {
  const Dataset data = read("a,b\n1,2\n");
  EXPECT_EQ(data.features.columns(), 2);
  EXPECT_TRUE(data.targets.empty());
  EXPECT_TRUE(data.labels.empty());
}

TEST_F(Read, TextTargetsAreClassesInSortedOrder) {
  options.targets = {"kind"};
  const Dataset data = read("a,kind\n1,setosa\n2,\"iris, wild\"\n3, setosa \n");
  EXPECT_EQ(data.schema.classes, (Texts{"iris, wild", "setosa"}));
  EXPECT_EQ(data.labels, (Labels{1, 0, 1}));
  EXPECT_TRUE(data.targets.empty());
  EXPECT_EQ(data.outputs(), 2);
}

TEST_F(Read, ANumericTargetOfTwoValuesIsClasses) {
  options.targets = {"y"};
  const Dataset data = read("a,y\n1,1.0\n2,0\n3,1\n4,-0\n");
  EXPECT_EQ(data.schema.classes, (Texts{"0", "1"}));
  EXPECT_EQ(data.labels, (Labels{1, 0, 1, 0}));
  EXPECT_TRUE(data.targets.empty());
  options.target_kind = TargetKind::numbers;
  const Dataset numbers = read("a,y\n1,1.0\n2,0\n3,1\n4,-0\n");
  EXPECT_TRUE(numbers.schema.classes.empty());
  EXPECT_EQ(numbers.targets, (Numbers{1, 0, 1, 0}));
}

TEST_F(Read, OneOrThreeValuesStayNumbers) {
  options.targets = {"y"};
  EXPECT_TRUE(read("a,y\n1,5\n2,5\n").schema.classes.empty());
  EXPECT_TRUE(read("a,y\n1,5\n2,6\n3,7\n").schema.classes.empty());
}

TEST_F(Read, AskedForClassesNumbersBecomeSortedLabels) {
  options.targets = {"y"};
  options.target_kind = TargetKind::classes;
  const Dataset data = read("a,y\n1,10\n2,9\n3,10.0\n4,-1\n");
  EXPECT_EQ(data.schema.classes, (Texts{"-1", "9", "10"}));
  EXPECT_EQ(data.labels, (Labels{2, 1, 2, 0}));
}

TEST_F(Read, Weights) {
  options.targets = {"y"};
  options.weight = "w";
  const Dataset data = read("a,w,y\n1,0.5,1\n2,0,2\n3,3,3\n");
  EXPECT_EQ(data.weights, (Numbers{0.5, 0, 3}));
  EXPECT_EQ(data.schema.weight_name, "w");
  EXPECT_EQ(data.features.columns(), 1);
}

TEST_F(Read, FeaturesListedAndIgnored) {
  options.targets = {"y"};
  options.ignore = {"id"};
  EXPECT_EQ(read("id,a,b,y\nr1,1,2,3\nr2,4,5,6\n").schema.feature_names(), (Texts{"a", "b"}));
  options.features = {"b"};
  options.ignore = {};
  EXPECT_EQ(read("id,a,b,y\nr1,1,2,3\nr2,4,5,6\n").schema.feature_names(), (Texts{"b"}));
}

TEST_F(Read, DelimiterByOption) {
  options.delimiter = ':';
  const Dataset data = read("a:b\n1:2\n");
  EXPECT_EQ(data.features.columns(), 2);
}

TEST_F(Read, RowsBehindTheFirstBlockCountToo) {
  std::string content = "a,y\n";
  constexpr std::int64_t rows = 300'000;  // about 3 MB
  for (std::int64_t i = 0; i < rows; ++i) {
    content += std::to_string(i % 1000) + ".5," + std::to_string(i) + "\n";
  }
  options.paths = {folder.write("a.csv", content)};
  options.targets = {"y"};
  std::vector<std::int64_t> reports;
  const Dataset data = read_dataset(options, [&](const ReadState& state) {
    EXPECT_EQ(state.bytes_total, static_cast<std::int64_t>(content.size()));
    EXPECT_EQ(state.text_bytes, state.bytes_read);
    reports.push_back(state.bytes_read);
  });
  ASSERT_EQ(data.rows(), rows);
  for (std::int64_t i = 0; i < rows; ++i) {
    ASSERT_EQ(data.features.row(i)[0], static_cast<float>(i % 1000) + 0.5F);
    ASSERT_EQ(data.targets[static_cast<std::size_t>(i)], static_cast<double>(i));
  }
  EXPECT_GE(reports.size(), 3U);
  EXPECT_EQ(reports.back(), static_cast<std::int64_t>(content.size()));
  EXPECT_TRUE(std::is_sorted(reports.begin(), reports.end()));
}

TEST_F(Read, ProgressMayGiveUp) {
  options.paths = {folder.write("a.csv", "a,y\n1,2\n")};
  EXPECT_THROW(static_cast<void>(read_dataset(
                   options, [](const ReadState&) { throw std::runtime_error("enough"); })),
               std::runtime_error);
}

TEST_F(Read, SeveralFilesInOrder) {
  options.paths = {folder.write("b.csv", "a,y\n1,1\n2,2"), folder.write("a.csv", "a,y\r\n3,3\r\n")};
  options.targets = {"y"};
  EXPECT_EQ(read_dataset(options).targets, (Numbers{1, 2, 3}));
}

TEST_F(Read, GlobsAreSorted) {
  static_cast<void>(folder.write("part-2.csv", "a,y\n3,3\n"));
  static_cast<void>(folder.write("part-1.csv", "a,y\n1,1\n2,2\n"));
  static_cast<void>(folder.write("other.csv", "z\n3\n"));
  options.paths = {folder.path("part-*.csv")};
  options.targets = {"y"};
  EXPECT_EQ(read_dataset(options).targets, (Numbers{1, 2, 3}));
  options.paths = {folder.path("part-[2].csv")};
  EXPECT_EQ(read_dataset(options).rows(), 1);
}

TEST_F(Read, AFileWithAStarInItsNameIsThatFile) {
  static_cast<void>(folder.write("p1.csv", "a,y\n1,1\n"));
  options.paths = {folder.write("p*.csv", "a,y\n2,2\n3,3\n4,4\n")};
  EXPECT_EQ(read_dataset(options).rows(), 3);
}

TEST_F(Read, FilesWithoutHeaderAreAllData) {
  options.paths = {folder.write("1.csv", "1,2\n3,4\n"), folder.write("2.csv", "5,6\n")};
  options.targets = {"2"};
  EXPECT_EQ(read_dataset(options).targets, (Numbers{2, 4, 6}));
}

// Standard input replaced by a pipe that a thread fills in small pieces.
TEST_F(Read, StandardInput) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const int saved = ::dup(STDIN_FILENO);
  ASSERT_EQ(::dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
  ::close(ends[0]);
  std::thread writer([&] {
    for (const std::string piece : {"a,", "y\n1", ",10\n2,2", "0\n3,30"}) {
      EXPECT_EQ(::write(ends[1], piece.data(), piece.size()), static_cast<ssize_t>(piece.size()));
    }
    ::close(ends[1]);
  });
  options.paths = {"-"};
  options.targets = {"y"};
  std::int64_t total = -1;
  const Dataset data =
      read_dataset(options, [&](const ReadState& state) { total = state.bytes_total; });
  writer.join();
  ::dup2(saved, STDIN_FILENO);
  ::close(saved);
  EXPECT_EQ(data.targets, (Numbers{10, 20, 30}));
  EXPECT_EQ(data.bytes_read, 18);
  EXPECT_EQ(total, 0);
}

TEST_F(Read, HeadersOfAllFilesMustAgree) {
  options.paths = {folder.write("1.csv", "a,b,y\n1,2,3\n"),
                   folder.write("2.csv", "a,y,b\n1,3,2\n")};
  options.targets = {"y"};
  const auto error = tests::thrown<InputError>([&] { static_cast<void>(read_dataset(options)); });
  EXPECT_EQ(error.location().file, folder.path("2.csv"));
  EXPECT_EQ(error.location().line, 1);
  EXPECT_EQ(error.location().column, 2);
  EXPECT_EQ(error.location().byte, 2);
  EXPECT_NE(
      std::string(error.what())
          .find("the header has \"y\" where the one of " + folder.path("1.csv") + " has \"b\""),
      std::string::npos)
      << error.what();
}

TEST_F(Read, HeadersOfAllFilesMustBeAsLong) {
  options.paths = {folder.write("1.csv", "a,b\n1,2\n"), folder.write("2.csv", "a,b,c\n1,3,2\n")};
  const auto message =
      tests::thrown_message<InputError>([&] { static_cast<void>(read_dataset(options)); });
  EXPECT_NE(
      message.find("the header has 3 columns, but the one of " + folder.path("1.csv") + " has 2"),
      std::string::npos)
      << message;
}

TEST_F(Read, ALaterFileWithoutTheHeaderIsAnError) {
  options.paths = {folder.write("1.csv", "a,b\n1,2\n"), folder.write("2.csv", "3,4\n")};
  EXPECT_THROW(static_cast<void>(read_dataset(options)), InputError);
}

TEST_F(Read, BadPathsAndOptions) {
  EXPECT_THROW(static_cast<void>(read_dataset(options)), OptionError);
  options.paths = {"-", "-"};
  EXPECT_THROW(static_cast<void>(read_dataset(options)), OptionError);
  options.paths = {folder.path("none-*.csv")};
  EXPECT_NE(tests::thrown_message<InputError>([&] {
              static_cast<void>(read_dataset(options));
            }).find("no file matches"),
            std::string::npos);
  options.delimiter = '"';
  options.paths = {folder.write("a.csv", "a,b\n1,2\n")};
  EXPECT_THROW(static_cast<void>(read_dataset(options)), OptionError);
}

}  // namespace
}  // namespace steepest
