// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cfloat>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "src/data/missing_texts.hpp"
#include "src/data/number.hpp"

namespace steepest::data {
namespace {

std::uint32_t bits(float value) { return std::bit_cast<std::uint32_t>(value); }
std::uint64_t bits(double value) { return std::bit_cast<std::uint64_t>(value); }

NumberStatus status(const std::string& text) {
  float value = 0.0F;
  return parse_number(text, value);
}

// The C library is the judge: glibc's strtof and strtod are correctly rounded.
void expect_as_c_library(const std::string& text) {
  float single = -1.0F;
  ASSERT_EQ(parse_number(text, single), NumberStatus::finite) << text;
  EXPECT_EQ(bits(single), bits(std::strtof(text.c_str(), nullptr))) << text;
  double full = -1.0;
  ASSERT_EQ(parse_number(text, full), NumberStatus::finite) << text;
  EXPECT_EQ(bits(full), bits(std::strtod(text.c_str(), nullptr))) << text;
}

TEST(Number, FormsThatCsvFilesUse) {
  for (const char* text : {"0",
                           "-0",
                           "1",
                           "+1",
                           "-1",
                           ".5",
                           "-.5",
                           "+.5",
                           "5.",
                           "1e5",
                           "1E5",
                           "1e+5",
                           "1e-5",
                           "0.1",
                           "007",
                           "00.50",
                           "3.4028234e38",
                           "1.17549435e-38",
                           "1e-45",
                           "123456789012345678901234567890",
                           "0.30000001192092896"}) {
    expect_as_c_library(text);
  }
}

TEST(Number, RandomFloatsInManyFormats) {
  std::mt19937_64 random(7);
  for (int i = 0; i < 50'000; ++i) {
    const auto value = std::bit_cast<float>(static_cast<std::uint32_t>(random()));
    if (!std::isfinite(value)) {
      continue;
    }
    const int digits = static_cast<int>(random() % 20);
    expect_as_c_library(fmt::format("{:.{}e}", value, digits));
    if (std::fabs(value) < 1e12F && std::fabs(value) > 1e-12F) {
      expect_as_c_library(fmt::format("{:.{}f}", value, digits));
    }
  }
}

TEST(Number, HalfwayBetweenTwoFloatsRoundsOnceNotTwice) {
  // 1 + 2^-24 + 2^-54: as a double it rounds to the tie 1 + 2^-24 and from there to 1, but the
  // nearest float of the decimal text is 1 + 2^-23.
  const std::string text = "1.00000005960464483090178623";
  float value = 0.0F;
  ASSERT_EQ(parse_number(text, value), NumberStatus::finite);
  EXPECT_EQ(value, 1.0F + FLT_EPSILON);
}

TEST(Number, RefusesWhatIsNone) {
  for (const char* text : {"",
                           ".",
                           "+",
                           "-",
                           "e5",
                           "1e",
                           "1e+",
                           "1,5",
                           "1_000",
                           "0x10",
                           "1 2",
                           "--1",
                           "+-1",
                           "-+1",
                           "++1",
                           "1.2.3",
                           "abc",
                           "1a",
                           "infx",
                           "nanx",
                           "true",
                           "\xE2\x88\x92"
                           "1"}) {
    EXPECT_EQ(status(text), NumberStatus::not_number) << text;
  }
}

TEST(Number, ADecimalCommaGivesTheSameBits) {
  std::mt19937_64 random(8);
  for (int i = 0; i < 20'000; ++i) {
    const auto value = std::bit_cast<double>(random());
    const std::string text = i % 2 == 0 ? fmt::format("{:.{}e}", value, 1 + random() % 25)
                                        : fmt::format("{:.{}g}", value, 1 + random() % 25);
    std::string with_comma = text;
    std::replace(with_comma.begin(), with_comma.end(), '.', ',');
    double expected = 0.0;
    double found = 0.0;
    EXPECT_EQ(parse_number(with_comma, found, {',', '.'}), parse_number(text, expected)) << text;
    EXPECT_EQ(std::bit_cast<std::uint64_t>(found), std::bit_cast<std::uint64_t>(expected)) << text;
  }
}

TEST(Number, ThousandsStandBetweenGroupsOfThree) {
  const NumberFormat swiss{'.', '\''};
  double value = 0.0;
  for (const auto& [text, expected] :
       std::vector<std::pair<std::string, double>>{{"1'234", 1234.0},
                                                   {"-12'345.5", -12345.5},
                                                   {"+123'456'789", 123456789.0},
                                                   {"1'000e-3", 1.0},
                                                   {"1234.5", 1234.5},
                                                   {"000'001.", 1.0}}) {
    EXPECT_EQ(parse_number(text, value, swiss), NumberStatus::finite) << text;
    EXPECT_EQ(value, expected) << text;
  }
  for (const char* text :
       {"'", "'123", "1'", "1'23", "1'2345", "1234'567", "1''234", "1'234'", "1.000'000",
        "1'234'56", "-'123", "1e1'000", "1'23a", "x1'234", "1' 234"}) {
    EXPECT_EQ(parse_number(text, value, swiss), NumberStatus::not_number) << text;
  }
  EXPECT_EQ(parse_number("999'999e303", value, swiss), NumberStatus::too_large);
}

TEST(Number, InfinityNanAndOverflowAreTold) {
  for (const char* text : {"inf", "-inf", "+inf", "Inf", "INFINITY", "-Infinity"}) {
    EXPECT_EQ(status(text), NumberStatus::infinite) << text;
  }
  for (const char* text : {"nan", "NaN", "NAN", "-nan", "+nan"}) {
    EXPECT_EQ(status(text), NumberStatus::nan) << text;
  }
  for (const char* text : {"3.5e38", "-1e39", "1e400", "3.4028236e38"}) {
    EXPECT_EQ(status(text), NumberStatus::too_large) << text;
  }
  double value = 0.0;
  EXPECT_EQ(parse_number("1e39", value), NumberStatus::finite);
  EXPECT_EQ(parse_number("1e309", value), NumberStatus::too_large);
  EXPECT_EQ(parse_number("1e-500", value), NumberStatus::finite);
  EXPECT_EQ(value, 0.0);
}

TEST(Number, AFailureLeavesTheValueAlone) {
  float value = 3.0F;
  static_cast<void>(parse_number("abc", value));
  EXPECT_EQ(value, 3.0F);
}

TEST(Number, PlainPathAgreesWithTheFullOne) {
  for (const std::string text : {"1.5", "+1.5", " 1.5", "1.5 ", "inf", "nan", "1e39", "", "x"}) {
    float plain = 0.0F;
    float full = 0.0F;
    if (parse_plain_number(text, plain)) {
      ASSERT_EQ(parse_number(text, full), NumberStatus::finite) << text;
      EXPECT_EQ(plain, full);
    }
  }
  float value = 0.0F;
  EXPECT_TRUE(parse_plain_number("1.5", value));
  EXPECT_FALSE(parse_plain_number("1e39", value));
  EXPECT_FALSE(parse_plain_number("inf", value));
}

TEST(Number, ShortestTextReadsBack) {
  EXPECT_EQ(shortest(1.0), "1");
  EXPECT_EQ(shortest(-0.0), "0");
  EXPECT_EQ(shortest(0.1), "0.1");
  EXPECT_EQ(shortest(-2.5), "-2.5");
  EXPECT_EQ(shortest(123456.0), "123456");
}

TEST(MissingTexts, HoldsThePandasListAndAnyNan) {
  const MissingTexts missing;
  for (const char* text : {"", "NA", "N/A", "#N/A", "n/a", "NaN", "nan", "-nan", "-NaN", "NULL",
                           "null", "None", "<NA>", "#NA", "1.#IND", "NAN"}) {
    EXPECT_TRUE(missing.contains(text)) << text;
  }
  for (const char* text : {"0", "-", "?", "na", "none", "inf", "-999", "N"}) {
    EXPECT_FALSE(missing.contains(text)) << text;
  }
}

TEST(MissingTexts, TheUsersOwnMatchByTextAndByValue) {
  const MissingTexts missing({"?", "-999"});
  EXPECT_TRUE(missing.has_numbers());
  for (const char* text : {"?", "-999", "-999.0", "-9.99e2"}) {
    EXPECT_TRUE(missing.contains(text)) << text;
  }
  EXPECT_FALSE(missing.contains("999"));
  EXPECT_FALSE(missing.contains("-999.5"));
  EXPECT_FALSE(MissingTexts({"?"}).has_numbers());
}

}  // namespace
}  // namespace steepest::data
