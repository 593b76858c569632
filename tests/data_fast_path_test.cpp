// SPDX-License-Identifier: Apache-2.0
// Whatever a file holds, the fast reader must say what the scalar reader says: the same bits, the
// same rejects, the same first error, for every block size, number of threads and level of vector
// instructions.
#include <gtest/gtest.h>

#include <cstdint>
#include <string>

#include "src/data/read_csv.hpp"
#include "tests/random_file.hpp"
#include "tests/read_outcome.hpp"
#include "tests/temporary_folder.hpp"

namespace steepest::data {
namespace {

using tests::one_in;
using tests::Random;
using tests::RandomFile;

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
    RandomFile made = tests::random_file(random);
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
    RandomFile made = tests::random_file(random);
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
