// SPDX-License-Identifier: Apache-2.0
// A read that goes on from any of its states says what one says that was never stopped.
#include <gtest/gtest.h>
#include <zlib.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "src/data/kept_read.hpp"
#include "src/data/place_sum.hpp"
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

// One bit, in any of the files, at any place that counts; behind it bytes may be anything.
TEST_F(KeptReads, RowsThatAreNotWhatWasWrittenAreSeen) {
  std::string text = "x,w,c,y\n";
  for (int i = 0; i < 300; ++i) {
    text += (i % 7 == 0 ? "bad" : std::to_string(i)) + ",1,red," + (i % 2 == 0 ? "a\n" : "b\n");
  }
  ReadOptions options;
  options.paths = {folder_.write("a.csv", text)};
  options.weight = "w";
  options.categorical = {"c"};
  options.bad_rows = BadRowPolicy::skip;
  options.rejects_path = folder_.path("bad.csv");
  Random random(7);
  for (const bool classes : {true, false}) {
    options.target_kind = classes ? TargetKind::classes : TargetKind::numbers;
    options.targets = {classes ? "y" : "x"};
    options.features = {"c"};
    if (classes) {
      options.features.emplace_back("x");
    }
    std::vector<Moment> moments;
    static_cast<void>(read(options, {}, moments, [] { return true; }));
    ASSERT_FALSE(moments.empty());
    const Moment& last = moments.back();
    const std::string whole = go_on(options, {}, last);
    int files = 0;
    for (const auto& entry : fs::directory_iterator(last.folder)) {
      const std::string name = entry.path().filename().string();
      ++files;
      const auto size = fs::file_size(entry.path());
      ASSERT_GT(size, 100U) << name;
      std::fstream file(entry.path(), std::ios::binary | std::ios::in | std::ios::out);
      file.seekp(0, std::ios::end);
      file << "more";
      const auto at = static_cast<std::streamoff>(random() % size);
      file.seekg(at);
      const auto was = static_cast<char>(file.get());
      file.seekp(at);
      file.put(static_cast<char>(was ^ 16));
      file.flush();
      const std::string said = go_on(options, {}, last);
      EXPECT_NE(said.find(name + " is damaged"), std::string::npos) << said;
      EXPECT_NE(said.find("remove the folder of --checkpoint"), std::string::npos) << said;
      file.seekp(at);
      file.put(was);
      file.flush();
      EXPECT_EQ(go_on(options, {}, last), whole) << name;
    }
    EXPECT_EQ(files, 4) << "features, targets or labels, weights, rejects";
  }
}

// The sum is that of words and their places, whatever pieces they come in.
TEST(PlaceSums, TellWordsAndPlacesButNoPieces) {
  const std::vector<float> words = {0.0F, 1.0F, 0.0F, 2.0F, 2.0F, -1.0F};
  constexpr std::int64_t word = 4;
  const auto sum_of = [](const std::vector<float>& all) {
    PlaceSum sum;
    sum.add(all.data(), std::ssize(all) * word, 0);
    return sum.value();
  };
  PlaceSum pieces;
  pieces.add(words.data() + 3, 3 * word, 3 * word);
  pieces.add(words.data(), 1 * word, 0);
  pieces.add(words.data() + 1, 2 * word, 1 * word);
  EXPECT_EQ(pieces.value(), sum_of(words));
  for (const std::vector<float>& other :
       {std::vector{1.0F, 0.0F, 0.0F, 2.0F, 2.0F, -1.0F}, std::vector{0.0F, 1.0F, 0.0F, 2.0F, 2.0F},
        std::vector{0.0F, 1.0F, 0.0F, 2.0F, 2.0F, 1.0F},
        std::vector{0.0F, 0.0F, 1.0F, 0.0F, 2.0F, 2.0F, -1.0F},
        std::vector{0.0F, 1.0F, 0.0F, 2.0F, 2.0F, -1.0F, 0.0F}}) {
    EXPECT_NE(sum_of(other), sum_of(words));
  }
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
