// SPDX-License-Identifier: Apache-2.0
// What the reader says of bad input, and where it says it is. Bytes are counted by hand.
#include <gtest/gtest.h>

#include <string>

#include "steepest/error.hpp"
#include "steepest/read.hpp"
#include "tests/temporary_folder.hpp"
#include "tests/thrown.hpp"

namespace steepest {
namespace {

constexpr const char* skip = "--on-bad-row skip --rejects bad.csv";

class Errors : public ::testing::Test {
 protected:
  InputError read(const std::string& content) {
    options.paths = {folder.write("a.csv", content)};
    return tests::thrown<InputError>([&] { static_cast<void>(read_dataset(options)); });
  }

  // The message without the folder's name.
  std::string message(const std::string& content) {
    const std::string text = read(content).what();
    const std::string prefix = folder.path("");
    EXPECT_TRUE(text.starts_with(prefix)) << text;
    return text.substr(prefix.size());
  }

  static void expect_place(const InputError& error, std::int64_t line, std::int64_t byte,
                           std::int64_t column, const std::string& name) {
    EXPECT_EQ(error.location().line, line);
    EXPECT_EQ(error.location().byte, byte);
    EXPECT_EQ(error.location().column, column);
    EXPECT_EQ(error.location().column_name, name);
  }

