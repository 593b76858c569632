// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <bit>
#include <new>
#include <string>
#include <vector>

#include "src/data/read_csv.hpp"
#include "src/data/row_stream.hpp"
#include "steepest/error.hpp"
#include "steepest/read.hpp"
#include "steepest/table_folder.hpp"
#include "tests/random_file.hpp"
#include "tests/temporary_folder.hpp"
#include "tests/thrown.hpp"

namespace steepest {
namespace {

// A line of bits a row.
void append_bits(const FeatureMatrix& rows, std::string& text) {
  for (std::int64_t i = 0; i < rows.rows(); ++i) {
    for (std::int64_t j = 0; j < rows.columns(); ++j) {
      fmt::format_to(std::back_inserter(text), "{:x} ",
                     std::bit_cast<std::uint32_t>(rows.row(i)[j]));
    }
    text += '\n';
  }
}

std::string bits_of(const FeatureMatrix& rows) {
  std::string text;
  append_bits(rows, text);
  return text;
}

// What arrives at the sink, and how it ended.
struct Streamed {
  std::string text;
  std::string error;
  StreamedRows found;

  Streamed(const ReadOptions& options, const Schema& schema, const data::ReaderLimits& limits) {
    try {
      found = data::stream_csv(
          options, schema, append_bits, [this](const std::string& more) { text += more; }, {},
          limits);
    } catch (const InputError& thrown) {
      error = thrown.what();
    }
  }
};

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

TEST_F(RowStreams, GiveTheRowsOfReadDatasetInOrder) {
  const Dataset data = read_dataset(options);
  const std::string expected = bits_of(data.features);
  for (const std::int64_t block_bytes : {1, 7, 100, 1000, 1 << 20}) {
    for (const int threads : {1, 2, 5}) {
      options.threads = threads;
      data::ReaderLimits limits;
      limits.block_bytes = block_bytes;
      limits.head_bytes = 1;
      const Streamed streamed(options, data.schema, limits);
      EXPECT_EQ(streamed.error, "");
      EXPECT_TRUE(streamed.text == expected) << block_bytes << ", " << threads;
      EXPECT_EQ(streamed.found.rows, data.rows());
      EXPECT_EQ(streamed.found.bytes_read, data.bytes_read);
    }
  }
}

TEST_F(RowStreams, GiveTheRowsOfSeveralFiles) {
  options.paths.push_back(folder.write("b.csv", "a,c,b,y\n1,red,2,0\n,blue,4,1"));
  const Dataset data = read_dataset(options);
  options.threads = 3;
  data::ReaderLimits limits;
  limits.block_bytes = 50;
  limits.head_bytes = 1;
  const Streamed streamed(options, data.schema, limits);
  EXPECT_TRUE(streamed.text == bits_of(data.features)) << streamed.error;
}

TEST_F(RowStreams, GiveTheRowsOfAConvertedFolder) {
  const ReadRows read = read_rows(options, {});
  const std::string converted = folder.path("converted");
  write_table(*read.rows, converted);
  const std::string expected = bits_of(read_dataset(options).features);
  const Schema schema = read.rows->schema();
  ReadOptions of_folder;
  of_folder.paths = {converted};
  of_folder.threads = 3;
  std::string text;
  const StreamedRows found =
      stream_rows(of_folder, schema, append_bits, [&](const std::string& more) { text += more; });
  EXPECT_EQ(found.rows, 100);
  EXPECT_TRUE(text == expected);

  const auto refused = [&](const Schema& other) {
    return std::string(tests::thrown<InputError>([&] {
                         stream_rows(of_folder, other, append_bits, [](const std::string&) {});
                       }).what());
  };
  Schema other = schema;
  other.columns[0].name = "z";
  EXPECT_NE(refused(other).find("where the model has \"z\""), std::string::npos);
  other = schema;
  other.columns[1].levels[0] = "azure";  // the baseline, which no feature is named by
  EXPECT_NE(refused(other).find("the levels blue, green, red of \"c\" where the model has azure"),
            std::string::npos)
      << refused(other);
  other = schema;
  other.columns[0].missing_fill[0] += 1.0;
  EXPECT_NE(refused(other).find("means of its own"), std::string::npos) << refused(other);
  of_folder.missing = MissingPolicy::zero;
  EXPECT_THROW(stream_rows(of_folder, schema, append_bits, [](const std::string&) {}), OptionError);
}

// Text longer than may wait for its turn, and rows wider than fit into one block of features.
TEST_F(RowStreams, ManyWordsForARowComeInOrder) {
  const Dataset data = read_dataset(options);
  options.threads = 3;
  data::ReaderLimits limits;
  limits.block_bytes = 300;
  limits.head_bytes = 1;
  std::int64_t next = 0;
  const auto to_text = [](const FeatureMatrix& rows, std::string& text) {
    for (std::int64_t i = 0; i < rows.rows(); ++i) {
      text += std::string(data::most_text_bytes / 4, 'x') + fmt::format("{}\n", rows.row(i)[3]);
    }
  };
  const auto sink = [&](const std::string& text) {
    for (std::size_t end = text.find('\n'); end != std::string::npos; end = text.find('\n', end)) {
      const std::size_t begin = text.rfind('x', end) + 1;
      EXPECT_EQ(text.substr(begin, end - begin), fmt::format("{}", next * next));
      ++next;
      ++end;
    }
  };
  Schema narrow = data.schema;
  ASSERT_EQ(narrow.feature_count(), 4);
  EXPECT_EQ(data::stream_csv(options, narrow, to_text, sink, {}, limits).rows, 100);
  EXPECT_EQ(next, 100);
}

TEST_F(RowStreams, NeedNoTargetAndDoNotLookAtIt) {
  const Dataset data = read_dataset(options);
  options.paths = {folder.write("b.csv", "b,c,a,y\n1,red,2,not a class\n3,blue,4,\n")};
  const Streamed streamed(options, data.schema, {});
  EXPECT_EQ(streamed.found.rows, 2);
  EXPECT_EQ(streamed.text.substr(0, 8), fmt::format("{:x}", std::bit_cast<std::uint32_t>(2.0F)));
}

TEST_F(RowStreams, RefuseToLoseRows) {
  const Dataset data = read_dataset(options);
  options.missing = MissingPolicy::drop;
  EXPECT_THROW(Streamed(options, data.schema, {}), OptionError);
  options.missing = MissingPolicy::mean;
  options.bad_rows = BadRowPolicy::skip;
  EXPECT_THROW(Streamed(options, data.schema, {}), OptionError);
}

TEST_F(RowStreams, DoNotOfferToSkipRows) {
  const Dataset data = read_dataset(options);
  options.paths = {folder.write("b.csv", "a,c,b\n1,red,2\n1,red,x\n")};
  const auto error = tests::thrown<InputError>(
      [&] { stream_rows(options, data.schema, append_bits, [](const std::string&) {}); });
  EXPECT_EQ(error.location().line, 3);
  EXPECT_EQ(std::string(error.what()).find("--on-bad-row"), std::string::npos) << error.what();
}

TEST_F(RowStreams, AFileWithoutRowsIsAnError) {
  const Dataset data = read_dataset(options);
  options.paths = {folder.write("b.csv", "a,c,b\n")};
  EXPECT_NE(Streamed(options, data.schema, {}).error, "");
}

TEST_F(RowStreams, WhatTheSinkThrowsEndsThem) {
  const Dataset data = read_dataset(options);
  options.threads = 3;
  data::ReaderLimits limits;
  limits.block_bytes = 50;
  limits.head_bytes = 1;
  int calls = 0;
  const auto sink = [&](const std::string&) {
    if (++calls == 3) {
      throw InputError(Location{"out.csv"}, "no space");
    }
  };
  EXPECT_THROW(data::stream_csv(options, data.schema, append_bits, sink, {}, limits), InputError);
  EXPECT_EQ(calls, 3);
}

TEST_F(RowStreams, WhatMakingTextThrowsEndsThem) {
  const Dataset data = read_dataset(options);
  options.threads = 5;
  data::ReaderLimits limits;
  limits.block_bytes = 50;
  limits.head_bytes = 1;
  const auto to_text = [](const FeatureMatrix& rows, std::string& text) {
    append_bits(rows, text);
    if (rows.row(0)[3] > 2500.0F) {
      throw std::bad_alloc();
    }
  };
  std::string text;
  const auto sink = [&](const std::string& more) { text += more; };
  EXPECT_THROW(data::stream_csv(options, data.schema, to_text, sink, {}, limits), std::bad_alloc);
  EXPECT_TRUE(bits_of(data.features).starts_with(text));
}

// Any file, cut into blocks anywhere: the text and the error that one thread gives, record by
// record.
TEST(RowStreamsOfRandomFiles, GiveWhatTheScannerGives) {
  const tests::TemporaryFolder folder;
  tests::Random random(11);
  int whole = 0;
  int broken = 0;
  for (int i = 0; i < 1500; ++i) {
    tests::RandomFile made = tests::random_file(random);
    made.options.paths = {folder.write("d.csv", made.content)};
    made.options.bad_rows = BadRowPolicy::skip;
    made.options.rejects_path.clear();
    data::ReaderLimits limits;
    limits.head_bytes = 1;
    limits.block_bytes = 1 + static_cast<std::int64_t>(random() % 300);
    data::ReaderLimits scalar = limits;
    scalar.scalar = true;
    Schema known;
    try {
      known = data::read_csv(made.options, {}, nullptr, scalar).schema;
    } catch (const std::exception&) {
      continue;
    }
    made.options.bad_rows = BadRowPolicy::error;
    if (made.options.missing == MissingPolicy::drop) {
      made.options.missing = MissingPolicy::error;
    }
    made.options.threads = 1 + static_cast<int>(random() % 3);
    const Streamed expected(made.options, known, scalar);
    const Streamed found(made.options, known, limits);
    ASSERT_EQ(found.error, expected.error) << made.content;
    ASSERT_EQ(found.found.rows, expected.found.rows);
    if (expected.error.empty()) {
      ASSERT_TRUE(found.text == expected.text) << made.content;
      ++whole;
    } else {
      ASSERT_TRUE(expected.text.starts_with(found.text)) << made.content;
      ++broken;
    }
  }
  EXPECT_GT(whole, 200);
  EXPECT_GT(broken, 50);
}

}  // namespace
}  // namespace steepest
