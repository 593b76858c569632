// SPDX-License-Identifier: Apache-2.0
// A read that goes on from any of its states says what one says that was never stopped.
#include <gtest/gtest.h>
#include <zlib.h>

#include <filesystem>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "src/data/kept_read.hpp"
#include "src/data/read_csv.hpp"
#include "tests/random_file.hpp"
#include "tests/read_outcome.hpp"
#include "tests/temporary_folder.hpp"
#include "tests/thrown.hpp"

namespace steepest::data {
namespace {

namespace fs = std::filesystem;
using tests::one_in;
using tests::Random;
using tests::RandomFile;

const RowStorage without_statistics{0, {}, false};

// What lay in the folder when a state was saved.
struct Moment {
  std::string state;
  std::string folder;
};

class KeptReads : public testing::Test {
 protected:
  // Everything a read says, and every moment that another one can go on from.
  std::string read(const ReadOptions& options, const ReaderLimits& limits,
                   std::vector<Moment>& moments, std::function<bool()> is_due) {
    const std::string rows = fresh("rows");
    KeptRead kept;
    kept.folder = rows;
    kept.is_due = std::move(is_due);
    kept.save = [&](const std::string& state) {
      const std::string copy = folder_.path("moment" + std::to_string(moments.size()));
      fs::remove_all(copy);
      fs::copy(rows, copy);
      moments.push_back({state, copy});
    };
    return tests::outcome(options, limits, nullptr, without_statistics, &kept);
  }

  std::string go_on(const ReadOptions& options, const ReaderLimits& limits, const Moment& moment) {
    KeptRead kept;
    kept.folder = moment.folder;
    kept.is_due = [] { return false; };
    kept.save = [](const std::string& /*state*/) {};
    kept.resumed = moment.state;
    kept.resumed_from = "the state";
    return tests::outcome(options, limits, nullptr, without_statistics, &kept);
  }

  std::string fresh(const std::string& name) const {
    fs::remove_all(folder_.path(name));
    fs::create_directory(folder_.path(name));
    return folder_.path(name);
  }

  // Two members, cut anywhere.
  std::string write_gzip(const std::string& name, const std::string& content, std::size_t cut) {
    const std::string path = folder_.path(name);
    fs::remove(path);
    for (const std::string& part : {content.substr(0, cut), content.substr(cut)}) {
      gzFile file = gzopen(path.c_str(), "ab");
      gzwrite(file, part.data(), static_cast<unsigned>(part.size()));
      gzclose(file);
    }
    return path;
  }

