// SPDX-License-Identifier: Apache-2.0
// Rows in files read as rows in memory do; statistics taken while reading are those taken after.
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <limits>

#include "kernels/column_statistics.hpp"
#include "src/data/kept_write.hpp"
#include "src/data/npy.hpp"
#include "src/data/read_csv.hpp"
#include "src/data/row_subset.hpp"
#include "steepest/split.hpp"
#include "steepest/table_folder.hpp"
#include "tests/read_outcome.hpp"
#include "tests/temporary_folder.hpp"
#include "tests/thrown.hpp"

namespace steepest::data {
namespace {

constexpr std::int64_t rows = 10'000;

// Three features far from each other in size, a number of them in quotes; a target; a colour.
std::string table_text() {
  std::string text = "a,b,c,y,colour\n";
  const char* const colours[] = {"red", "green", "blue"};
  for (std::int64_t i = 0; i < rows; ++i) {
    const bool quoted = i % 97 == 0;
    text += fmt::format("{},{}{}{},{},{},{}\n", 1e6 + static_cast<double>(i * 7919 % 1000),
                        quoted ? "\" " : "", static_cast<double>(i % 13) / 7.0, quoted ? "\"" : "",
                        -1e-3 * static_cast<double>(i % 31), i * i % 17, colours[i % 3]);
  }
  return text;
}

ReadOptions options_for(const std::string& path) {
  ReadOptions options;
  options.paths = {path};
  options.targets = {"y"};
  options.target_kind = TargetKind::numbers;
  options.ignore = {"colour"};
  return options;
}

RowStorage files_in(const tests::TemporaryFolder& folder, std::int64_t memory_bytes) {
  return {memory_bytes, folder.path(".")};
}

TEST(Rows, StatisticsTakenWhileReadingAreThoseTakenAfter) {
  const tests::TemporaryFolder folder;
  ReadOptions options = options_for(folder.write("d.csv", table_text()));
  const ReadRows plain = read_rows(options, {});
  ASSERT_NE(plain.rows->statistics(), nullptr);
  kernels::ThreadPool pool(2);
  const ColumnStatistics expected = kernels::column_statistics(*plain.rows, pool);
  for (const std::int64_t memory : {std::int64_t{0}, std::int64_t{1}, std::int64_t{60'000}}) {
    for (const int threads : {1, 3}) {
      for (const bool scalar : {false, true}) {
        options.threads = threads;
        ReaderLimits limits;
        limits.block_bytes = 5000;
        limits.scalar = scalar;
        const ReadRows read = read_csv(options, files_in(folder, memory), {}, nullptr, limits);
        EXPECT_EQ(read.rows->in_memory() == nullptr, memory > 0);
        ASSERT_NE(read.rows->statistics(), nullptr);
        EXPECT_EQ(read.rows->statistics()->mean, expected.mean);
        EXPECT_EQ(read.rows->statistics()->standard_deviation, expected.standard_deviation);
        EXPECT_EQ(read.rows->statistics()->minimum, expected.minimum);
        EXPECT_EQ(read.rows->statistics()->maximum, expected.maximum);
        EXPECT_EQ(tests::text_of(*read.rows, 777), tests::text_of(*plain.rows, rows));
      }
    }
  }
}

TEST(Rows, NoStatisticsWhereReadingDoesNotKnowThemYet) {
  const tests::TemporaryFolder folder;
  ReadOptions options = options_for(folder.write("d.csv", table_text()));
  options.weight = "b";
  options.bad_rows = BadRowPolicy::skip;
  EXPECT_EQ(read_rows(options, {}).rows->statistics(), nullptr);
  options.weight.clear();
  options.missing = MissingPolicy::mean;
  EXPECT_EQ(read_rows(options, {}).rows->statistics(), nullptr);
}

TEST(Rows, SpillWhenLevelsBecomeMoreFeaturesThanFit) {
  const tests::TemporaryFolder folder;
  ReadOptions options = options_for(folder.write("d.csv", table_text()));
  options.ignore.clear();
  options.categorical = {"colour"};
  const std::string expected = tests::text_of(*read_rows(options, {}).rows, rows);
  const std::int64_t decoded_bytes = rows * (4 * 4 + 16);
  const ReadRows read = read_rows(options, files_in(folder, decoded_bytes));
  EXPECT_EQ(read.rows->in_memory(), nullptr);
  EXPECT_EQ(tests::text_of(*read.rows, 1000), expected);
}

TEST(Rows, AFolderThatTakesNoFileIsNamed) {
  const tests::TemporaryFolder folder;
  const ReadOptions options = options_for(folder.write("d.csv", table_text()));
  const std::string said = tests::thrown_message<InputError>([&] {
    return read_rows(options, {1, folder.path("nowhere")});
  });
  EXPECT_NE(said.find("nowhere"), std::string::npos) << said;
  EXPECT_NE(said.find("--cache"), std::string::npos) << said;
}

TEST(Rows, SplitFilesGiveTheRowsThatSplitMemoryGives) {
  const tests::TemporaryFolder folder;
  const ReadOptions options = options_for(folder.write("d.csv", table_text()));
  for (const double fraction : {0.001, 0.2, 0.9}) {
    std::shared_ptr<RowSource> memory = read_rows(options, {}).rows;
    std::shared_ptr<RowSource> files = read_rows(options, files_in(folder, 1)).rows;
    const std::shared_ptr<RowSource> memory_part = take_rows(memory, fraction, 5);
    const std::shared_ptr<RowSource> files_part = take_rows(files, fraction, 5);
    EXPECT_EQ(tests::text_of(*files_part, 100), tests::text_of(*memory_part, rows));
    EXPECT_EQ(tests::text_of(*files, 5000), tests::text_of(*memory, rows));
    EXPECT_EQ(memory->statistics(), nullptr);
  }
}

class Table : public testing::Test {
 protected:
  // The table converted, with a weight column where asked for.
  std::string converted(bool classes, bool weighted, const RowStorage& storage) {
    ReadOptions options = options_for(folder.write("d.csv", table_text()));
    options.target_kind = classes ? TargetKind::classes : TargetKind::numbers;
    options.ignore.clear();
    options.categorical = {"colour"};
    if (weighted) {
      options.weight = "b";
    }
    const ReadRows read = read_rows(options, storage);
    expected = tests::text_of(*read.rows, rows);
    names = read.rows->schema().feature_names();
    write_table(*read.rows, folder.path("t"));
    return folder.path("t");
  }

  void change(const char* file, std::int64_t at, const void* bytes, std::size_t count) {
    std::fstream stream(folder.path("t") + "/" + file,
                        std::ios::binary | std::ios::in | std::ios::out);
    stream.seekp(at);
    stream.write(static_cast<const char*>(bytes), static_cast<std::streamsize>(count));
  }

  std::string refused() {
    return tests::thrown_message<InputError>([&] { return open_table(folder.path("t"), {}); });
  }

  tests::TemporaryFolder folder;
  std::string expected;
  std::vector<std::string> names;
};

TEST_F(Table, HoldsWhatWasRead) {
  for (const bool classes : {false, true}) {
    for (const bool weighted : {false, true}) {
      for (const RowStorage& storage : {RowStorage{}, files_in(folder, 1)}) {
        const std::string path = converted(classes, weighted, storage);
        for (const RowStorage& opened : {RowStorage{}, files_in(folder, 1)}) {
          const auto table = open_table(path, opened);
          EXPECT_EQ(table->in_memory() == nullptr, opened.memory_bytes == 1);
          EXPECT_EQ(tests::text_of(*table, 999), expected);
          EXPECT_EQ(table->schema().feature_names(), names);
          EXPECT_EQ(table->classifies(), classes);
        }
      }
    }
  }
}

TEST_F(Table, MappedRowsCanBeChangedWithoutChangingTheFile) {
  const std::string path = converted(false, false, {});
  {
    const auto table = open_table(path, {});
    FeatureMatrix& features = table->in_memory()->features;
    for (std::int64_t i = 0; i < FeatureMatrix::tail; ++i) {
      EXPECT_EQ(features.data()[features.rows() * features.columns() + i], 0.0F);
    }
    features.row(0)[0] = -1.0F;
    features.append_row()[0] = 1.0F;
    EXPECT_EQ(features.row(0)[0], -1.0F);
  }
  EXPECT_EQ(tests::text_of(*open_table(path, {}), rows), expected);
}

TEST_F(Table, IsRefusedWhenAFileIsNotWhatTheSchemaSays) {
  const std::string path = converted(true, true, {});
  const std::int32_t label = 99;
  change("targets.npy", 128 + 4 * 41, &label, sizeof(label));
  EXPECT_NE(refused().find("element 41 is 99: there are 9 classes"), std::string::npos)
      << refused();
  converted(true, true, {});
  const double weight = -0.5;
  change("weights.npy", 128 + 8 * 7, &weight, sizeof(weight));
  EXPECT_NE(refused().find("element 7 is not a weight"), std::string::npos) << refused();
  converted(true, true, {});
  change("features.npy", 0, "x", 1);
  EXPECT_NE(refused().find("is not a .npy file"), std::string::npos) << refused();
  converted(true, true, {});
  std::filesystem::resize_file(path + "/features.npy", 1000);
  EXPECT_NE(refused().find("header promises"), std::string::npos) << refused();
  converted(true, true, {});
  std::filesystem::remove(path + "/weights.npy");
  EXPECT_NE(refused().find("weights.npy"), std::string::npos) << refused();
}

TEST_F(Table, ReplacesOnlyAFolderThatConvertWrote) {
  const std::string path = folder.path("t");
  std::filesystem::create_directory(path);
  std::ofstream(path + "/thesis.txt") << "years of work";
  const std::string said = tests::thrown_message<InputError>([&] { converted(false, false, {}); });
  EXPECT_NE(said.find("left alone"), std::string::npos) << said;
  EXPECT_TRUE(std::filesystem::exists(path + "/thesis.txt"));
  std::filesystem::remove(path + "/thesis.txt");
  converted(false, false, {});
  converted(true, false, {});
  EXPECT_TRUE(open_table(path, {})->classifies());
  int left = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder.path("."))) {
    ++left;
  }
  EXPECT_EQ(left, 2) << "the CSV and the folder";
}

TEST_F(Table, LeavesAFolderAloneThatHoldsMoreThanATable) {
  const std::string path = converted(false, false, {});
  std::ofstream(path + "/notes.txt") << "mine";
  const std::string said = tests::thrown_message<InputError>([&] { converted(true, false, {}); });
  EXPECT_NE(said.find("left alone"), std::string::npos) << said;
  EXPECT_TRUE(std::filesystem::exists(path + "/notes.txt"));
  EXPECT_FALSE(open_table(path, {})->classifies());
}

TEST_F(Table, NamesTheFeatureThatIsNotFinite) {
  const std::string path = converted(false, true, {});
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const std::int64_t width = open_table(path, {})->feature_count();
  change("features.npy", 128 + 4 * (5 * width + 2), &nan, sizeof(nan));
  EXPECT_NE(refused().find("row 5, column 2"), std::string::npos) << refused();
}

TEST_F(Table, GiveUpLeavesNothing) {
  const ReadOptions options = options_for(folder.write("d.csv", table_text()));
  const ReadRows read = read_rows(options, {});
  EXPECT_THROW(write_table(*read.rows, folder.path("t"),
                           [](std::int64_t, std::int64_t) { throw std::runtime_error("enough"); }),
               std::runtime_error);
  EXPECT_FALSE(std::filesystem::exists(folder.path("t")));
}

// Given up when its features are on the disk, and gone on with; whole, and damaged.
TEST_F(Table, APartThatIsGoneOnWithIsWhatWasWritten) {
  const ReadOptions options = options_for(folder.write("d.csv", table_text()));
  const ReadRows read = read_rows(options, {});
  write_table(*read.rows, folder.path("whole"));
  for (const std::int64_t damaged : {-1, 0, 4000}) {
    std::vector<std::string> said;
    KeptWrite kept;
    kept.is_due = [] { return false; };
    kept.save = [] {};
    kept.warn = [&](const std::string& sentence) { said.push_back(sentence); };
    struct Enough {};
    EXPECT_THROW(
        write_table(
            *read.rows, folder.path("t"), [](std::int64_t, std::int64_t) { throw Enough{}; }, kept),
        Enough);
    ASSERT_EQ(kept.rows, rows);
    if (kept.part.born == 0) {
      GTEST_SKIP() << "this file system does not say when a folder was made";
    }
    for (const auto& part : std::filesystem::directory_iterator(folder.path("."))) {
      const std::string features = part.path().string() + "/features.npy";
      if (damaged >= 0 && part.path().filename().string().starts_with("t.")) {
        std::fstream file(features, std::ios::binary | std::ios::in | std::ios::out);
        file.seekp(128 + damaged);
        file.put('\x5a');
      }
    }
    write_table(*read.rows, folder.path("t"), {}, kept);
    EXPECT_EQ(said.size(), damaged >= 0 ? 1U : 0U);
    EXPECT_EQ(folder.read("t/features.npy"), folder.read("whole/features.npy"));
  }
}

TEST_F(Table, IsReadAsDataWithItsOwnTarget) {
  ReadOptions options;
  options.paths = {converted(false, false, {})};
  const ReadRows read = read_rows(options, {});
  EXPECT_EQ(tests::text_of(*read.rows, rows), expected);
  EXPECT_GT(read.bytes_read, rows * 5 * 4);
  const Schema known = read.rows->schema();
  EXPECT_NO_THROW(static_cast<void>(read_rows(options, {}, {}, &known)));
  Schema other = known;
  other.columns[1].name = "bee";
  const std::string said =
      tests::thrown_message<InputError>([&] { return read_rows(options, {}, {}, &other); });
  EXPECT_NE(said.find("\"b\" where the model has \"bee\""), std::string::npos) << said;
  options.targets = {"a"};
  EXPECT_THROW(static_cast<void>(read_rows(options, {})), OptionError);
  options.targets = {"y"};
  options.features = {"a"};
  EXPECT_THROW(static_cast<void>(read_rows(options, {})), OptionError);
}

TEST(Npy, HeadersAreReadInEveryVersion) {
  const tests::TemporaryFolder folder;
  const std::string data(24, '\0');
  const std::string path = folder.write("a.npy", npy_header("<f4", {2, 3}) + data);
  const NpyHeader header = read_npy_header(path);
  EXPECT_EQ(header.type, "<f4");
  EXPECT_EQ(header.shape, (std::vector<std::int64_t>{2, 3}));
  EXPECT_EQ(header.data_start, 128);
  EXPECT_FALSE(header.fortran_order);
  const std::string text = "{'descr': '<f8', 'fortran_order': True, 'shape': (3,), }\n";
  std::string two = "\x93NUMPY";
  two += {2, 0, static_cast<char>(text.size()), 0, 0, 0};
  const NpyHeader second = read_npy_header(folder.write("b.npy", two + text + data));
  EXPECT_EQ(second.type, "<f8");
  EXPECT_TRUE(second.fortran_order);
  EXPECT_EQ(second.elements(), 3);
  for (const char* const broken :
       {"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (3,), }",
        "{'descr': '<f8', 'shape': (3,), }", "{'descr': '<f8', 'fortran_order': False, }",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (-3,), }",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999999999, 3), }",
        "{'descr': '|O', 'fortran_order': False, 'shape': (3,), }"}) {
    std::string bytes = "\x93NUMPY";
    bytes += {1, 0, static_cast<char>(std::strlen(broken)), 0};
    EXPECT_THROW(static_cast<void>(read_npy_header(folder.write("c.npy", bytes + broken + data))),
                 InputError)
        << broken;
  }
}

}  // namespace
}  // namespace steepest::data