  tests::TemporaryFolder folder;
  ReadOptions options;
};

TEST(InputErrorMessage, LeavesOutWhatIsUnknown) {
  EXPECT_STREQ(InputError({"f", 7, 328112904, 17, "x16"}, "bad").what(),
               "f:7 (byte 328,112,904) column 17 \"x16\": bad");
  EXPECT_STREQ(InputError(Location{"f", 7}, "bad").what(), "f:7: bad");
  EXPECT_STREQ(InputError(Location{"f"}, "bad").what(), "f: bad");
  EXPECT_STREQ(InputError(Location{"f", 7, 0, 2}, "bad").what(), "f:7 column 2: bad");
  EXPECT_STREQ(InputError({"f", 0, 0, 0, "x"}, "bad").what(), "f column \"x\": bad");
  EXPECT_STREQ(InputError(Location{}, "bad").what(), "bad");
}

TEST_F(Errors, ACellThatIsNoNumber) {
  EXPECT_EQ(message("x15,x16\n1,2\n3,4x\n"),
            "a.csv:3 (byte 14) column 2 \"x16\": cannot read \"4x\" as a number. Line: 3,4x Fixes: "
            "--na 4x | --categorical x16 | --on-bad-row skip --rejects bad.csv");
  expect_place(read("x15,x16\n1,2\n3,4x\n"), 3, 14, 2, "x16");
}

TEST_F(Errors, ADecimalComma) {
  EXPECT_EQ(message("a;b\n1;2\n3;12,5\n"),
            "a.csv:3 (byte 10) column 2 \"b\": cannot read \"12,5\" as a number: decimals are "
            "written with a point. Line: 3;12,5 Fixes: --decimal comma | --categorical b | "
            "--on-bad-row skip --rejects bad.csv");
}

TEST_F(Errors, PlaceBehindQuotedLinesAndReturns) {
  options.categorical = {"a"};
  // Records at bytes 0, 5, 12 and 20; the third one spans lines 3 and 4.
  expect_place(read("a,b\r\n1,\"2\"\r\n\"3\n\",4\r\n5,x\r\n"), 5, 22, 2, "b");
}

TEST_F(Errors, WithoutHeaderTheNumberIsTheName) {
  expect_place(read("1,2\n3,4\n5,x\n"), 3, 10, 2, "x2");
}

TEST_F(Errors, TheEarliestOneIsNamed) {
  expect_place(read("a,b\n1,2\nx,3\n4,5,6\n7,\"8\n"), 3, 8, 1, "a");
  expect_place(read("a,b\n1,2\nx,y\n"), 3, 8, 1, "a");
}

TEST_F(Errors, WrongNumberOfFields) {
  EXPECT_EQ(message("a,b,c\n1,2,3\n4,5\n"),
            "a.csv:3 (byte 12): expected 3 columns, found 2. Line: 4,5 Fixes: "
            "--on-bad-row skip --rejects bad.csv");
  EXPECT_EQ(message("a,b,c\n1,2,3\n4,5,6,\n"),
            "a.csv:3 (byte 12): expected 3 columns, found 4. Line: 4,5,6, Fixes: "
            "--on-bad-row skip --rejects bad.csv");
}

TEST_F(Errors, AShortFirstRowWithoutHeaderIsTheFaultyOne) {
  const InputError error = read("1,2\n3,4,5\n6,7,8\n");
  EXPECT_EQ(error.location().line, 1);
  EXPECT_NE(std::string(error.what()).find("expected 3 columns, found 2"), std::string::npos);
}

TEST_F(Errors, QuotesInTheWrongPlace) {
  EXPECT_EQ(message("a,b\n1,2\n3,4\"5\n"),
            "a.csv:3 (byte 11) column 2 \"b\": a quote stands inside a field that does not start "
            "with one; put the field in quotes and write the quote twice. Line: 3,4\"5 Fixes: "
            "--on-bad-row skip --rejects bad.csv");
  EXPECT_EQ(message("a,b\n1,2\n\"3\"4,5\n"),
            "a.csv:3 (byte 11) column 1 \"a\": text follows a closing quote; a quote inside a "
            "quoted field is written twice. Line: \"3\"4,5 Fixes: "
            "--on-bad-row skip --rejects bad.csv");
}

TEST_F(Errors, AQuoteNeverClosedIsAnErrorEvenWhenRowsAreSkipped) {
  options.bad_rows = BadRowPolicy::skip;
  const InputError error = read("a,b\n1,2\n3,\"4\n5,6\n");
  EXPECT_EQ(error.location().line, 3);
  EXPECT_EQ(error.location().byte, 10);
  EXPECT_NE(std::string(error.what()).find("the quote opened at line 3 is never closed"),
            std::string::npos);
}

TEST_F(Errors, ColumnsOfTextAreNamedTogether) {
  EXPECT_EQ(message("a,colour,shape,y\n1,red,round,1\n2,blue,flat,2\n"),
            "a.csv:2 (byte 19) column 2 \"colour\": this column holds text such as \"red\", not "
            "numbers. Line: 1,red,round,1 Fixes: --categorical colour,shape | "
            "--ignore colour,shape");
  options.bad_rows = BadRowPolicy::skip;
  expect_place(read("a,colour,y\n1,red,1\n2,blue,2\n"), 2, 13, 2, "colour");
}

TEST_F(Errors, TextInATargetOfNumbers) {
  options.targets = {"y"};
  options.target_kind = TargetKind::numbers;
  EXPECT_EQ(message("a,y\n1,red\n2,blue\n"),
            "a.csv:2 (byte 6) column 2 \"y\": the target holds text such as \"red\", not numbers. "
            "Line: 1,red Fixes: --model softmax");
}

TEST_F(Errors, TextTargetBehindTheHeadThatWasNumbers) {
  std::string content = "a,y\n";
  for (int i = 0; i < 200'000; ++i) {
    content += "1.5," + std::to_string(i % 7) + "\n";  // 6 bytes each, 1.2 MB
  }
  options.targets = {"y"};
  const InputError error = read(content + "1,red\n");
  expect_place(error, 200'002, 4 + 200'000 * 6 + 2, 2, "y");
  EXPECT_NE(std::string(error.what())
                .find("cannot read \"red\" as a number, and the targets before "
                      "it are numbers. Line: 1,red Fixes: --model softmax"),
            std::string::npos)
      << error.what();
}

TEST_F(Errors, ATargetOfOneClass) {
  options.targets = {"y"};
  EXPECT_EQ(message("a,y\n1,red\n2,red\n"),
            "a.csv column 2 \"y\": the target has only one class, \"red\"; there must be two at "
            "least to tell apart");
}

TEST_F(Errors, ANameWithoutAHeader) {
  options.targets = {"y"};
  EXPECT_EQ(message("1,2\n3,4\n"),
            "a.csv: --target: there is no column \"y\". The 2 columns are \"x1\", \"x2\" (no "
            "header was found: --header yes if there is one)");
}

TEST_F(Errors, InfinitiesAndOverflow) {
  EXPECT_EQ(message("a,b\n1,2\n3,-inf\n"),
            std::string("a.csv:3 (byte 10) column 2 \"b\": \"-inf\" is infinite; values must be "
                        "finite. Line: 3,-inf Fixes: --na -inf | ") +
                skip);
  EXPECT_EQ(message("a,b\n1,2\n3,1e39\n"),
            std::string("a.csv:3 (byte 10) column 2 \"b\": \"1e39\" is too large for a 32-bit "
                        "float. Line: 3,1e39 Fixes: --na 1e39 | ") +
                skip);
  options.targets = {"b"};
  EXPECT_NE(message("a,b\n1,2\n3,1e999\n").find("too large for a 64-bit float"), std::string::npos);
}

TEST_F(Errors, MissingFeature) {
  EXPECT_EQ(message("a,b\n1,2\n,4\n"),
            std::string("a.csv:3 (byte 8) column 1 \"a\": the value is missing. Line: ,4 Fixes: "
                        "--missing mean | --missing drop | --missing zero | ") +
                skip);
  EXPECT_NE(message("a,b\n1,2\nNA,4\n").find("the value is missing (\"NA\")"), std::string::npos);
}

TEST_F(Errors, MissingTargetWhateverThePolicyButDrop) {
  options.targets = {"y"};
  for (const MissingPolicy policy :
       {MissingPolicy::error, MissingPolicy::mean, MissingPolicy::zero}) {
    options.missing = policy;
    EXPECT_EQ(message("a,y\n1,2\n3,nan\n"),
              std::string("a.csv:3 (byte 10) column 2 \"y\": the target is missing (\"nan\"). "
                          "Line: 3,nan Fixes: --missing drop | ") +
                  skip);
  }
}

TEST_F(Errors, Weights) {
  options.targets = {"y"};
  options.weight = "w";
  EXPECT_EQ(message("a,w,y\n1,1,1\n2,-1,2\n"),
            std::string("a.csv:3 (byte 14) column 2 \"w\": the weight \"-1\" is negative; weights "
                        "are 0 or more. Line: 2,-1,2 Fixes: ") +
                skip);
  EXPECT_NE(message("a,w,y\n1,1,1\n2,inf,2\n").find("\"inf\" is infinite"), std::string::npos);
  EXPECT_NE(message("a,w,y\n1,1,1\n2,,2\n").find("the weight is missing"), std::string::npos);
  EXPECT_EQ(message("a,w,y\n1,0,1\n2,0,2\n"),
            "a.csv column 2 \"w\": all weights are zero: at least one must be positive");
}

TEST_F(Errors, FilesWithoutRows) {
  EXPECT_EQ(message(""), "a.csv: the file is empty");
  EXPECT_EQ(message("\xEF\xBB\xBF"), "a.csv: the file is empty");
  EXPECT_EQ(message("\n\r\n  \n"), "a.csv: the file is empty: it has blank lines or comments only");
  EXPECT_EQ(message("a,b\n"),
            "a.csv: has a header but no rows. Fixes: --header no, if its one line is data");
}

TEST_F(Errors, TheColumnAskedForIsNotThere) {
  options.targets = {"prize"};
  EXPECT_EQ(message("area,price\n1,2\n"),
            "a.csv: --target: there is no column \"prize\". Did you mean \"price\"? The 2 columns "
            "are \"area\", \"price\"");
}

TEST_F(Errors, LongLinesAreCutAroundTheCell) {
  std::string header = "c0";
  std::string row = "0";
  std::string bad = "0";
  for (int j = 1; j < 100; ++j) {
    header += ",c" + std::to_string(j);
    row += ",1234";
    bad += j == 50 ? ",oops" : ",1234";
  }
  const std::string text = message(header + "\n" + row + "\n" + bad + "\n");
  const std::size_t begin = text.find("Line: ") + 6;
  const std::string line = text.substr(begin, text.find(" Fixes: ") - begin);
  EXPECT_TRUE(line.starts_with("...")) << line;
  EXPECT_TRUE(line.ends_with("...")) << line;
  EXPECT_LE(line.size(), 86U);
  EXPECT_NE(line.find(",oops,"), std::string::npos) << line;
}

TEST_F(Errors, ControlCharactersAndBadUtf8AreEscaped) {
  EXPECT_NE(message("a,b\n1,2\n3,\x1b[31m\xff\n").find("cannot read \"\\x1b[31m\\xff\""),
            std::string::npos);
}

TEST_F(Errors, WhenEveryRowIsSkippedTheFirstReasonIsTold) {
  options.bad_rows = BadRowPolicy::skip;
  const std::string text = message("a,b\n1,2,3\n4,5,6\n");
  EXPECT_NE(text.find("all 2 rows were skipped; the first one: "), std::string::npos) << text;
  EXPECT_NE(text.find("expected 2 columns, found 3"), std::string::npos) << text;
}

}  // namespace
}  // namespace steepest
