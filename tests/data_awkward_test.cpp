// SPDX-License-Identifier: Apache-2.0
// The files of tests/awkward, by every path of the reader: what each gives is worked out by hand
// from docs/formats.md, and all paths must give the same, to the bit and to the letter.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "src/data/read_csv.hpp"
#include "steepest/error.hpp"
#include "tests/read_outcome.hpp"
#include "tests/temporary_folder.hpp"
#include "tests/thrown.hpp"

namespace steepest::data {
namespace {

using namespace std::string_literals;

const std::filesystem::path folder =
    std::filesystem::path(STEEPEST_SOURCE_FOLDER) / "tests/awkward";

// What a file gives. Column names with "," between them, levels of a category in []; values of the
// features with " / " between rows. Or a part of the error.
struct Awkward {
  std::string columns;
  std::string values;
  std::string error;
  std::string categorical;
  MissingPolicy missing = MissingPolicy::error;
  std::int64_t skipped = 0;  // more than none: bad rows are skipped
};

Awkward table(std::string columns, std::string values) {
  return {std::move(columns), std::move(values), {}, {}, MissingPolicy::error, 0};
}

Awkward zero_for_missing(std::string columns, std::string values) {
  return {std::move(columns), std::move(values), {}, {}, MissingPolicy::zero, 0};
}

Awkward skipping(std::int64_t skipped, std::string columns, std::string values) {
  return {std::move(columns), std::move(values), {}, {}, MissingPolicy::error, skipped};
}

Awkward texts(std::string categorical, std::string columns, std::string values) {
  return {std::move(columns),     std::move(values),    {},
          std::move(categorical), MissingPolicy::error, 0};
}

Awkward error(std::string part, std::string categorical = {}, std::int64_t skipped = 0) {
  return {{}, {}, std::move(part), std::move(categorical), MissingPolicy::error, skipped};
}

const std::map<std::string, Awkward>& awkward_files() {
  static const Awkward two_by_two = table("a,b", "1 2 / 3 4");
  static const std::map<std::string, Awkward> files = {
      {"backslash_escape", error(":2 (byte 16) column 2 \"note\": text follows a closing quote")},
      {"blank_lines", two_by_two},
      {"blank_only", error("blank lines or comments only")},
      {"byte_order_mark", two_by_two},
      {"byte_order_mark_only", error("the file is empty")},
      {"byte_order_mark_quoted", two_by_two},
      {"byte_order_mark_within", error(":3 (byte 8) column 1 \"a\": cannot read")},
      {"carriage_return_within", table("a,b", "1 2 / 3 4 / 5 6")},
      {"comment_lines", two_by_two},
      {"control_z", error(":4 (byte 12): expected 2 columns, found 1")},
      {"currency", error("column 1 \"price\"")},
      {"dates", error("column 1 \"day\"")},
      {"decimal_comma",
       error(":2 (byte 4) column 1 \"a\": this column holds text such as \"1,5\"")},
      {"delimiter_in_quotes",
       texts("place", "place[Oslo, Norway|Rome, Italy],x", "0 1 / 1 2 / 0 4")},
      {"doubled_quotes", texts("say", "say[\"|he said \"no\"],x", "1 1 / 0 2 / 0 4")},
      {"duplicate_names", error("\"a\"")},
      {"empty", error("the file is empty")},
      {"empty_fields", zero_for_missing("a,b,c", "1 0 3 / 0 5 0 / 7 8 9")},
      {"empty_names", table("a,x2,b", "1 2 3 / 4 5 6")},
      {"empty_quoted", zero_for_missing("a,b", "0 2 / 3 0")},
      {"empty_quoted_one_column", zero_for_missing("a", "1 / 0 / 3")},
      {"exponents", table("a,b", "1000 -0.25 / 100 0")},
      {"form_feed", error(":3 (byte 8) column 1 \"a\": cannot read")},
      {"header_only", error("has a header but no rows")},
      {"header_over_lines", table("first\nname,b", "1 2 / 3 4")},
      {"hexadecimal", error(":3 (byte 8) column 1 \"a\": cannot read \"0x10\" as a number")},
      {"infinite", error(":3 (byte 8) column 1 \"a\": ")},
      {"infinite_minus", error(":3 (byte 10) column 2 \"b\": ")},
      {"latin_1", error(":2 (byte 7) column 1 \"city\": \"M\\xfcnchen\" is not UTF-8", "city")},
      {"latin_1_name", error("UTF-8")},
      {"line_end_cr", two_by_two},
      {"line_end_crlf", two_by_two},
      {"line_end_mixed", table("a,b", "1 2 / 3 4 / 5 6 / 7 8")},
      {"long_digits", table("a,b", "0.33333334 1e+30 / 1.5 1e-36")},
      {"missing_words", zero_for_missing("a,b", "0 1 / 0 2 / 0 3 / 0 4 / 0 5 / 0 6 / 7 0")},
      {"nan", zero_for_missing("a,b", "1 2 / 0 4 / 5 0")},
      {"negative_zero", table("a,b", "-0 0 / -0 1")},
      {"no_break_space", error(":3 (byte 8) column 1 \"a\": cannot read")},
      {"no_final_newline", two_by_two},
      {"no_header", table("x1,x2", "1 2 / 3 4 / 5 6")},
      {"null_byte", error("(byte 10): is a binary file, not text: it holds a null byte")},
      {"number_forms", table("a,b,c", "1 0.5 5 / -0.25 0.5 7")},
      {"number_forms_refused", error(":3 (byte 8) column 1 \"a\": cannot read \"+-3\"")},
      {"numeric_header", table("x1,x2", "2019 2020 / 1 2 / 3 4")},
      {"one_cell", table("x1", "5")},
      {"one_column", table("x", "1 / 2 / 3")},
      {"one_row", table("a,b", "1 2")},
      {"overflow", error(":3 (byte 8) column 1 \"a\": ")},
      {"overflow_float32", error(":3 (byte 8) column 1 \"a\": ")},
      {"percent", error("column 1 \"a\"")},
      {"pipe", two_by_two},
      {"preamble", error(":3 (byte 16): expected 1 columns, found 2")},
      {"quote_mid_field", error(":3 (byte 9) column 1 \"a\": a quote stands inside a field")},
      {"quote_mid_field_skipped", skipping(2, "a,b", "1 2 / 7 8")},
      {"quote_unclosed", error(":3 (byte 8): the quote opened at line 3 is never closed")},
      {"quote_unclosed_skipped",
       error(":3 (byte 10): the quote opened at line 3 is never closed", {}, 1)},
      {"quoted_all", two_by_two},
      {"quoted_line_end", texts("note", "note[plain|two\nlines],x", "1 1 / 0 2 / 1 4")},
      {"quoted_line_end_bad", error(":6 (byte 36) column 2 \"x\": ", "note")},
      {"quoted_line_end_crlf",
       texts("note", "note[plain|two\nlines|two\r\nlines],x", "0 1 1 / 0 0 2 / 1 0 4")},
      {"quoted_spaces", two_by_two},
      {"ragged_long", error(":3 (byte 8): expected 2 columns, found 3")},
      {"ragged_short", error(":3 (byte 12): expected 3 columns, found 2")},
      {"ragged_skipped", skipping(2, "a,b", "1 2 / 7 8")},
      {"rounding", table("a,b", "16777216 16777220 / 0.1 1.0000001")},
      {"semicolon", two_by_two},
      {"single_quotes", error(":2 (byte 4): expected 2 columns, found 3")},
      {"spaces", two_by_two},
      {"spaces_around_quotes", two_by_two},
      {"tab", two_by_two},
      {"tab_empty", zero_for_missing("a,b,c", "1 0 3 / 0 5 0")},
      {"tab_after_quote", error(":2 (byte 7) column 1 \"a\": text follows a closing quote")},
      {"text_after_quote", error(":3 (byte 11) column 1 \"a\": text follows a closing quote")},
      {"thousands", error("column 1 \"a\": cannot read \"1,000\" as a number")},
      {"trailing_delimiter", error(":2 (byte 9) column 3 \"x3\": the value is missing")},
      {"trailing_delimiter_of_rows", error(":2 (byte 4): expected 2 columns, found 3")},
      {"underflow", table("a,b", "0 2 / -0 4")},
      {"underscore", error(":3 (byte 8) column 1 \"a\": cannot read \"1_000\" as a number")},
      {"utf_16_big", error("is UTF-16 text")},
      {"utf_16_little", error("is UTF-16 text")},
      {"utf_16_no_mark", error("is UTF-16 text")},
      {"utf_8", table("Größe,重さ", "1 2 / 3 4")},
  };
  return files;
}

std::string columns_of(const Dataset& data) {
  std::vector<std::string> names;
  for (const FeatureColumn& column : data.schema.columns) {
    names.push_back(column.levels.empty()
                        ? column.name
                        : fmt::format("{}[{}]", column.name, fmt::join(column.levels, "|")));
  }
  return fmt::format("{}", fmt::join(names, ","));
}

std::string values_of(const Dataset& data) {
  std::vector<std::string> rows;
  for (std::int64_t i = 0; i < data.rows(); ++i) {
    const float* const row = data.features.row(i);
    rows.push_back(fmt::format("{}", fmt::join(row, row + data.features.columns(), " ")));
  }
  return fmt::format("{}", fmt::join(rows, " / "));
}

// By every level of instructions, in blocks of several sizes, by one thread and by three.
void expect_same_by_every_path(ReadOptions options, std::int64_t head_bytes,
                               std::int64_t record_bytes = ReaderLimits{}.record_bytes) {
  for (const std::int64_t block_bytes : {1, 7, 64, 4096}) {
    ReaderLimits limits;
    limits.head_bytes = head_bytes;
    limits.block_bytes = block_bytes;
    limits.record_bytes = record_bytes;
    limits.scalar = true;
    options.threads = 1;
    const std::string expected = tests::outcome(options, limits, nullptr);
    limits.scalar = false;
    for (const SimdLevel level : {SimdLevel::portable, SimdLevel::avx2, SimdLevel::avx512}) {
      limits.simd = level;
      for (const int threads : {1, 3}) {
        options.threads = threads;
        const std::string found = tests::outcome(options, limits, nullptr);
        EXPECT_TRUE(found == expected)
            << fmt::format("{}, {}, blocks of {}, {} threads, ", options.paths[0], name_of(level),
                           block_bytes, threads)
            << tests::difference(found, expected);
      }
    }
  }
}

TEST(Awkward, EveryFileHasAReasonAndAnOutcome) {
  std::ifstream stream(folder / "README.md");
  std::ostringstream reasons;
  reasons << stream.rdbuf();
  std::set<std::string> found;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() == ".csv") {
      found.insert(entry.path().stem().string());
      EXPECT_NE(reasons.str().find("| `" + entry.path().filename().string() + "` | "),
                std::string::npos)
          << entry.path();
    }
  }
  std::set<std::string> expected;
  for (const auto& [name, file] : awkward_files()) {
    expected.insert(name);
  }
  EXPECT_EQ(found, expected);
}

