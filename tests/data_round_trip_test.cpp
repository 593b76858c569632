// SPDX-License-Identifier: Apache-2.0
// Random tables written in random CSV styles must read back the same at every block size.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "src/data/read_csv.hpp"
#include "tests/temporary_folder.hpp"

namespace steepest::data {
namespace {

constexpr std::int64_t numeric_columns = 3;

struct Table {
  std::vector<std::vector<float>> numbers;  // (rows, numeric_columns)
  std::vector<std::string> texts;           // one a row
  std::vector<double> targets;
};

struct Style {
  char delimiter = ',';
  std::string line_end = "\n";
  bool header = true;
  bool byte_order_mark = false;
  bool last_line_end = true;
  bool blank_lines = false;
};

class Writer {
 public:
  Writer(std::mt19937_64& random, Style style) : random_(random), style_(std::move(style)) {}

  std::string write(const Table& table) {
    std::string text = style_.byte_order_mark ? "\xEF\xBB\xBF" : "";
    if (style_.header) {
      text += join({"alpha", "be ta", "gamma", "text", "target"}) + style_.line_end;
    }
    for (std::size_t i = 0; i < table.texts.size(); ++i) {
      std::vector<std::string> fields;
      for (const float value : table.numbers[i]) {
        fields.push_back(number(value));
      }
      fields.push_back(quoted(table.texts[i]));
      fields.push_back(fmt::format("{}", table.targets[i]));
      const bool last = i + 1 == table.texts.size();
      text += join(fields) + (last && !style_.last_line_end ? "" : style_.line_end);
      if (style_.blank_lines && !last && one_in(3)) {
        text += style_.line_end;
      }
    }
    return text;
  }

 private:
  bool one_in(unsigned n) { return random_() % n == 0; }

  [[nodiscard]] std::string join(const std::vector<std::string>& fields) const {
    std::string line;
    for (std::size_t j = 0; j < fields.size(); ++j) {
      line += (j == 0 ? std::string() : std::string(1, style_.delimiter)) + fields[j];
    }
    return line;
  }

  std::string number(float value) {
    std::string text = one_in(2) ? fmt::format("{}", value) : fmt::format("{:.9e}", value);
    text = !std::signbit(value) && one_in(8) ? "+" + text : text;
    if (one_in(5)) {
      return "\"" + text + "\"";
    }
    return one_in(6) ? " " + text + "  " : text;
  }

  static std::string quoted(const std::string& text) {
    std::string result = "\"";
    for (const char c : text) {
      result += std::string(c == '"' ? 2 : 1, c);
    }
    return result + "\"";
  }

  std::mt19937_64& random_;
  Style style_;
};

Table random_table(std::mt19937_64& random) {
  const std::vector<std::string> pool{"a",       "b,c",  "d\ne",      "\"", "f\r\ng", "h;\t|",
                                      "i \"j\"", "k\rl", "\xC3\xA9 ", " m", "\"\"n",  "\n"};
  Table table;
  const std::size_t rows = 2 + random() % 40;
  for (std::size_t i = 0; i < rows; ++i) {
    std::vector<float> numbers;
    for (std::int64_t j = 0; j < numeric_columns; ++j) {
      const auto value = std::bit_cast<float>(static_cast<std::uint32_t>(random()));
      numbers.push_back(std::isfinite(value) ? value : 0.5F);
    }
    table.numbers.push_back(numbers);
    table.texts.push_back(i < 2 ? pool[i] : pool[random() % pool.size()]);
    table.targets.push_back(static_cast<double>(static_cast<std::int32_t>(random())) / 1024.0);
  }
  table.targets[0] = 0.125;  // three distinct values at least would be luck with two rows
  return table;
}

void expect_same(const Dataset& dataset, const Table& table) {
  ASSERT_EQ(dataset.rows(), static_cast<std::int64_t>(table.texts.size()));
  const std::vector<std::string>& levels = dataset.schema.columns[numeric_columns].levels;
  for (std::int64_t i = 0; i < dataset.rows(); ++i) {
    const auto at = static_cast<std::size_t>(i);
    const float* const row = dataset.features.row(i);
    for (std::size_t j = 0; j < numeric_columns; ++j) {
      ASSERT_EQ(std::bit_cast<std::uint32_t>(row[j]),
                std::bit_cast<std::uint32_t>(table.numbers[at][j]))
          << "row " << i << ", column " << j;
    }
    std::string level = levels[0];
    for (std::size_t k = 1; k < levels.size(); ++k) {
      level = row[numeric_columns + k - 1] == 1.0F ? levels[k] : level;
    }
    ASSERT_EQ(level, table.texts[at]) << "row " << i;
    ASSERT_EQ(dataset.targets[at], table.targets[at]) << "row " << i;
  }
}

TEST(RoundTrip, RandomTablesInRandomStylesAtEveryBlockSize) {
  std::mt19937_64 random(20240607);
  const tests::TemporaryFolder folder;
  for (int repeat = 0; repeat < 300; ++repeat) {
    const Table table = random_table(random);
    Style style;
    style.delimiter = std::string(",;\t|")[random() % 4];
    style.line_end = std::vector<std::string>{"\n", "\r\n", "\r"}[random() % 3];
    style.header = random() % 2 == 0;
    style.byte_order_mark = random() % 4 == 0;
    style.last_line_end = random() % 2 == 0;
    style.blank_lines = random() % 3 == 0;
    const std::string content = Writer(random, style).write(table);
    ReadOptions options;
    options.paths = {folder.write("table.csv", content)};
    options.targets = {"-1"};
    options.categorical = {"4"};
    options.target_kind = TargetKind::numbers;
    options.header = style.header ? HeaderMode::yes : HeaderMode::no;
    options.delimiter = style.delimiter;
    for (const std::int64_t block : {1, 2, 3, 7, 64, 1 << 20}) {
      ReaderLimits limits;
      limits.block_bytes = block;
      limits.head_bytes = block;
      const Dataset dataset = read_csv(options, {}, nullptr, limits);
      expect_same(dataset, table);
      ASSERT_EQ(dataset.bytes_read, static_cast<std::int64_t>(content.size()));
      if (HasFatalFailure()) {
        FAIL() << "repeat " << repeat << ", block " << block << ":\n" << content;
      }
    }
  }
}

TEST(RoundTrip, DelimiterAndHeaderAreFoundWithoutBeingTold) {
  std::mt19937_64 random(11);
  const tests::TemporaryFolder folder;
  for (const char delimiter : {',', ';', '\t', '|'}) {
    for (const bool header : {false, true}) {
      std::string content = header ? fmt::format("a{}b{}c\n", delimiter, delimiter) : "";
      for (int i = 0; i < 20; ++i) {
        content += fmt::format("{}{}{}{}{}\n", static_cast<double>(random() % 100) / 4, delimiter,
                               random() % 10, delimiter, i % 3);
      }
      ReadOptions options;
      options.paths = {folder.write("table.csv", content)};
      options.targets = {"3"};
      const Dataset dataset = read_dataset(options);
      EXPECT_EQ(dataset.rows(), 20) << delimiter << header;
      EXPECT_EQ(dataset.schema.target_names[0], header ? "c" : "x3");
    }
  }
}

}  // namespace
}  // namespace steepest::data
