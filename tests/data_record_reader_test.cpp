// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "src/data/record_reader.hpp"
#include "tests/temporary_folder.hpp"
#include "tests/thrown.hpp"

namespace steepest::data {
namespace {

using Fields = std::vector<std::string>;

struct Read {
  Fields fields;
  std::int64_t line = 0;
  std::int64_t byte = 0;
  std::string raw;
  QuoteFault fault = QuoteFault::none;
};

std::vector<Read> read_records(const std::string& content, const ReaderLimits& limits,
                               char delimiter) {
  const tests::TemporaryFolder folder;
  RecordReader reader(folder.write("a.csv", content), limits);
  reader.set_dialect(Dialect{delimiter});
  std::vector<Read> records;
  while (reader.next()) {
    Read read{
        {}, reader.line(), reader.byte(), std::string(reader.record().raw), reader.record().fault};
    for (std::size_t i = 0; i < reader.record().fields.size(); ++i) {
      read.fields.emplace_back(reader.record().text(i));
    }
    records.push_back(read);
  }
  return records;
}

class RecordReaderBlocks : public ::testing::TestWithParam<std::int64_t> {
 protected:
  static std::vector<Read> read(const std::string& content, char delimiter = ',') {
    ReaderLimits limits;
    limits.block_bytes = GetParam();
    limits.head_bytes = GetParam();
    return read_records(content, limits, delimiter);
  }

