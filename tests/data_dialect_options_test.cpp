// SPDX-License-Identifier: Apache-2.0
// Every choice of a dialect: what it reads, what it says where it is wrong, and what it refuses.
// Bytes are counted by hand. Each file is read by the fast and by the scalar reader.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "src/data/read_csv.hpp"
#include "steepest/error.hpp"
#include "tests/read_outcome.hpp"
#include "tests/temporary_folder.hpp"
#include "tests/thrown.hpp"

namespace steepest {
namespace {

using Rows = std::vector<std::vector<float>>;

class DialectOptions : public ::testing::Test {
 protected:
  Dataset read(const std::string& content) {
    options.paths = {folder.write("a.csv", content)};
    data::ReaderLimits scalar;
    scalar.scalar = true;
    EXPECT_EQ(tests::outcome(options, {}, nullptr), tests::outcome(options, scalar, nullptr));
    return read_dataset(options);
  }

  // Features, a row each.
  Rows rows(const std::string& content) {
    const Dataset data = read(content);
    Rows found;
    for (std::int64_t i = 0; i < data.rows(); ++i) {
      const float* const row = data.features.row(i);
      found.emplace_back(row, row + data.features.columns());
    }
    return found;
  }

  InputError error(const std::string& content) {
    options.paths = {folder.write("a.csv", content)};
    return tests::thrown<InputError>([&] { static_cast<void>(read_dataset(options)); });
  }

  // The message without the folder's name.
  std::string message(const std::string& content) {
    return std::string(error(content).what()).substr(folder.path("").size());
  }

  Dialect dialect(const std::string& content) {
    options.paths = {folder.write("a.csv", content)};
    return inspect(options).dialect;
  }

  std::string refusal() {
    options.paths = {folder.write("a.csv", "a,b\n1,2\n")};
    return tests::thrown_message<OptionError>([&] { static_cast<void>(read_dataset(options)); });
  }

  static void expect_in(const std::string& text, const std::string& part) {
    EXPECT_NE(text.find(part), std::string::npos) << text;
  }

