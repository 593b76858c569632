// SPDX-License-Identifier: Apache-2.0
// gzip and zstd files read as what they hold, whole or not at all.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "src/data/read_csv.hpp"
#include "steepest/error.hpp"
#include "tests/packed.hpp"
#include "tests/temporary_folder.hpp"
#include "tests/thrown.hpp"

namespace steepest::data {
namespace {

using tests::gzip;
using tests::zstd;

using Compress = std::string (*)(std::string_view);

class Compressed : public testing::TestWithParam<Compress> {
 protected:
  // Two members or frames, cut in the middle of a row.
  [[nodiscard]] static std::string in_two(std::string_view text) {
    const std::size_t half = text.size() / 2;
    return GetParam()(text.substr(0, half)) + GetParam()(text.substr(half));
  }

  [[nodiscard]] Dataset read(std::string_view content, bool scalar = false) const {
    ReadOptions options;
    options.paths = {folder_.write("d.csv", content)};
    options.targets = {"y"};
    options.threads = 3;
    ReaderLimits limits;
    limits.scalar = scalar;
    limits.head_bytes = 1000;
    limits.block_bytes = 5000;
    return read_csv(options, {}, nullptr, limits);
  }

 private:
  tests::TemporaryFolder folder_;
};

std::string table() {
  std::string text = "a,b,y\n";
  for (int i = 0; i < 5000; ++i) {
    text += fmt::format("{},{},{}\n", i * 0.37, i % 17, i % 5);
  }
  return text;
}

TEST_P(Compressed, ReadsAsWhatItHolds) {
  const std::string text = table();
  const Dataset expected = read(text);
  ASSERT_EQ(expected.rows(), 5000);
  for (const std::string& packed : {GetParam()(text), in_two(text)}) {
    for (const bool scalar : {false, true}) {
      const Dataset found = read(packed, scalar);
      ASSERT_EQ(found.rows(), expected.rows());
      EXPECT_EQ(found.targets, expected.targets);
      EXPECT_EQ(found.bytes_read, expected.bytes_read);
      EXPECT_TRUE(std::equal(found.features.data(), found.features.data() + 2 * found.rows(),
                             expected.features.data()));
    }
  }
}

TEST_P(Compressed, CutShortIsAnError) {
  const std::string packed = GetParam()(table());
  for (const std::size_t size : {packed.size() - 1, packed.size() / 2, std::size_t{20}}) {
    const std::string message =
        tests::thrown_message<InputError>([&] { static_cast<void>(read(packed.substr(0, size))); });
    EXPECT_NE(message.find(" data end too early at byte "), std::string::npos) << message;
  }
}

TEST_P(Compressed, DamagedIsAnError) {
  std::string packed = GetParam()(table());
  for (std::size_t i = packed.size() / 3; i < packed.size() / 3 + 40; ++i) {
    packed[i] = static_cast<char>(~packed[i]);
  }
  const std::string message =
      tests::thrown_message<InputError>([&] { static_cast<void>(read(packed)); });
  EXPECT_NE(message.find("d.csv"), std::string::npos) << message;
}

INSTANTIATE_TEST_SUITE_P(Formats, Compressed, testing::Values(gzip, zstd), [](const auto& format) {
  return std::string(format.param == gzip ? "gzip" : "zstd");
});

TEST(Gzip, ZerosBehindTheLastMemberAreFilling) {
  const tests::TemporaryFolder folder;
  ReadOptions options;
  options.targets = {"y"};
  options.paths = {folder.write("d.csv.gz", gzip(table()) + std::string(512, '\0'))};
  EXPECT_EQ(read_dataset(options).rows(), 5000);
  options.paths = {folder.write("e.csv.gz", gzip(table()) + "more")};
  EXPECT_NE(tests::thrown_message<InputError>([&] {
              static_cast<void>(read_dataset(options));
            }).find("gzip data are damaged"),
            std::string::npos);
}

// What a fuzzer found: a few bytes that ask for a window of 2 GB.
TEST(Zstd, AWindowIsNotBelievedBeforeItsData) {
  const tests::TemporaryFolder folder;
  ReadOptions options;
  options.targets = {"y"};
  options.paths = {
      folder.write("d.csv.zst", std::string("\x28\xb5\x2f\xfd\x04\xa8\x5b\x00\x00note,x\n", 16))};
  EXPECT_NE(tests::thrown_message<InputError>([&] {
              static_cast<void>(read_dataset(options));
            }).find("its zstd data need a window of more than 128 MiB"),
            std::string::npos);
}

}  // namespace
}  // namespace steepest::data
