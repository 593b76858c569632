// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "src/data/header.hpp"
#include "steepest/error.hpp"
#include "tests/thrown.hpp"

namespace steepest::data {
namespace {

bool header(const std::string& head, HeaderMode mode = HeaderMode::automatic,
            const std::vector<std::string>& names = {}) {
  return has_header(sample_head(head, true, Dialect{}, MissingTexts()), mode, names, "f.csv");
}

TEST(Header, TextAboveNumbersIsOne) {
  EXPECT_TRUE(header("x,y\n1,2\n"));
  EXPECT_TRUE(header(",x\n0,1\n1,2\n"));
  EXPECT_TRUE(header("name,x\nann,1\nbob,2\n"));
  EXPECT_TRUE(header("\"x\",\"y\"\n\"1\",\"2\"\n"));
  EXPECT_TRUE(header("x,y\n,2\n,3\n"));
  EXPECT_TRUE(header("x,y\n1,2\nbad,3\n4,5\n"));
}

TEST(Header, NumbersAboveNumbersAreData) {
  EXPECT_FALSE(header("1,2\n3,4\n"));
  EXPECT_FALSE(header("1,red\n2,blue\n"));
  EXPECT_FALSE(header("NA,2\n3,4\n"));
  EXPECT_FALSE(header("NA\n3\n"));
  EXPECT_FALSE(header("1,2\n"));
}

TEST(Header, TextAboveTextIsOneWhenItIsDistinctAndNotRepeated) {
  EXPECT_TRUE(header("colour,shape\nred,round\nblue,square\n"));
  EXPECT_FALSE(header("red,round\nblue,square\nred,square\n"));
  EXPECT_FALSE(header("red,red\nblue,square\n"));
  EXPECT_FALSE(header("red,\nblue,square\n"));
  EXPECT_TRUE(header("x,y\n"));
}

TEST(Header, AKnownNameSettlesIt) {
  EXPECT_TRUE(header("red,round\nblue,square\nred,square\n", HeaderMode::automatic, {"red"}));
  EXPECT_TRUE(header("country,2005\nNL,2\nBE,3\n", HeaderMode::automatic, {"country"}));
  EXPECT_FALSE(header("1,2\n3,4\n", HeaderMode::automatic, {"1", "-1"}));
  EXPECT_FALSE(header(",\n,\n", HeaderMode::automatic, {""}));
}

TEST(Header, NamesAndNumbersAboveNumbersAreAQuestion) {
  const auto error = tests::thrown<InputError>([] { header("abc,2\n3,4\n5,6\n"); });
  EXPECT_EQ(std::string(error.what()),
            "f.csv:1: cannot tell whether the first line is a header: it has both text and numbers "
            "above columns of numbers. Line: abc, 2 Fixes: --header yes | --header no");
}

TEST(Header, TheUserDecides) {
  EXPECT_FALSE(header("x,y\n1,2\n", HeaderMode::no));
  EXPECT_TRUE(header("x,2\n1,2\n", HeaderMode::yes));
}

TEST(Header, YesOverNumbersLooksLikeData) {
  const auto error = tests::thrown<InputError>([] { header("1,2.5\n3,4\n", HeaderMode::yes); });
  EXPECT_EQ(std::string(error.what()),
            "f.csv:1: the header looks like data: every field of the first line is a number. Line: "
            "1, 2.5 Fixes: --header no");
}

TEST(Header, SampleCountsValuesAndNumbers) {
  HeadSample sample = sample_head("1,a,x\n2,,x\n3,4,\n5,6,x\n", true, Dialect{}, MissingTexts());
  EXPECT_EQ(sample.rows, 3);
  EXPECT_EQ(sample.columns[1].present, 2);
  EXPECT_EQ(sample.columns[1].numbers, 2);
  EXPECT_EQ(sample.columns[2].present, 2);
  EXPECT_EQ(sample.columns[2].numbers, 0);
  EXPECT_TRUE(sample.columns[2].repeats_first);
  count_first_as_row(sample);
  EXPECT_EQ(sample.columns[0].numbers, 4);
  EXPECT_EQ(sample.columns[1].numbers, 2);
  EXPECT_EQ(sample.columns[1].present, 3);
}

TEST(Header, UsualFieldsIsTheMajorityAndTheFirstInATie) {
  EXPECT_EQ(sample_head("1,2\n1,2,3\n1,2,3\n", true, Dialect{}, MissingTexts()).usual_fields, 3);
  EXPECT_EQ(sample_head("1,2\n1,2,3\n", true, Dialect{}, MissingTexts()).usual_fields, 2);
  EXPECT_EQ(sample_head("1,2,3\n1,2\n", true, Dialect{}, MissingTexts()).usual_fields, 3);
}

}  // namespace
}  // namespace steepest::data