  tests::TemporaryFolder folder;
  ReadOptions options;
};

class Comments : public DialectOptions {};

TEST_F(Comments, AtTheHeadAreFound) {
  EXPECT_EQ(rows("# made by hand\n#\n\n# in 2026\na,b\n1,2\n3,4\n"), (Rows{{1, 2}, {3, 4}}));
  EXPECT_EQ(dialect("# made by hand\n#\n\n# in 2026\na,b\n1,2\n3,4\n").comment_lines, 4);
  EXPECT_EQ(dialect("a,b\n1,2\n3,4\n").comment_lines, 0);
  EXPECT_EQ(rows("\xEF\xBB\xBF# it's \"so\r\n1;2\r\n3;4\r\n"), (Rows{{1, 2}, {3, 4}}));
}

TEST_F(Comments, WhatMayBeAHeaderIsNoComment) {
  const Dataset data = read("# units: m, s, kg, K\n#a,b\n1,2\n3,4\n");
  EXPECT_EQ(data.schema.columns[0].name, "#a");
  EXPECT_EQ(data.rows(), 2);
  options.categorical = {"1"};
  options.header = HeaderMode::no;
  EXPECT_EQ(read("#1,2\n#2,3\n#1,4\n").rows(), 3);
  options.categorical = {"1", "2"};
  EXPECT_EQ(read("#,\"7\n#\"\n#2,3\n#1,4\n5,6\n").schema.columns[0].levels.size(), 4U);
}

TEST_F(Comments, BehindTheFirstRowAreRecordsUnlessAsked) {
  expect_in(message("a,b\n1,2\n# note\n3,4\n"), "a.csv:3 (byte 8): expected 2 columns, found 1");
  options.comment = '#';
  EXPECT_EQ(rows("a,b\n1,2\n# note\n3,4\n#5,6\n#"), (Rows{{1, 2}, {3, 4}}));
  options.comment = '%';
  EXPECT_EQ(rows("%\na,b\n1,2\r\n% \"note\r3,4\n"), (Rows{{1, 2}, {3, 4}}));
}

TEST_F(Comments, NoneMeansNone) {
  options.comment = '\0';
  EXPECT_EQ(error("# note\na,b\n1,2\n3,4\n").location().line, 2);
}

TEST_F(Comments, InsideQuotesAreText) {
  options.comment = '#';
  options.categorical = {"a"};
  EXPECT_EQ(read("a,b\n\"x\n#y\",2\n#z,3\n\"#\",4\n").schema.columns[0].levels,
            (std::vector<std::string>{"#", "x\n#y"}));
}

TEST_F(Comments, LaterLinesAndBytesStayTrue) {
  options.comment = '#';
  const InputError found = error("# 1\r\n# \"2\na,b\n# 3\r1,2\n# 4\n3,x\n");
  EXPECT_EQ(found.location().line, 7);
  EXPECT_EQ(found.location().byte, 28);
  options.comment.reset();
  EXPECT_EQ(error("#\n\n#\na,b\n1,2\n3,x\n").location().line, 6);
  EXPECT_EQ(error("#\n\n#\na,b\n1,2\n3,x\n").location().byte, 15);
}

TEST_F(Comments, MoreThanTheHeadHolds) {
  std::string content;
  for (int i = 0; i < 60000; ++i) {
    content += "# a line of comment of some length\n";
  }
  EXPECT_EQ(rows(content + "a,b\n1,2\n3,4\n"), (Rows{{1, 2}, {3, 4}}));
  options.comment = '#';
  EXPECT_EQ(rows(content + "a,b\n1,2\n3,4\n"), (Rows{{1, 2}, {3, 4}}));
}

TEST_F(Comments, EveryFileHasItsOwn) {
  const std::string second = folder.write("b.csv", "# x\n# y\na,b\n3,4\n");
  const std::string first = folder.write("c.csv", "# x\na,b\n1,2\n");
  options.paths = {first, second};
  EXPECT_EQ(read_dataset(options).rows(), 2);
}

class SkippedLines : public DialectOptions {};

TEST_F(SkippedLines, WhateverTheyHold) {
  options.skip_lines = 3;
  EXPECT_EQ(rows("\"never closed\r\n\rx,y,z\na,b\n1,2\n3,4\n"), (Rows{{1, 2}, {3, 4}}));
  const InputError found = error("\"never closed\r\n\rx,y,z\na,b\n1,2\n3,x\n");
  EXPECT_EQ(found.location().line, 6);
  EXPECT_EQ(found.location().byte, 32);
  EXPECT_EQ(dialect("1\n2\n3\na,b\n1,2\n").skipped_lines, 3);
}

TEST_F(SkippedLines, MoreThanTheHeadHolds) {
  std::string content;
  for (int i = 0; i < 60000; ++i) {
    content += "a line of another kind and some length\r\n";
  }
  options.skip_lines = 60000;
  EXPECT_EQ(rows(content + "a,b\n1,2\n3,4\n"), (Rows{{1, 2}, {3, 4}}));
  EXPECT_EQ(error(content + "a,b\n1,2\n3,x\n").location().line, 60003);
  EXPECT_EQ(error(content + "a,b\n1,2\n3,x\n").location().byte, 60000 * 40 + 10);
}

TEST_F(SkippedLines, MoreThanThereAre) {
  options.skip_lines = 3;
  EXPECT_EQ(message("a,b\n1,2\n3,4"),
            "a.csv: the file ends within the 3 lines that --skip-lines leaves out");
  options.skip_lines = -1;
  expect_in(refusal(), "0 or more");
}

TEST_F(SkippedLines, AreSuggestedAndNotGuessed) {
  const std::string table = "a,b,c\n1,2,3\n4,5,6\n";
  options.header = HeaderMode::yes;
  expect_in(message("Report\n\nof sensors\n" + table), "Fixes: --skip-lines 3 |");
  options.targets = {"c"};
  expect_in(message("Report\n\nof sensors\n" + table), "Fixes: --skip-lines 3");
  options.header = HeaderMode::no;
  options.targets.clear();
  expect_in(message("Report\n" + table), "expected 3 columns, found 1");
  expect_in(message("Report\n" + table), "Fixes: --skip-lines 1 |");
  options.skip_lines = 1;
  options.header = HeaderMode::yes;
  expect_in(message("# x\nReport\n" + table), "Fixes: --skip-lines 2 |");
  // May be a header without the name of one column, or rows that are ragged.
  options.skip_lines = 0;
  expect_in(message("a,b\nx,1,2\ny,3,4\n"), "--skip-lines N if");
  expect_in(message("Report\n" + table + "7\n"), "--skip-lines N if");
}

class Quotes : public DialectOptions {};

TEST_F(Quotes, MayBeAnotherCharacter) {
  options.quote = '\'';
  options.categorical = {"a"};
  EXPECT_EQ(read("a,b\n'x,''y''',2\n5\" pipe,'3'\n'\n',4\n").schema.columns[0].levels,
            (std::vector<std::string>{"\n", "5\" pipe", "x,'y'"}));
}

TEST_F(Quotes, MayBeNone) {
  options.quote = '\0';
  options.categorical = {"a"};
  EXPECT_EQ(read("a,b\n\"x,2\n\"\"y\",3\n'z',4\n").schema.columns[0].levels,
            (std::vector<std::string>{"\"\"y\"", "\"x", "'z'"}));
}

TEST_F(Quotes, MayBeEscaped) {
  options.escape = '\\';
  options.categorical = {"a"};
  EXPECT_EQ(read("a,b\n\"x\\\"\",2\n\"a\\\",\"\"b\\\\\",3\nC:\\dir,4\n\"\\n\\\n\",5\n")
                .schema.columns[0]
                .levels,
            (std::vector<std::string>{"C:\\dir", "a\",\"b\\", "n\n", "x\""}));
  expect_in(message("a,b\n1,2\n\"3\\\",4\n"), "the quote opened at line 3 is never closed");
  expect_in(message("a,b\n1,2\n\"3\\"), "the quote opened at line 3 is never closed");
}

TEST_F(Quotes, AnEscapeThatIsTheQuoteIsNone) {
  options.escape = '"';
  options.categorical = {"a"};
  EXPECT_EQ(read("a,b\n\"x\"\"\",2\ny,3\n").schema.columns[0].levels,
            (std::vector<std::string>{"x\"", "y"}));
}

class NumberFormats : public DialectOptions {};

TEST_F(NumberFormats, DecimalComma) {
  options.numbers.decimal = ',';
  options.targets = {"y"};
  options.weight = "w";
  const Dataset data = read("a;w;y\n1,5;0,5;-2,25\n\"2,5\";1;1e-1\n,5;2;3,\n");
  EXPECT_EQ(data.features.row(0)[0], 1.5F);
  EXPECT_EQ(data.features.row(1)[0], 2.5F);
  EXPECT_EQ(data.features.row(2)[0], 0.5F);
  EXPECT_EQ(data.targets, (std::vector<double>{-2.25, 0.1, 3.0}));
  EXPECT_EQ(data.weights, (std::vector<double>{0.5, 1.0, 2.0}));
}

TEST_F(NumberFormats, APointIsNotADecimalComma) {
  options.numbers.decimal = ',';
  EXPECT_EQ(message("a;b\n1,5;2\n1.5;2\n"),
            "a.csv:3 (byte 10) column 1 \"a\": cannot read \"1.5\" as a number: decimals are "
            "written with a comma. Line: 1.5;2 Fixes: --decimal point | --na 1.5 | --categorical a "
            "| --on-bad-row skip --rejects bad.csv");
}

TEST_F(NumberFormats, ADecimalCommaIsSuggestedAndNotGuessed) {
  expect_in(message("a;b\n1,5;2\n2,5;2\n"), "Fixes: --decimal comma | --categorical a");
  expect_in(message("a;b\n1.234,5;2\n2,5;2\n"), "Fixes: --decimal comma --thousands . |");
  expect_in(message("a;b\n1,234.5;2\n2.5;2\n"), "Fixes: --thousands , |");
  expect_in(message("a;b\n1,234;2\n2.5;2\n"), "Fixes: --decimal comma | --thousands , |");
  // Where the comma is the delimiter it cannot be the decimal mark.
  EXPECT_EQ(message("a,b\n\"1,5\",2\n1,2\n").find("--decimal"), std::string::npos);
}

TEST_F(NumberFormats, ACommaIsNotSniffedAsBothMarks) {
  options.numbers.decimal = ',';
  EXPECT_EQ(dialect("y\n1,5\n2,5\n").delimiter, ';');
  EXPECT_EQ(rows("1,5\n2,5\n"), (Rows{{1.5F}, {2.5F}}));
}

TEST_F(NumberFormats, ThousandsInGroupsOfThree) {
  options.numbers.thousands = ',';
  EXPECT_EQ(rows("a;b\n1,234,567.5;-1,234\n123;+12,345e1\n"),
            (Rows{{1234567.5F, -1234}, {123, 123450}}));
  for (const char* wrong : {"1,23", "1234,567", ",123", "1,234,", "1,,234", "1.5,000", "1e1,000",
                            "1,234,56", "-,123", "1,2345"}) {
    expect_in(message(std::string("a;b\n1;2\n3;") + wrong + "\n"), "as a number");
  }
}

TEST_F(NumberFormats, ThousandsThatAreTheDelimiterStandInQuotes) {
  options.numbers.thousands = ',';
  EXPECT_EQ(rows("a,b\n\"1,234.5\",2\n3,\"4,000\"\n"), (Rows{{1234.5F, 2}, {3, 4000}}));
}

TEST_F(NumberFormats, BothMarks) {
  options.numbers = {',', '.'};
  EXPECT_EQ(rows("a;b\n1.234.567,5;1.234\n1;2\n"), (Rows{{1234567.5F, 1234}, {1, 2}}));
  options.numbers = {',', ' '};
  EXPECT_EQ(rows("a;b\n1 234,5; 2 \n1;2\n"), (Rows{{1234.5F, 2}, {1, 2}}));
}

TEST_F(NumberFormats, MissingNumbers) {
  options.numbers.decimal = ',';
  options.missing_texts = {"-999", "-1.5"};
  options.missing = MissingPolicy::zero;
  EXPECT_EQ(rows("a;b\n-999,0;1\n-1,50;2\nNA;3\n4;4\n"), (Rows{{0, 1}, {0, 2}, {0, 3}, {4, 4}}));
}

TEST_F(NumberFormats, ClassesThatAreNumbersAreFoundAgain) {
  options.numbers.decimal = ',';
  options.targets = {"y"};
  options.target_kind = TargetKind::classes;
  const Dataset data = read("a;y\n1;0,5\n2;1,50\n3;1,5\n");
  EXPECT_EQ(data.schema.classes, (std::vector<std::string>{"0.5", "1.5"}));
  EXPECT_EQ(data.labels, (std::vector<std::int32_t>{0, 1, 1}));
  for (const bool scalar : {true, false}) {
    data::ReaderLimits limits;
    limits.scalar = scalar;
    options.paths = {folder.write("b.csv", "a;y\n1;1,5\n2;,5\n")};
    EXPECT_EQ(data::read_csv(options, {}, &data.schema, limits).labels,
              (std::vector<std::int32_t>{1, 0}));
    options.paths = {folder.write("b.csv", "a;y\n1;1.5\n")};
    EXPECT_THROW(static_cast<void>(data::read_csv(options, {}, &data.schema, limits)), InputError);
  }
}

TEST_F(NumberFormats, InspectReadsThem) {
  options.numbers = {',', '.'};
  options.paths = {folder.write("a.csv", "a;b\n1.000,5;x\n2;y\n")};
  const FileSummary summary = inspect(options);
  EXPECT_EQ(summary.columns[0].type, ColumnSummary::Type::numeric);
  EXPECT_EQ(summary.columns[0].mean, 501.25);
  EXPECT_EQ(summary.dialect.numbers.decimal, ',');
  EXPECT_EQ(summary.dialect.numbers.thousands, '.');
}

TEST_F(NumberFormats, InspectSuggestsThem) {
  options.paths = {folder.write("a.csv", "a;b;c\n1,5;x;1\n2,5;y;2\n")};
  const FileSummary summary = inspect(options);
  ASSERT_EQ(summary.warnings.size(), 1U);
  EXPECT_EQ(summary.warnings[0],
            "column \"a\" holds \"1,5\" in line 2, which is a number with --decimal comma");
}

TEST_F(DialectOptions, RefusesWhatContradictsItself) {
  const auto refused = [this](const ReadOptions& given) {
    options = given;
    return refusal();
  };
  ReadOptions given;
  given.comment = '"';
  EXPECT_EQ(refused(given), "--quote and --comment are both \"\"\"; they must differ");
  given = {};
  given.delimiter = ',';
  given.numbers.decimal = ',';
  EXPECT_EQ(refused(given), "--delimiter and --decimal are both \",\"; they must differ");
  given = {};
  given.numbers = {',', ','};
  EXPECT_EQ(refused(given), "--decimal and --thousands are both \",\"; they must differ");
  given = {};
  given.delimiter = ',';
  given.numbers.thousands = ',';
  given.quote = '\0';
  EXPECT_EQ(refused(given), "--delimiter and --thousands are both \",\"; they must differ");
  given = {};
  given.escape = '\\';
  given.quote = '\0';
  expect_in(refused(given), "--escape works inside quotes");
  for (const char c : {'5', 'x', '-', '+', ' ', '\n', '\xE9'}) {
    given = {};
    given.comment = c;
    expect_in(refused(given), "must be a punctuation character");
  }
}

}  // namespace
}  // namespace steepest