TEST(Awkward, FilesGiveWhatTheyMust) {
  const tests::TemporaryFolder temporary;
  for (const auto& [name, file] : awkward_files()) {
    ReadOptions options;
    options.paths = {(folder / (name + ".csv")).string()};
    options.missing = file.missing;
    if (!file.categorical.empty()) {
      options.categorical = {file.categorical};
    }
    if (file.skipped > 0) {
      options.bad_rows = BadRowPolicy::skip;
      options.rejects_path = temporary.path("bad.csv");
    }
    ReaderLimits limits;
    limits.scalar = true;
    if (file.error.empty()) {
      try {
        const Dataset data = read_csv(options, {}, nullptr, limits);
        EXPECT_EQ(columns_of(data), file.columns) << name;
        EXPECT_EQ(values_of(data), file.values) << name;
        EXPECT_EQ(data.rows_rejected, file.skipped) << name;
      } catch (const Error& thrown) {
        ADD_FAILURE() << name << ": " << thrown.what();
      }
    } else {
      const std::string message = tests::thrown_message<InputError>(
          [&] { static_cast<void>(read_csv(options, {}, nullptr, limits)); });
      EXPECT_NE(message.find(file.error), std::string::npos) << name << ": " << message;
    }
    expect_same_by_every_path(options, 1);
    expect_same_by_every_path(options, ReaderLimits{}.head_bytes);
  }
}