  static void expect_rows(const std::string& content, const std::vector<Fields>& rows) {
    const std::vector<Read> records = read(content);
    ASSERT_EQ(records.size(), rows.size()) << content;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      EXPECT_EQ(records[i].fields, rows[i]) << "record " << i << " of " << content;
      EXPECT_EQ(records[i].fault, QuoteFault::none);
    }
  }
};

// RFC 4180, section 2, rules 1 to 7, in their order.
TEST_P(RecordReaderBlocks, Rfc4180) {
  expect_rows("aaa,bbb,ccc\r\nzzz,yyy,xxx\r\n", {{"aaa", "bbb", "ccc"}, {"zzz", "yyy", "xxx"}});
  expect_rows("aaa,bbb,ccc\r\nzzz,yyy,xxx", {{"aaa", "bbb", "ccc"}, {"zzz", "yyy", "xxx"}});
  expect_rows("a,b\r\n", {{"a", "b"}});
  expect_rows("aaa,bbb ,c c\r\n", {{"aaa", "bbb ", "c c"}});
  expect_rows("\"aaa\",\"bbb\",\"ccc\"\r\nzzz,yyy,xxx",
              {{"aaa", "bbb", "ccc"}, {"zzz", "yyy", "xxx"}});
  expect_rows("\"aaa\",\"b\r\nbb\",\"ccc\"\r\nzzz,yyy,xxx",
              {{"aaa", "b\r\nbb", "ccc"}, {"zzz", "yyy", "xxx"}});
  expect_rows("\"aaa\",\"b\"\"bb\",\"ccc\"", {{"aaa", "b\"bb", "ccc"}});
}

TEST_P(RecordReaderBlocks, QuotesOfEveryShape) {
  expect_rows("\"\",\"\"\"\",\"\"\"\"\"\"", {{"", "\"", "\"\""}});
  expect_rows("\"a,b\",\"c;d\",e", {{"a,b", "c;d", "e"}});
  expect_rows("\"\"\"a\",\"b\"\"\",\"\"\"\"\n1,2,3", {{"\"a", "b\"", "\""}, {"1", "2", "3"}});
  expect_rows("\"a\" , \"b\",  \"c\"  \n", {{"a", "b", "c"}});
}

TEST_P(RecordReaderBlocks, EveryLineEnd) {
  const std::vector<Fields> rows{{"1", "2"}, {"3", "4"}, {"5", "6"}};
  expect_rows("1,2\n3,4\n5,6\n", rows);
  expect_rows("1,2\r\n3,4\r\n5,6\r\n", rows);
  expect_rows("1,2\r3,4\r5,6\r", rows);
  expect_rows("1,2\n3,4\r\n5,6", rows);
  expect_rows("1,2\r\r\n3,4\n\n\n\r\r5,6\r\n\r\n", rows);
  expect_rows("  \n1,2\n \t \n3,4\n\t\n5,6\n", rows);
}

TEST_P(RecordReaderBlocks, EmptyFieldsAtEveryPlace) {
  expect_rows(",\n", {{"", ""}});
  expect_rows(",,\n1,,\n,,1", {{"", "", ""}, {"1", "", ""}, {"", "", "1"}});
  expect_rows("a,", {{"a", ""}});
  expect_rows("\"\"\n", {{""}});
}

TEST_P(RecordReaderBlocks, ByteOrderMarkIsDroppedAndCounted) {
  const std::vector<Read> records = read(
      "\xEF\xBB\xBF"
      "a,b\n1,2\n");
  ASSERT_EQ(records.size(), 2U);
  EXPECT_EQ(records[0].fields, (Fields{"a", "b"}));
  EXPECT_EQ(records[0].byte, 3);
  EXPECT_EQ(records[1].byte, 7);
}

TEST_P(RecordReaderBlocks, LinesAndBytesCountEveryLineEnd) {
  const std::vector<Read> records = read("a,b\r\n\"x\ny\",\r\r\n1,\"\r\n\"\n\nz,z\n");
  ASSERT_EQ(records.size(), 4U);
  EXPECT_EQ(records[0].line, 1);
  EXPECT_EQ(records[0].byte, 0);
  EXPECT_EQ(records[1].line, 2);
  EXPECT_EQ(records[1].byte, 5);
  EXPECT_EQ(records[1].raw, "\"x\ny\",");
  EXPECT_EQ(records[2].line, 5);  // line 4 is the blank one between two returns
  EXPECT_EQ(records[2].byte, 14);
  EXPECT_EQ(records[3].line, 8);
  EXPECT_EQ(records[3].byte, 22);
  EXPECT_EQ(records[3].raw, "z,z");
}

TEST_P(RecordReaderBlocks, OtherDelimiters) {
  EXPECT_EQ(read("a;b,c;\"d;e\"\n", ';')[0].fields, (Fields{"a", "b,c", "d;e"}));
  EXPECT_EQ(read("a\tb c\t\"d\te\"\n", '\t')[0].fields, (Fields{"a", "b c", "d\te"}));
  EXPECT_EQ(read("a b \"c d\" e\n", ' ')[0].fields, (Fields{"a", "b", "c d", "e"}));
  EXPECT_EQ(read("\t\t\n", '\t')[0].fields, (Fields{"", "", ""}));
}

TEST_P(RecordReaderBlocks, FaultyQuotesEndWithTheirLine) {
  const std::vector<Read> records = read("a,b\"c,d\n1,2,3\n\"x\"y,2,3\n4,5,6\n");
  ASSERT_EQ(records.size(), 4U);
  EXPECT_EQ(records[0].fault, QuoteFault::inside_field);
  EXPECT_EQ(records[0].fields.size(), 3U);
  EXPECT_EQ(records[1].fault, QuoteFault::none);
  EXPECT_EQ(records[2].fault, QuoteFault::text_after);
  EXPECT_EQ(records[2].fields.size(), 3U);
  EXPECT_EQ(records[3].fields, (Fields{"4", "5", "6"}));
}

TEST_P(RecordReaderBlocks, AQuoteNeverClosedNamesItsLine) {
  const auto error = tests::thrown<InputError>([] { read("a,b\n1,2\n3,\"4\n5,6\n7,8\n"); });
  EXPECT_EQ(error.location().line, 3);
  EXPECT_EQ(error.location().byte, 10);
  EXPECT_NE(std::string(error.what()).find("the quote opened at line 3 is never closed"),
            std::string::npos)
      << error.what();
}

TEST_P(RecordReaderBlocks, ANullByteIsPlaced) {
  ReaderLimits limits;
  limits.block_bytes = GetParam();
  limits.head_bytes = 4;
  std::string content = "a,b\n1,2\n3,4\n5,6\n7,8\n";
  for (int i = 0; i < 100; ++i) {
    content += "11,22\n";
  }
  content += std::string("9,\0\n", 4);
  const auto error = tests::thrown<InputError>([&] { read_records(content, limits, ','); });
  EXPECT_EQ(error.location().byte, 622);  // 20 + 100 * 6 + 2
  EXPECT_NE(std::string(error.what()).find("null byte"), std::string::npos) << error.what();
}

INSTANTIATE_TEST_SUITE_P(Bytes, RecordReaderBlocks, ::testing::Values(1, 2, 3, 7, 64, 1 << 20));

TEST(RecordReader, RefusesARecordBeyondTheLimit) {
  ReaderLimits limits;
  limits.block_bytes = 64;
  limits.head_bytes = 64;
  limits.record_bytes = 1000;
  const std::string long_field(2000, '7');
  const auto error = tests::thrown<InputError>(
      [&] { read_records("a\n1\n2\n" + long_field + "\n", limits, ','); });
  EXPECT_EQ(error.location().line, 4);
  EXPECT_EQ(error.location().byte, 6);
  EXPECT_NE(std::string(error.what()).find("longer than 1,000 bytes"), std::string::npos);
  const auto quoted = tests::thrown<InputError>(
      [&] { read_records("a\n1\n\"2\n" + long_field + "\n", limits, ','); });
  EXPECT_NE(std::string(quoted.what()).find("A quote opened at line 3 is not closed"),
            std::string::npos)
      << quoted.what();
}

TEST(RecordReader, TakesARecordUpToTheLimit) {
  ReaderLimits limits;
  limits.block_bytes = 64;
  limits.head_bytes = 64;
  limits.record_bytes = 1000;
  const std::string field(990, '7');
  EXPECT_EQ(read_records("a\n1\n" + field + "\n2\n", limits, ',')[2].fields, (Fields{field}));
}

TEST(RecordReader, LocatesAFieldBehindEmbeddedLines) {
  const tests::TemporaryFolder folder;
  RecordReader reader(folder.write("a.csv", "h,i\n\"a\nb\r\nc\",bad\n"), {});
  reader.set_dialect(Dialect{});
  ASSERT_TRUE(reader.next());
  ASSERT_TRUE(reader.next());
  const Location location = reader.locate(reader.record().fields[1].at);
  EXPECT_EQ(location.line, 4);
  EXPECT_EQ(location.byte, 13);
}

}  // namespace
}  // namespace steepest::data
