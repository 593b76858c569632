// SPDX-License-Identifier: Apache-2.0
// Whatever a file holds, the fast reader must say what the scalar reader says: the same bits, the
// same rejects, the same first error, for every block size, number of threads and level of vector
// instructions.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "src/data/read_csv.hpp"
#include "tests/read_outcome.hpp"
#include "tests/temporary_folder.hpp"

namespace steepest::data {
namespace {

using Random = std::mt19937_64;

bool one_in(Random& random, unsigned n) { return random() % n == 0; }

template <class T>
const T& any_of(Random& random, const std::vector<T>& choices) {
  return choices[random() % choices.size()];
}

// How often something odd happens: 0 never, else one in so many.
struct Oddity {
  unsigned cell = 0;
  unsigned row = 0;
};

std::string ordinary_number(Random& random) {
  switch (random() % 6) {
    case 0:
      return std::to_string(random() % 100);
    case 1:
      return fmt::format("{}", std::uniform_real_distribution<float>(-10, 10)(random));
    case 2:
      return fmt::format("{:.8g}", std::normal_distribution<double>(0, 100)(random));
    case 3:
      return fmt::format("{:.3f}", std::normal_distribution<double>(0, 1)(random));
    case 4:
      return fmt::format("{}", std::normal_distribution<double>(0, 1)(random));
    default:
      return fmt::format("{}{}.{}", one_in(random, 2) ? "-" : "", random() % 100000000,
                         random() % 10000000);
  }
}

std::string odd_number(Random& random) {
  static const std::vector<std::string> odd = {"",
                                               "",
                                               "NA",
                                               "nan",
                                               "-999",
                                               "-999.0",
                                               " 1.5",
                                               "2.5 ",
                                               "+3",
                                               "5.",
                                               ".5",
                                               "-.5",
                                               ".",
                                               "-",
                                               "--1",
                                               "1e5",
                                               "-2.5E-3",
                                               "1e400",
                                               "1e-400",
                                               "inf",
                                               "-Infinity",
                                               "1_000",
                                               "1,5",
                                               "\"4.25\"",
                                               "\" 7 \"",
                                               "\"\"",
                                               "\"1\"\"2\"",
                                               "\"3\n4\"",
                                               "\"3\r\n4\"",
                                               "x",
                                               "0x10",
                                               "16777217",
                                               "16777219",
                                               "0.1000000014901161193847656",
                                               "123456789012345678901234567890",
                                               "3.4028236e38",
                                               "9007199254740993",
                                               "1.00000005960464477539062",
                                               "0.00000000000000000000000000000000000001",
                                               "12\"3",
                                               "\"5\"6",
                                               " \"8\" ",
                                               "-0",
                                               "0000000000000001.5",
                                               "99999999999999999",
                                               "9999999999999999",
                                               "\xC3\xA9"};
  return any_of(random, odd);
}

std::string ordinary_text(Random& random) {
  static const std::vector<std::string> texts = {
      "red", "green", "blue", "a long text of some bytes", "\"quoted\"", " padded ",
      "7",   "7.0",   "x"};
  return any_of(random, texts);
}

std::string odd_text(Random& random) {
  static const std::vector<std::string> odd = {"",
                                               "NA",
                                               "null",
                                               "\"with, comma\"",
                                               "\"two\nlines\"",
                                               "\"say \"\"so\"\"\"",
                                               "\"\"",
                                               "o\"clock",
                                               "\"open\" text",
                                               " \"blank\" ",
                                               "\xFF",
                                               "\"red\"",
                                               "\"\n\n\"",
                                               "\"\r\""};
  return one_in(random, 4) ? std::string("t") + std::to_string(random() % 1000)
                           : any_of(random, odd);
}

struct Case {
  std::string content;
  ReadOptions options;
};

Case make_case(Random& random) {
  Case made;
  const bool tame = one_in(random, 3);
  const Oddity oddity{tame ? 0 : 1 + static_cast<unsigned>(random() % 60),
                      tame ? 0 : 1 + static_cast<unsigned>(random() % 60)};
  const std::size_t columns = 1 + random() % 9;
  std::vector<int> kinds(columns);  // 0: number, 1: text
  std::string line_end = one_in(random, 3) ? "\r\n" : "\n";
  std::vector<std::string> header;
  for (std::size_t j = 0; j < columns; ++j) {
    kinds[j] = one_in(random, 4) ? 1 : 0;
    const std::string name = "c" + std::to_string(j);
    header.push_back(name);
    if (j + 1 == columns) {
      made.options.targets = {name};
      made.options.target_kind = kinds[j] == 1 ? TargetKind::classes : TargetKind::automatic;
    } else if (kinds[j] == 1) {
      (one_in(random, 3) ? made.options.ignore : made.options.categorical).push_back(name);
    } else if (one_in(random, 12) && made.options.weight.empty()) {
      made.options.weight = name;
    } else if (one_in(random, 10)) {
      made.options.ignore.push_back(name);
    }
  }
  const std::string delimiter(1, any_of(random, std::vector<char>{',', ',', ';', '\t'}));
  made.options.delimiter = delimiter[0];
  made.options.header = HeaderMode::yes;
  made.options.missing =
      any_of(random, std::vector<MissingPolicy>{MissingPolicy::error, MissingPolicy::mean,
                                                MissingPolicy::drop, MissingPolicy::zero});
  made.options.bad_rows = one_in(random, 3) ? BadRowPolicy::error : BadRowPolicy::skip;
  if (one_in(random, 4)) {
    made.options.missing_texts = {"-999", "x"};
  }
  const auto join = [&](const std::vector<std::string>& fields) {
    std::string line;
    for (std::size_t j = 0; j < fields.size(); ++j) {
      line += (j == 0 ? "" : delimiter) + fields[j];
    }
    return line;
  };
  made.content = (one_in(random, 5) ? "\xEF\xBB\xBF" : "") + join(header) + line_end;
  const std::size_t rows = random() % 120;
  for (std::size_t i = 0; i < rows; ++i) {
    std::vector<std::string> fields;
    for (std::size_t j = 0; j < columns; ++j) {
      const bool odd = oddity.cell > 0 && one_in(random, oddity.cell * 4);
      std::string field = kinds[j] == 0 ? (odd ? odd_number(random) : ordinary_number(random))
                                        : (odd ? odd_text(random) : ordinary_text(random));
      const bool weight = header[j] == made.options.weight;
      fields.push_back(weight && field[0] == '-' && !odd ? field.substr(1) : field);
    }
    std::string end = line_end;
    if (oddity.row > 0 && one_in(random, oddity.row)) {
      switch (random() % 9) {
        case 0:
          fields.pop_back();
          break;
        case 1:
          fields.emplace_back("9");
          break;
        case 2:
          made.content += line_end;
          break;
        case 3:
          made.content += "  " + line_end;
          break;
        case 4:
          end = "\r";
          break;
        case 5:
          end = one_in(random, 2) ? "\n" : "\r\n";
          break;
        case 6:
          if (one_in(random, 6)) {
            made.content += '\0';
          }
          break;
        case 7:
          if (one_in(random, 6)) {
            fields.back() = "\"never closed";
          }
          break;
        default:
          end = "\n\n";
      }
    }
    made.content += join(fields) + (i + 1 == rows && one_in(random, 2) ? "" : end);
  }
  return made;
}

class FastPath : public testing::TestWithParam<SimdLevel> {};

TEST_P(FastPath, SaysWhatTheScalarReaderSays) {
  const SimdLevel level = GetParam();
  if (level > best_simd_level()) {
    GTEST_SKIP() << "this processor has no " << name_of(level);
  }
  const tests::TemporaryFolder folder;
  Random random(20261122 + static_cast<unsigned>(level));
  int read = 0;
  for (int i = 0; i < 3000; ++i) {
    Case made = make_case(random);
    made.options.paths = {folder.write("d.csv", made.content)};
    made.options.rejects_path =
        made.options.bad_rows == BadRowPolicy::skip ? folder.path("bad.csv") : "";
    ReaderLimits limits;
    limits.head_bytes = one_in(random, 2) ? 1 : 200;
    limits.block_bytes =
        one_in(random, 8) ? 1 << 20 : 1 + static_cast<std::int64_t>(random() % 300);
    limits.simd = level;
    ReaderLimits scalar = limits;
    scalar.scalar = true;
    made.options.threads = 1 + static_cast<int>(random() % 3);
    const std::string expected = tests::outcome(made.options, scalar, nullptr);
    const std::string found = tests::outcome(made.options, limits, nullptr);
    ASSERT_TRUE(found == expected)
        << tests::difference(found, expected) << "case " << i << ", blocks of "
        << limits.block_bytes << ", " << made.options.threads << " threads:\n"
        << made.content;
    const RowStorage files{1 + static_cast<std::int64_t>(random() % 2000), folder.path(".")};
    const std::string spilled =
        tests::outcome(made.options, one_in(random, 4) ? scalar : limits, nullptr, files);
    ASSERT_TRUE(spilled == expected) << tests::difference(spilled, expected) << "case " << i
                                     << ", spilled behind " << files.memory_bytes << " bytes:\n"
                                     << made.content;
    read += expected.find("Error") == std::string::npos ? 1 : 0;
  }
  EXPECT_GT(read, 500);  // of all, so many are no error
}

TEST_P(FastPath, TakesADictionaryLearnedBefore) {
  const SimdLevel level = GetParam();
  if (level > best_simd_level()) {
    GTEST_SKIP() << "this processor has no " << name_of(level);
  }
  const tests::TemporaryFolder folder;
  Random random(7 + static_cast<unsigned>(level));
  int read = 0;
  for (int i = 0; i < 1500; ++i) {
    Case made = make_case(random);
    made.options.paths = {folder.write("d.csv", made.content)};
    made.options.bad_rows = BadRowPolicy::skip;
    made.options.rejects_path = folder.path("bad.csv");
    ReaderLimits limits;
    limits.head_bytes = 1;
    limits.block_bytes = 1 + static_cast<std::int64_t>(random() % 300);
    limits.simd = level;
    ReaderLimits scalar = limits;
    scalar.scalar = true;
    Schema known;
    try {
      known = read_csv(made.options, {}, nullptr, scalar).schema;
    } catch (const std::exception&) {
      continue;
    }
    if (!known.columns.empty() && known.columns[0].levels.size() > 2) {
      known.columns[0].levels.pop_back();
    }
    made.options.unseen_levels =
        one_in(random, 2) ? UnseenLevelPolicy::error : UnseenLevelPolicy::baseline;
    made.options.threads = 1 + static_cast<int>(random() % 3);
    const std::string expected = tests::outcome(made.options, scalar, &known);
    const std::string found = tests::outcome(made.options, limits, &known);
    ASSERT_TRUE(found == expected) << tests::difference(found, expected) << made.content;
    const RowStorage files{1 + static_cast<std::int64_t>(random() % 500), folder.path(".")};
    const std::string spilled = tests::outcome(made.options, limits, &known, files);
    ASSERT_TRUE(spilled == expected) << tests::difference(spilled, expected) << made.content;
    ++read;
  }
  EXPECT_GT(read, 300);
}

INSTANTIATE_TEST_SUITE_P(Levels, FastPath,
                         testing::Values(SimdLevel::portable, SimdLevel::avx2, SimdLevel::avx512),
                         [](const auto& level) { return std::string(name_of(level.param)); });

}  // namespace
}  // namespace steepest::data