TEST(Awkward, FiftyThousandColumns) {
  const std::int64_t columns = 50'000;
  const auto value = [](std::int64_t i, std::int64_t j) {
    return static_cast<double>((i * 7919 + j) % 32768) * 0.25;
  };
  std::string text;
  for (std::int64_t j = 0; j < columns; ++j) {
    text += fmt::format("{}c{}", j == 0 ? "" : ",", j);
  }
  for (std::int64_t i = 0; i < 5; ++i) {
    for (std::int64_t j = 0; j < columns; ++j) {
      text += fmt::format("{}{}", j == 0 ? '\n' : ',', value(i, j));
    }
  }
  const tests::TemporaryFolder temporary;
  ReadOptions options;
  options.paths = {temporary.write("d.csv", text)};
  options.threads = 3;
  for (const std::int64_t block_bytes : {4096, 1 << 20}) {
    ReaderLimits limits;
    limits.block_bytes = block_bytes;
    const Dataset data = read_csv(options, {}, nullptr, limits);
    ASSERT_EQ(data.rows(), 5);
    ASSERT_EQ(data.features.columns(), columns);
    std::int64_t wrong = 0;
    for (std::int64_t i = 0; i < 5; ++i) {
      for (std::int64_t j = 0; j < columns; ++j) {
        wrong += data.features.row(i)[j] == static_cast<float>(value(i, j)) ? 0 : 1;
      }
    }
    EXPECT_EQ(wrong, 0);
    EXPECT_LT(data.read_seconds, 20.0);  // a fraction of one: what is quadratic takes minutes
  }
}

