// SPDX-License-Identifier: Apache-2.0
// Logits and labels in files: every element type and order, and headers that lie.
#include "steepest/logit_rows.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "steepest/error.hpp"
#include "tests/temporary_folder.hpp"
#include "tests/thrown.hpp"

namespace steepest::tests {
namespace {

template <class T>
std::string bytes_of(const std::vector<T>& values) {
  std::string bytes(values.size() * sizeof(T), '\0');
  std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

// A .npy file by the letter of its format.
std::string npy(const std::string& type, bool fortran, const std::string& shape,
                const std::string& elements, int version = 1) {
  std::string header = fmt::format("{{'descr': '{}', 'fortran_order': {}, 'shape': {}, }}", type,
                                   fortran ? "True" : "False", shape);
  header.resize(180, ' ');  // longer than any of these
  header += '\n';
  std::string file = "\x93NUMPY";
  file += static_cast<char>(version);
  file += '\0';
  for (int byte = 0; byte < (version == 1 ? 2 : 4); ++byte) {
    file += static_cast<char>(header.size() >> (8 * byte) & 255U);
  }
  return file + header + elements;
}

// Row-major (3, 2): halves, floats and doubles hold these exactly.
const std::vector<double> numbers = {1.5, -2.0, 0.0, 0.25, -1024.0, 65504.0};
const std::vector<std::uint16_t> halves = {0x3e00, 0xc000, 0x0000, 0x3400, 0xe400, 0x7bff};

std::vector<double> all_of(const LogitRows& rows, std::int64_t at_once) {
  std::vector<double> values;
  LogitBuffer buffer;
  for (std::int64_t first = 0; first < rows.rows(); first += at_once) {
    const std::int64_t count = std::min(at_once, rows.rows() - first);
    const LogitBlock block = rows.read(first, count, buffer);
    for (std::int64_t i = 0; i < count * rows.classes(); ++i) {
      values.push_back(block.doubles != nullptr ? block.doubles[i]
                                                : static_cast<double>(block.floats[i]));
    }
  }
  return values;
}

TEST(LogitRows, EveryElementTypeOrderAndVersion) {
  const TemporaryFolder folder;
  const std::vector<float> singles(numbers.begin(), numbers.end());
  const auto columns = [](const auto& v) {
    return std::decay_t<decltype(v)>{v[0], v[2], v[4], v[1], v[3], v[5]};
  };
  for (const int version : {1, 2, 3}) {
    for (const bool fortran : {false, true}) {
      const std::string elements[] = {bytes_of(fortran ? columns(halves) : halves),
                                      bytes_of(fortran ? columns(singles) : singles),
                                      bytes_of(fortran ? columns(numbers) : numbers)};
      const char* const types[] = {"<f2", "<f4", "<f8"};
      for (int t = 0; t < 3; ++t) {
        const std::string path =
            folder.write("x.npy", npy(types[t], fortran, "(3, 2)", elements[t], version));
        const auto rows = open_logits(path, "", LogitInput::logits);
        EXPECT_EQ(rows->rows(), 3);
        EXPECT_EQ(rows->classes(), 2);
        EXPECT_EQ(rows->holds_doubles(), t == 2);
        EXPECT_EQ(all_of(*rows, 3), numbers) << types[t] << fortran << version;
        EXPECT_EQ(all_of(*rows, 2), numbers);
        EXPECT_EQ(rows->bytes_read(), 2 * rows->bytes_total());
      }
    }
  }
}

TEST(LogitRows, HalvesOfEveryKind) {
  const TemporaryFolder folder;
  const std::vector<std::uint16_t> bits = {0x0001, 0x03ff, 0x0400, 0x7c00, 0xfc00, 0x8000};
  const std::string path = folder.write("h.npy", npy("<f2", false, "(3, 2)", bytes_of(bits)));
  const auto values = all_of(*open_logits(path, "", LogitInput::logits), 3);
  EXPECT_EQ(values[0], 0x1p-24);
  EXPECT_EQ(values[1], 1023 * 0x1p-24);
  EXPECT_EQ(values[2], 0x1p-14);
  EXPECT_EQ(values[3], std::numeric_limits<double>::infinity());
  EXPECT_EQ(values[4], -std::numeric_limits<double>::infinity());
  EXPECT_TRUE(std::signbit(values[5]));
}

TEST(LogitRows, OneColumnIsTheScoreOfClassOne) {
  const TemporaryFolder folder;
  const std::vector<double> p = {0.25, 0.5, 1.0, 0.0};
  for (const char* const shape : {"(4,)", "(4, 1)"}) {
    const std::string path = folder.write("p.npy", npy("<f8", false, shape, bytes_of(p)));
    const auto probs = all_of(*open_logits(path, "", LogitInput::probs), 4);
    EXPECT_DOUBLE_EQ(probs[0], std::log(0.75));
    EXPECT_DOUBLE_EQ(probs[1], std::log(0.25));
    EXPECT_EQ(probs[4], -std::numeric_limits<double>::infinity());
    EXPECT_EQ(probs[5], 0.0);
    EXPECT_EQ(probs[7], -std::numeric_limits<double>::infinity());
    const auto logits = all_of(*open_logits(path, "", LogitInput::logits), 4);
    EXPECT_EQ(logits[0], 0.0);
    EXPECT_EQ(logits[1], 0.25);
  }
  const std::vector<double> logs = {std::log(0.25), -1e-300, 0.5};
  const std::string path = folder.write("l.npy", npy("<f8", false, "(3,)", bytes_of(logs)));
  const auto values = all_of(*open_logits(path, "", LogitInput::logprobs), 3);
  EXPECT_NEAR(values[0], std::log(0.75), 1e-15);
  EXPECT_NEAR(values[2], std::log(1e-300), 1e-9);
  EXPECT_TRUE(std::isnan(values[4]));  // a probability above 1
}

TEST(LogitRows, WhatIsNoProbabilityIsNotANumber) {
  const TemporaryFolder folder;
  const std::vector<float> p = {-0.1F, 1.1F, 0.3F, 0.7F};
  const std::string path = folder.write("p.npy", npy("<f4", false, "(2, 2)", bytes_of(p)));
  const auto values = all_of(*open_logits(path, "", LogitInput::probs), 2);
  EXPECT_TRUE(std::isnan(values[0]));
  EXPECT_TRUE(std::isnan(values[1]));
  EXPECT_FLOAT_EQ(static_cast<float>(values[2]), std::log(0.3F));
}

TEST(LogitRows, HeadersAreNotBelieved) {
  const TemporaryFolder folder;
  const std::string eight(8, '\0');
  struct Case {
    std::string content;
    const char* text;
  };
  const Case cases[] = {
      {npy("<f4", false, "(1000000000000000000, 2)", eight), "header promises"},
      {npy("<f4", false, "(9223372036854775807, 9223372036854775807)", eight), "header promises"},
      {npy("<f4", false, "(99999999999999999999999, 1)", eight), "shape cannot be read"},
      {npy("<f4", false, "(-1, 2)", eight), "shape cannot be read"},
      {npy("<f4", false, "(1, 3)", eight), "header promises"},
      {npy("<f4", false, "(0, 2)", ""), "is empty"},
      {npy("<f4", false, "(2, 0)", ""), "is empty"},
      {npy("<f4", false, "(1, 1, 2)", eight), "3 axes"},
      {npy("<f4", false, "()", std::string(4, '\0')), "0 axes"},
      {npy(">f4", false, "(1, 2)", eight), "astype"},
      {npy("<i8", false, "(1, 1)", eight), "logits are little-endian"},
      {npy("|O", false, "(1, 1)", eight), ""},
      {npy("<f4", false, "(1, 2)", eight, 9), "unknown version"},
      {"\x93NUMPY\x02" + std::string("\0\xff\xff\xff\xff", 5) + eight, "ends too early"},
      {"\x93NUMPY", "too short"},
      {"", "too short"},
      {"z0,z1\n1,2\n1,2\n", "not those of one"}};
  for (const Case& bad : cases) {
    const std::string path = folder.write("bad.npy", bad.content);
    const std::string message =
        thrown_message<InputError>([&] { (void)open_logits(path, "", LogitInput::logits); });
    EXPECT_NE(message.find(bad.text), std::string::npos) << message;
    EXPECT_EQ(message.rfind(path, 0), 0U) << message;
  }
}

TEST(LogitRows, LabelsOfEveryType) {
  const TemporaryFolder folder;
  const std::string logits = folder.write("x.npy", npy("<f8", false, "(3, 2)", bytes_of(numbers)));
  const auto labels_of = [&](const std::string& file) {
    const auto rows = open_logits(logits, file, LogitInput::logits);
    LogitBuffer buffer;
    const std::int32_t* const labels = rows->read(1, 2, buffer).labels;
    return std::vector<std::int32_t>(labels, labels + 2);
  };
  const auto of_type = [&](const char* type, const std::string& elements,
                           const char* shape = "(3,)") {
    return labels_of(folder.write("y.npy", npy(type, false, shape, elements)));
  };
  const std::vector<std::int32_t> expected = {1, 7};
  EXPECT_EQ(of_type("<i8", bytes_of<std::int64_t>({0, 1, 7})), expected);
  EXPECT_EQ(of_type("<i4", bytes_of<std::int32_t>({0, 1, 7}), "(3, 1)"), expected);
  EXPECT_EQ(of_type("<i2", bytes_of<std::int16_t>({0, 1, 7})), expected);
  EXPECT_EQ(of_type("|u1", bytes_of<std::uint8_t>({0, 1, 7})), expected);
  EXPECT_EQ(of_type("<f4", bytes_of<float>({0, 1, 7})), expected);
  const std::vector<std::int32_t> none = {no_label, no_label};
  EXPECT_EQ(of_type("<f8", bytes_of<double>({0, 0.5, std::nan("")})), none);
  EXPECT_EQ(of_type("<i8", bytes_of<std::int64_t>({0, INT64_MAX, INT64_MIN})), none);
  EXPECT_EQ(labels_of(folder.write("y.csv", "label\n0\n 1\r\n\"7\"\n\n")), expected);
  EXPECT_EQ(labels_of(folder.write("y.txt", "0\n1\n7")), expected);

  const auto message = [&](const std::string& file) {
    return thrown_message<InputError>([&] { (void)labels_of(file); });
  };
  EXPECT_NE(message(folder.write("y.csv", "0\n1\n")).find("2 labels for 3 rows"),
            std::string::npos);
  EXPECT_NE(message(folder.write("y.csv", "0\n1\ncat\n")).find("y.csv:3"), std::string::npos);
  EXPECT_NE(message(folder.path("none.csv")).find("no such file"), std::string::npos);
  EXPECT_NE(message(folder.write("y.npy", npy("<i4", false, "(2,)", std::string(8, '\0'))))
                .find("2 labels for 3 rows"),
            std::string::npos);
  EXPECT_NE(
      message(folder.write("y.npy", npy("<U1", false, "(3,)", std::string(12, '\0')))).find("<U1"),
      std::string::npos);
}

}  // namespace
}  // namespace steepest::tests
