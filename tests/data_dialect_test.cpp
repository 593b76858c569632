// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <string>

#include "src/data/dialect.hpp"
#include "steepest/error.hpp"

namespace steepest::data {
namespace {

char sniff(const std::string& head, bool whole = true) { return sniff_delimiter(head, whole); }

TEST(Dialect, FindsEachDelimiter) {
  EXPECT_EQ(sniff("a,b\n1,2\n"), ',');
  EXPECT_EQ(sniff("a;b\n1;2\n"), ';');
  EXPECT_EQ(sniff("a\tb\n1\t2\n"), '\t');
  EXPECT_EQ(sniff("a|b\n1|2\n"), '|');
}

TEST(Dialect, DecimalCommasDoNotMakeColumns) {
  EXPECT_EQ(sniff("a;b\n1,5;2,5\n3,5;4,5\n"), ';');
  EXPECT_EQ(sniff("1,5;2,5\n3,5;4,5\n"), ';');
  EXPECT_EQ(sniff("1,5\t2,5\n3,5\t4,5\n"), '\t');
}

TEST(Dialect, QuotedDelimitersDoNotCount) {
  EXPECT_EQ(sniff("a;b\n\"x,y,z\";1\n\"u,v,w\";2\n"), ';');
  EXPECT_EQ(sniff("a,b\n\"x;y;z\",1\n\"u;v\nw\",2\n"), ',');
}

TEST(Dialect, TheMoreConsistentOneWins) {
  EXPECT_EQ(sniff("name;note\nx;a,b,c\ny;a\nz;a,b\n"), ';');
  EXPECT_EQ(sniff("a|b,1\nc,2\nd|e|f,3\n"), ',');
}

TEST(Dialect, ASingleColumnIsCommaSeparated) {
  EXPECT_EQ(sniff("y\n1\n2\n"), ',');
  EXPECT_EQ(sniff("some words\nmore words, here\nand here\n"), ',');
  EXPECT_EQ(sniff("1;2\n3\n4\n5\n"), ',');
}

TEST(Dialect, ACutLastLineIsLeftOut) {
  EXPECT_EQ(sniff("1;2\n3;4\n5,,,", false), ';');
  EXPECT_EQ(sniff("1;2;3", false), ';');  // the only line there is
}

TEST(Dialect, RefusesImpossibleDelimiters) {
  for (const char delimiter : {'"', '\n', '\r', '\0'}) {
    ReadOptions options;
    options.delimiter = delimiter;
    EXPECT_THROW(check_dialect(options), OptionError);
  }
  ReadOptions options;
  options.delimiter = ':';
  EXPECT_NO_THROW(check_dialect(options));
}

}  // namespace
}  // namespace steepest::data