TEST(Awkward, OneColumnOfManyRows) {
  std::string text = "x\n";
  for (int i = 0; i < 3000; ++i) {
    text += fmt::format("{}\n", i * 0.5);
  }
  const tests::TemporaryFolder temporary;
  ReadOptions options;
  options.paths = {temporary.write("d.csv", text)};
  const Dataset data = read_csv(options, {}, nullptr, {});
  ASSERT_EQ(data.rows(), 3000);
  for (std::int64_t i = 0; i < 3000; ++i) {
    ASSERT_EQ(data.features.row(i)[0], static_cast<float>(i) * 0.5F);
  }
  expect_same_by_every_path(options, 1);
}

// The first record, of many lines, is not in the head as a whole.
TEST(Awkward, AHeaderLongerThanTheHead) {
  const tests::TemporaryFolder temporary;
  ReadOptions options;
  options.paths = {temporary.write("d.csv", "\"a\n\n\n\n\nb\",c,y\n1,2,3\n4,5,6\n")};
  options.targets = {"-1"};
  options.header = HeaderMode::yes;
  ReaderLimits limits;
  limits.head_bytes = 1;
  limits.block_bytes = 1;
  const Dataset data = read_csv(options, {}, nullptr, limits);
  EXPECT_EQ(columns_of(data), "a\n\n\n\n\nb,c");
  EXPECT_EQ(values_of(data), "1 2 / 4 5");
  expect_same_by_every_path(options, 1);
}

TEST(Awkward, AQuotedFieldLongerThanARecordMayBe) {
  std::string text = "a,b\n1,2\n3,\"";
  for (int i = 0; i < 2000; ++i) {
    text += "4,5\n";
  }
  const tests::TemporaryFolder temporary;
  ReadOptions options;
  options.paths = {temporary.write("d.csv", text + "\"\n6,7\n")};
  ReaderLimits limits;
  limits.head_bytes = 1;
  limits.record_bytes = 1000;
  limits.block_bytes = 64;
  const std::string message = tests::thrown_message<InputError>(
      [&] { static_cast<void>(read_csv(options, {}, nullptr, limits)); });
  EXPECT_NE(message.find(":3 (byte 8): this record is longer than 1,000 bytes. A quote opened at "
                         "line 3 is not closed"),
            std::string::npos)
      << message;
  expect_same_by_every_path(options, 1, 1000);
}

}  // namespace
}  // namespace steepest::data
