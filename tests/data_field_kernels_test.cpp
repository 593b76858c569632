// SPDX-License-Identifier: Apache-2.0
// Vector kernels against fast_float, field by field and bit by bit.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "src/data/field_kernels.hpp"
#include "src/data/number.hpp"

namespace steepest::data {
namespace {

using Random = std::mt19937_64;

class FieldKernelsTest : public testing::TestWithParam<SimdLevel> {
 protected:
  void SetUp() override {
    if (GetParam() > best_simd_level()) {
      GTEST_SKIP() << "this processor has no " << name_of(GetParam());
    }
  }

  // Parses the fields in one go. Each is either left undecided or what fast_float says; returns the
  // share left undecided. The same again with points and commas exchanged.
  static double undecided_share(const std::vector<std::string>& fields) {
    std::vector<std::string> exchanged = fields;
    for (std::string& field : exchanged) {
      for (char& c : field) {
        c = c == '.' ? ',' : c == ',' ? '.' : c;
      }
    }
    const double share = undecided_share(fields, '.');
    EXPECT_EQ(undecided_share(exchanged, ','), share);
    return share;
  }

  static double undecided_share(const std::vector<std::string>& fields, char decimal) {
    std::string text(text_padding, ',');
    std::vector<std::uint32_t> starts;
    std::vector<std::uint32_t> ends;
    for (const std::string& field : fields) {
      starts.push_back(static_cast<std::uint32_t>(text.size()));
      text += field;
      ends.push_back(static_cast<std::uint32_t>(text.size()));
      text += ',';
    }
    starts.resize(fields.size() + 8, starts[0]);
    ends.resize(fields.size() + 8, starts[0]);
    text.append(text_padding, ',');
    std::vector<float> values(fields.size() + 8);
    std::vector<std::uint32_t> doubtful(fields.size() + 8);
    const std::size_t listed =
        field_kernels(GetParam())
            .parse_numbers({text.data(), starts.data(), ends.data(), fields.size(), values.data(),
                            doubtful.data(), false, decimal});
    std::size_t next = 0;
    for (std::size_t f = 0; f < fields.size(); ++f) {
      if (next < listed && doubtful[next] == f) {
        ++next;
        continue;
      }
      if (fields[f].empty()) {
        EXPECT_TRUE(std::isnan(values[f]));
        continue;
      }
      float expected = 0.0F;
      EXPECT_TRUE(parse_plain_number(std::string_view(fields[f]), expected, decimal)) << fields[f];
      EXPECT_EQ(std::bit_cast<std::uint32_t>(values[f]), std::bit_cast<std::uint32_t>(expected))
          << fields[f];
    }
    EXPECT_EQ(next, listed);
    return static_cast<double>(listed) / static_cast<double>(fields.size());
  }
};

TEST_P(FieldKernelsTest, OrdinaryNumbersAreRoundedCorrectly) {
  Random random(1);
  std::normal_distribution<double> normal;
  std::vector<std::string> fields;
  for (int i = 0; i < 200000; ++i) {
    const double scale = std::pow(10.0, static_cast<double>(random() % 7) - 3.0);
    fields.push_back(fmt::format("{:.{}f}", normal(random) * scale, random() % 9));
  }
  EXPECT_LT(undecided_share(fields), 1e-4);
}

TEST_P(FieldKernelsTest, EveryNumberOfDigitsOnBothSidesOfThePoint) {
  Random random(2);
  std::vector<std::string> fields;
  for (unsigned before = 0; before <= 18; ++before) {
    for (unsigned behind = 0; behind <= 18; ++behind) {
      for (int i = 0; i < 200; ++i) {
        std::string field = random() % 2 == 0 ? "-" : "";
        for (unsigned k = 0; k < before; ++k) {
          field += static_cast<char>('0' + random() % 10);
        }
        if (behind > 0 || random() % 2 == 0) {
          field += '.';
        }
        for (unsigned k = 0; k < behind; ++k) {
          field += static_cast<char>('0' + random() % 10);
        }
        fields.push_back(field);
      }
    }
  }
  undecided_share(fields);
}

// Where a float32 ends and the next begins: the halfway points, written out with few digits and
// with many, and one digit to either side.
TEST_P(FieldKernelsTest, NearTheMiddleOfTwoFloats) {
  Random random(3);
  std::vector<std::string> fields;
  for (int i = 0; i < 50000; ++i) {
    const auto bits = static_cast<std::uint32_t>(random() % 0x0C000000U + 0x3A000000U);
    const auto low = std::bit_cast<float>(bits);
    const auto high = std::bit_cast<float>(bits + 1);
    const double middle = (static_cast<double>(low) + static_cast<double>(high)) / 2;
    for (const int digits : {8, 10, 12, 13, 14, 15}) {
      const double step = middle * std::pow(10.0, -digits);
      fields.push_back(fmt::format("{:.{}f}", middle, digits));
      fields.push_back(fmt::format("{:.{}f}", middle + step, digits));
      fields.push_back(fmt::format("-{:.{}f}", middle - step, digits));
    }
  }
  undecided_share(fields);
}

TEST_P(FieldKernelsTest, WhatIsNoNumberIsNeverDecided) {
  const std::vector<std::string> odd = {"-",
                                        ".",
                                        "-.",
                                        "--1",
                                        "1-",
                                        "1.2.3",
                                        "..",
                                        "1e5",
                                        "+1",
                                        "x",
                                        "1x",
                                        "x1",
                                        "nan",
                                        "inf",
                                        "1 2",
                                        " 1",
                                        "1 ",
                                        "1,2",
                                        "1:2",
                                        "1/2",
                                        "0x1",
                                        "\"1\"",
                                        "1_0",
                                        "1.-",
                                        "-1-",
                                        "\xB1",
                                        "\xFF",
                                        "\x80"
                                        "1",
                                        "12345678901234567",
                                        "1234567890.123456789"};
  Random random(4);
  for (const std::string& field : odd) {
    // Among good neighbours, in every place of a batch.
    for (std::size_t place = 0; place < 8; ++place) {
      std::vector<std::string> fields(8, "1.5");
      fields[place] = field;
      float value = 0.0F;
      const bool decided =
          GetParam() == SimdLevel::portable && parse_plain_number(std::string_view(field), value);
      EXPECT_EQ(undecided_share(fields), decided ? 0.0 : 1.0 / 8) << field;
    }
  }
  // Bytes at random: decided only where fast_float takes them.
  std::vector<std::string> fields;
  for (int i = 0; i < 200000; ++i) {
    std::string field;
    for (std::uint64_t k = random() % 18; k > 0; --k) {
      field += "0123456789.,-+e x\xE9"[random() % 18];
    }
    fields.push_back(field);
  }
  undecided_share(fields);
}

INSTANTIATE_TEST_SUITE_P(Levels, FieldKernelsTest,
                         testing::Values(SimdLevel::portable, SimdLevel::avx2, SimdLevel::avx512),
                         [](const auto& level) { return std::string(name_of(level.param)); });

}  // namespace
}  // namespace steepest::data