  tests::TemporaryFolder folder_;
};

TEST_F(KeptReads, GoOnFromEveryBlockToTheSameRows) {
  Random random(20261123);
  int resumed = 0;
  int inside = 0;
  for (int i = 0; i < 200; ++i) {
    RandomFile made = tests::random_file(random);
    made.options.rejects_path =
        made.options.bad_rows == BadRowPolicy::skip ? folder_.path("bad.csv") : "";
    switch (i % 3) {
      case 0:
        made.options.paths = {folder_.write("a.csv", made.content)};
        break;
      case 1:
        made.options.paths = {folder_.write("a.csv", made.content),
                              folder_.write("b.csv", made.content)};
        break;
      default:
        made.options.paths = {
            write_gzip("a.csv.gz", made.content, random() % (made.content.size() + 1))};
    }
    ReaderLimits limits;
    limits.head_bytes = one_in(random, 2) ? 1 : 200;
    limits.block_bytes = 1 + static_cast<std::int64_t>(random() % 300);
    made.options.threads = 1 + static_cast<int>(random() % 3);
    const std::string expected = tests::outcome(made.options, limits, nullptr, without_statistics);
    std::vector<Moment> moments;
    const std::int64_t blocks = std::ssize(made.content) / limits.block_bytes;
    const std::string kept = read(made.options, limits, moments, [&] {
      return blocks < 8 || static_cast<std::int64_t>(random()) % (blocks / 4) == 0;
    });
    ASSERT_TRUE(kept == expected) << tests::difference(kept, expected) << "case " << i;
    inside += moments.size() > 2 ? 1 : 0;
    for (const Moment& moment : moments) {
      made.options.threads = 1 + static_cast<int>(random() % 3);
      const std::string found = go_on(made.options, limits, moment);
      ASSERT_TRUE(found == expected) << tests::difference(found, expected) << "case " << i << " of "
                                     << moments.size() << " states:\n"
                                     << made.content;
      ++resumed;
    }
  }
  EXPECT_GT(resumed, 400);
  EXPECT_GT(inside, 50);
}

TEST_F(KeptReads, RowsThatAreGoneAreMissed) {
  ReadOptions options;
  options.paths = {folder_.write("a.csv", "x,y\n1,2\n3,4\n5,6\n")};
  options.targets = {"y"};
  options.target_kind = TargetKind::numbers;
  std::vector<Moment> moments;
  static_cast<void>(read(options, {}, moments, [] { return true; }));
  ASSERT_FALSE(moments.empty());
  fs::resize_file(moments.back().folder + "/features.rows", 3);
  const std::string said = go_on(options, {}, moments.back());
  EXPECT_NE(said.find("features.rows has not all of its 3 rows"), std::string::npos) << said;
}

// The progress function is how a caller gives up.
TEST_F(KeptReads, SaveWhereTheyAreGivenUp) {
  std::string text = "x,y\n";
  while (text.size() < (std::size_t{4} << 20)) {
    text += "1.25,2.5\n";
  }
  ReadOptions options;
  options.paths = {folder_.write("a.csv", text)};
  options.targets = {"y"};
  options.target_kind = TargetKind::numbers;
  struct Enough {};
  std::string state;
  KeptRead kept;
  kept.folder = fresh("rows");
  kept.is_due = [] { return false; };
  kept.save = [&](const std::string& saved) { state = saved; };
  const ReadProgress give_up = [](const ReadState& now) {
    if (now.rows > 100'000) {
      throw Enough{};
    }
  };
  EXPECT_THROW(
      static_cast<void>(read_csv(options, without_statistics, give_up, nullptr, {}, &kept)),
      Enough);
  ASSERT_FALSE(state.empty());
  std::int64_t first = -1;
  kept.resumed = state;
  const ReadRows rows = read_csv(
      options, without_statistics,
      [&](const ReadState& now) { first = first < 0 ? now.rows : first; }, nullptr, {}, &kept);
  EXPECT_GT(first, 100'000);
  EXPECT_EQ(tests::text_of(*rows.rows, 4096), tests::text_of(*read_rows(options, {}).rows, 4096));
}

// Where the scanner reads some rows of every block, too.
TEST_F(KeptReads, AnEndFromOutsideLeavesAState) {
  std::string content = "a,c,y\n";
  constexpr int rows = 200'000;
  for (int i = 0; i < rows; ++i) {
    content += std::to_string(i) + (i % 100 == 7 ? ",\"say \"\"hi\"\"\"," : ",quiet,") +
               std::to_string(i % 11) + "\n";
  }
  ReadOptions options;
  options.paths = {folder_.write("a.csv", content)};
  options.targets = {"y"};
  options.categorical = {"c"};
  options.threads = 2;
  struct GivenUp {};
  for (int calls = 1; calls <= 3; ++calls) {
    std::vector<Moment> moments;
    KeptRead kept;
    kept.folder = fresh("rows");
    kept.is_due = [] { return false; };
    kept.save = [&](const std::string& state) { moments.push_back({state, kept.folder}); };
    int told = 0;
    const ReadProgress progress = [&](const ReadState& /*state*/) {
      if (++told == calls) {
        throw GivenUp{};
      }
    };
    EXPECT_THROW(
        static_cast<void>(read_csv(options, without_statistics, progress, nullptr, {}, &kept)),
        GivenUp);
    ASSERT_EQ(moments.size(), 1U) << calls;
    EXPECT_EQ(go_on(options, {}, moments.back()),
              tests::outcome(options, {}, nullptr, without_statistics));
  }
}

}  // namespace
}  // namespace steepest::data
