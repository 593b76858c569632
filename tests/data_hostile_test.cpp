// SPDX-License-Identifier: Apache-2.0
// Input that is not a CSV file, or is one only in name: refused by name, never a crash.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <random>
#include <string>

#include "steepest/error.hpp"
#include "steepest/read.hpp"
#include "tests/temporary_folder.hpp"
#include "tests/thrown.hpp"

namespace steepest {
namespace {

using namespace std::string_literals;

class Hostile : public ::testing::Test {
 protected:
  std::string error_of(const std::string& path) {
    options.paths = {path};
    return tests::thrown_message<InputError>([&] { static_cast<void>(read_dataset(options)); });
  }

  std::string error(const std::string& content) { return error_of(folder.write("a.csv", content)); }

  static void expect_in(const std::string& text, const std::string& part) {
    EXPECT_NE(text.find(part), std::string::npos) << text;
  }

  tests::TemporaryFolder folder;
  ReadOptions options;
};

TEST_F(Hostile, PathsThatAreNoFile) {
  EXPECT_EQ(error_of(folder.path("none.csv")), folder.path("none.csv") + ": no such file");
  std::filesystem::create_directory(folder.path("folder"));
  EXPECT_EQ(error_of(folder.path("folder")),
            folder.path("folder") + ": is a directory, not a CSV file");
}

TEST_F(Hostile, AFileThatMayNotBeRead) {
  if (::geteuid() == 0) {
    GTEST_SKIP() << "root may read everything";
  }
  const std::string path = folder.write("secret.csv", "a,b\n1,2\n");
  ASSERT_EQ(::chmod(path.c_str(), 0), 0);
  expect_in(error_of(path), "permission denied");
}

TEST_F(Hostile, CompressedFiles) {
  expect_in(error("\x1F\x8B\x08 rest"), "its gzip data are damaged");
  expect_in(error("\x28\xB5\x2F\xFD rest"), "its zstd data are damaged");
  expect_in(error("PK\x03\x04 rest"), "zip archive or a spreadsheet");
}

TEST_F(Hostile, Utf16) {
  expect_in(error("\xFF\xFE"s + "a\0,\0b\0\n\0"s), "UTF-16");
  expect_in(error("\xFE\xFF"s + "\0a\0,\0b\0\n"s), "UTF-16");
  expect_in(error("a\0,\0b\0\n\0"s), "UTF-16");
}

TEST_F(Hostile, BinaryFiles) {
  expect_in(error("\x89PNG\r\n\x1a\n\0\0\0\rIHDR"s), "(byte 8): is a binary file");
  expect_in(error("a,b\n1,2\n\0"s), "null byte");
  std::string late = "a,b\n";
  for (int i = 0; i < 400'000; ++i) {
    late += "1,2\n";
  }
  expect_in(error(late + "1,\0\n"s), "(byte 1,600,006)");
}

TEST_F(Hostile, OnlyQuotes) {
  expect_in(error("\""), "never closed");
  expect_in(error(std::string(100'001, '"')), "never closed");
  expect_in(error(std::string(100'000, '"')), "has a header but no rows");  // one long name
}

TEST_F(Hostile, OnlyDelimiters) {
  expect_in(error(",,,,\n,,,,\n"), "the value is missing");
  expect_in(error(std::string(300'000, ',')), "the value is missing");
  expect_in(error(";\n"), "the value is missing");
}

TEST_F(Hostile, AHeaderOfAMillionColumns) {
  std::string header;
  std::string row;
  for (int j = 0; j < 1'000'000; ++j) {
    header += fmt::format("{}c{}", j == 0 ? "" : ",", j);
    row += j == 0 ? "1" : ",1";
  }
  options.paths = {folder.write("a.csv", header + "\n" + row + "\n" + row + "\n")};
  options.targets = {"-1"};
  const Dataset data = read_dataset(options);
  EXPECT_EQ(data.features.columns(), 999'999);
  EXPECT_EQ(data.schema.target_names[0], "c999999");
  options.targets = {"nowhere"};
  EXPECT_LT(error_of(options.paths[0]).size(), 2000U);
}

TEST_F(Hostile, ALineBeyondTheLimit) {
  const std::string content =
      "a,b\n1," + std::string((std::size_t{1} << 26) + 2'000'000, '1') + "\n";
  expect_in(error(content), "longer than 67,108,864 bytes");
}

TEST_F(Hostile, RandomBytesNeverCrash) {
  std::mt19937 random(3);
  const std::string alphabet = "\"\"\"\n\n\r,,,;|\t 0123456789.-+eEinfaNA#\xC3\xA9\xFF";
  int read = 0;
  for (int repeat = 0; repeat < 1000; ++repeat) {
    std::string content;
    for (std::size_t i = 0; i < 1 + random() % 60; ++i) {
      content += alphabet[random() % alphabet.size()];
    }
    options = {};
    options.paths = {folder.write("a.csv", content)};
    options.bad_rows = random() % 2 == 0 ? BadRowPolicy::skip : BadRowPolicy::error;
    options.missing = random() % 2 == 0 ? MissingPolicy::zero : MissingPolicy::drop;
    if (random() % 3 == 0) {
      options.targets = {"-1"};
    }
    if (random() % 3 == 0) {
      options.categorical = {"1"};
    }
    try {
      const Dataset data = read_dataset(options);
      EXPECT_GT(data.rows(), 0);
      ++read;
    } catch (const Error&) {
    }
    try {
      static_cast<void>(inspect(options));
    } catch (const Error&) {
    }
  }
  EXPECT_GT(read, 20);  // some of it is a table
}

}  // namespace
}  // namespace steepest
