// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "src/data/dictionary.hpp"

namespace steepest::data {
namespace {

using Texts = std::vector<std::string>;
using Codes = std::vector<std::int32_t>;

Dictionary::Sorted sorted(const Texts& texts) {
  Dictionary dictionary;
  for (const std::string& text : texts) {
    dictionary.insert(text);
  }
  return dictionary.sorted();
}

TEST(Dictionary, CodesCountInOrderOfInsertion) {
  Dictionary dictionary;
  EXPECT_EQ(dictionary.insert("b"), 0);
  EXPECT_EQ(dictionary.insert("a"), 1);
  EXPECT_EQ(dictionary.insert("b"), 0);
  EXPECT_EQ(dictionary.size(), 2);
  EXPECT_EQ(dictionary.find("a"), 1);
  EXPECT_EQ(dictionary.find("c"), -1);
}

TEST(Dictionary, TextsSortByBytes) {
  const auto found = sorted({"pear", "Apple", "fig", "10"});
  EXPECT_EQ(found.levels, (Texts{"10", "Apple", "fig", "pear"}));
  EXPECT_EQ(found.position, (Codes{3, 1, 2, 0}));
}

TEST(Dictionary, NumbersSortByValue) {
  const auto found = sorted({"10", "9", "-1", "2.5"});
  EXPECT_EQ(found.levels, (Texts{"-1", "2.5", "9", "10"}));
  EXPECT_EQ(found.position, (Codes{3, 2, 0, 1}));
}

TEST(Dictionary, EqualNumbersMergeUnderTheShortestText) {
  const auto found = sorted({"1.0", "2", "1", "+1.00", "-0", "0"});
  EXPECT_EQ(found.levels, (Texts{"0", "1", "2"}));
  EXPECT_EQ(found.position, (Codes{1, 2, 1, 1, 0, 0}));
}

TEST(Dictionary, OneTextAmongNumbersKeepsAllApart) {
  EXPECT_EQ(sorted({"1.0", "1", "x"}).levels, (Texts{"1", "1.0", "x"}));
}

TEST(Dictionary, LongIdentifiersDoNotFallTogether) {
  EXPECT_EQ(sorted({"9007199254740993", "9007199254740992"}).levels,
            (Texts{"9007199254740992", "9007199254740993"}));
}

TEST(Dictionary, KnownLevelsAreFoundByValueWhenAllAreNumbers) {
  const Dictionary numbers(Texts{"0", "1", "2.5"});
  EXPECT_EQ(numbers.find("1.0"), 1);
  EXPECT_EQ(numbers.find("2.50"), 2);
  EXPECT_EQ(numbers.find("-0"), 0);
  EXPECT_EQ(numbers.find("3"), -1);
  EXPECT_EQ(numbers.find("one"), -1);
  const Dictionary texts(Texts{"1", "x"});
  EXPECT_EQ(texts.find("1"), 0);
  EXPECT_EQ(texts.find("1.0"), -1);
}

}  // namespace
}  // namespace steepest::data
