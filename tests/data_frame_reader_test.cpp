// SPDX-License-Identifier: Apache-2.0
// However a compressed file is cut into members or frames, and however many threads read it: the
// bytes, and the error of a damaged one, are those of one decompressor that reads it from its
// start.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>
#include <mutex>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "src/data/block_queue.hpp"
#include "src/data/frame_reader.hpp"
#include "steepest/error.hpp"
#include "tests/packed.hpp"
#include "tests/read_outcome.hpp"
#include "tests/temporary_folder.hpp"

namespace steepest::data {
namespace {

using tests::bgzf_member;
using tests::gzip;
using tests::skippable_frame;
using tests::zstd;
using tests::zstd_stream;

std::string table(int rows = 1000) {
  std::string text = "a,b,y\n";
  for (int i = 0; i < rows; ++i) {
    text += fmt::format("{},{},{}\n", i * 0.37 * (1 + i % 7), i * 7919 % 1000, i % 5);
  }
  return text;
}

// Every piece of `bytes` bytes packed on its own.
template <class Pack>
std::string in_pieces(std::string_view text, std::size_t bytes, Pack pack) {
  std::string packed;
  for (std::size_t at = 0; at < text.size(); at += bytes) {
    packed += pack(text.substr(at, bytes));
  }
  return packed;
}

std::string bgzf(std::string_view text, std::size_t bytes = 4000) {
  return in_pieces(text, bytes, [](std::string_view piece) { return bgzf_member(piece); });
}

std::string zstd_frames(std::string_view text, std::size_t bytes = 4000) {
  return in_pieces(text, bytes, zstd);
}

struct Layout {
  std::string name;
  std::string packed;
};

// Files that hold `text`, whole and in order.
std::vector<Layout> sound_layouts(const std::string& text) {
  const std::string_view all = text;
  const std::string_view begin = all.substr(0, all.size() / 3);
  const std::string_view rest = all.substr(all.size() / 3);
  const std::string bgzf_end = bgzf_member("");
  const auto piece_and_nothing = [](std::string_view piece) {
    return bgzf_member("") + bgzf_member(piece) + bgzf_member("");
  };
  const auto every_frame = [](std::string_view piece) {
    return skippable_frame("index", 9) + zstd("") + zstd_stream(piece) + zstd_stream("");
  };
  return {
      {"gzip", gzip(text)},
      {"gzip members", in_pieces(text, 3000, gzip)},
      {"bgzf", bgzf(text) + bgzf_end},
      {"bgzf without its end", bgzf(text)},
      {"bgzf, one member", bgzf(text, text.size())},
      {"bgzf, padded", bgzf(text) + bgzf_end + std::string(700, '\0')},
      {"bgzf, many ends", bgzf(text) + bgzf_end + bgzf_end + bgzf_end},
      {"bgzf, empty members", in_pieces(text, 2500, piece_and_nothing)},
      {"bgzf of bytes", bgzf(all.substr(0, 40), 1) + bgzf(all.substr(40))},
      {"bgzf, then gzip", bgzf(begin) + gzip(rest)},
      {"gzip, then bgzf", gzip(begin) + bgzf(rest)},
      {"zstd", zstd(text)},
      {"zstd stream", zstd_stream(text)},
      {"zstd frames", zstd_frames(text)},
      {"zstd stream frames", in_pieces(text, 5000, [](auto piece) { return zstd_stream(piece); })},
      {"zstd, wide window", zstd_frames(begin) + zstd_stream(rest, 27) + zstd("")},
      {"zstd of bytes", zstd_frames(all.substr(0, 40), 1) + zstd_frames(all.substr(40))},
      {"zstd, all kinds", skippable_frame("") + in_pieces(text, 3333, every_frame)},
      {"zstd, runs of one byte", zstd_frames(begin) + zstd(rest)},
      {"zstd, skippable ends", skippable_frame(std::string(5000, '\x28')) + zstd_frames(text) +
                                   skippable_frame(std::string(9000, '\xB5'), 15)},
  };
}

// Files that end in an error, or whose headers lie.
std::vector<Layout> odd_layouts(const std::string& text) {
  const std::string_view all = text;
  const std::string_view begin = all.substr(0, all.size() / 3);
  const std::string_view rest = all.substr(all.size() / 3);
  const auto next = static_cast<int>(bgzf_member(all.substr(0, 4000)).size());
  std::string wrong_sum = bgzf(text);
  wrong_sum[wrong_sum.size() - 6] ^= 1;
  std::vector<Layout> layouts = {
      {"garbage behind bgzf", bgzf(text) + "garbage"},
      {"garbage behind the padding", bgzf(text) + std::string(100, '\0') + "garbage"},
      {"garbage behind zstd", zstd_frames(text) + "garbage"},
      {"zeros behind zstd", zstd_frames(text) + std::string(100, '\0')},
      {"a wrong sum", wrong_sum},
      {"a wrong sum amid", wrong_sum + bgzf(text)},
      {"a huge skippable frame", zstd_frames(text) + "\x50\x2A\x4D\x18\xFF\xFF\xFF\xFF...."},
      {"a reserved block", zstd_frames(text) + zstd("").substr(0, 6) + "\x07zz"},
  };
  for (const int lie : {-1, 1, -next / 2, next / 2, next, 3 * next, -1'000'000}) {
    const std::string member = bgzf_member(begin, lie);
    layouts.push_back({fmt::format("a member that lies by {}", lie), member + bgzf(rest)});
    layouts.push_back({fmt::format("the last member lies by {}", lie), bgzf(rest) + member});
    layouts.push_back({fmt::format("members that lie by {}", lie),
                       bgzf(begin) + in_pieces(rest, 4000, [&](std::string_view piece) {
                         return bgzf_member(piece, lie);
                       })});
  }
  return layouts;
}

struct Bytes {
  std::string bytes;
  std::string error;
  std::int64_t file_bytes = 0;
};

Bytes read_serially(const std::string& path) {
  Bytes read;
  ByteSource source(path);
  std::vector<char> buffer(997);
  try {
    for (std::int64_t got = 1; got > 0;) {
      got = source.read(buffer.data(), static_cast<std::int64_t>(buffer.size()));
      read.bytes.append(buffer.data(), static_cast<std::size_t>(got));
    }
  } catch (const InputError& error) {
    read.error = error.what();
  }
  read.file_bytes = source.file_bytes();
  return read;
}

// The head by itself, then blocks.
Bytes read_by_threads(const std::string& path, std::int64_t head_bytes, const ReaderLimits& limits,
                      int threads) {
  ByteSource source(path);
  Bytes read;
  std::vector<char> buffer(static_cast<std::size_t>(head_bytes));
  std::int64_t head = 0;
  try {
    head = source.read(buffer.data(), head_bytes);
  } catch (const InputError& error) {
    read.error = error.what();
    return read;
  }
  read.bytes.assign(buffer.data(), static_cast<std::size_t>(head));
  BlockQueue queue(source, {}, head, limits, threads);
  std::mutex mutex;
  std::map<std::int64_t, Bytes> blocks;
  const auto work = [&] {
    Block block;
    for (bool more = true; more;) {
      Bytes taken;
      try {
        more = queue.take(block);
        taken.bytes = more ? block.view() : "";
      } catch (const InputError& error) {
        taken.error = error.what();
        more = false;
      }
      const std::lock_guard lock(mutex);
      EXPECT_TRUE(blocks.emplace(block.number(), taken).second);
    }
  };
  {
    std::vector<std::jthread> pool;
    pool.reserve(static_cast<std::size_t>(threads));
    for (int i = 0; i < threads; ++i) {
      pool.emplace_back(work);
    }
  }
  bool was_last = false;
  for (const auto& [number, block] : blocks) {
    EXPECT_TRUE(!was_last || block.bytes.empty()) << "block " << number;
    was_last = static_cast<std::int64_t>(block.bytes.size()) < limits.block_bytes;
    read.bytes += block.bytes;
    read.error = read.error.empty() ? block.error : read.error;
  }
  read.file_bytes = source.file_bytes();
  return read;
}

class FrameReading : public testing::TestWithParam<int> {
 protected:
  // For each way of cutting it. Returns what was read.
  Bytes expect_same(const Layout& layout) {
    const std::string path = folder.write("d.csv", layout.packed);
    Bytes expected = read_serially(path);
    for (const std::int64_t stretch_bytes : {1, 3000, 1 << 19}) {
      for (const std::int64_t block_bytes : {61, 4096, 1 << 16}) {
        ReaderLimits limits;
        limits.block_bytes = block_bytes;
        limits.stretch_bytes = stretch_bytes;
        limits.ahead_bytes = stretch_bytes == 1 ? 1 : limits.ahead_bytes;
        const std::int64_t head = 1 + static_cast<std::int64_t>(random() % 3000);
        const Bytes found = read_by_threads(path, head, limits, GetParam());
        const std::string where = fmt::format("{}: stretches of {}, blocks of {}, head of {}",
                                              layout.name, stretch_bytes, block_bytes, head);
        EXPECT_TRUE(found.bytes == expected.bytes)
            << where << ": " << found.bytes.size() << " bytes, not " << expected.bytes.size();
        EXPECT_EQ(found.error, expected.error) << where;
        if (expected.error.empty()) {
          EXPECT_EQ(found.file_bytes, static_cast<std::int64_t>(layout.packed.size())) << where;
        }
      }
    }
    return expected;
  }

  tests::TemporaryFolder folder;
  std::mt19937 random{20261122};
};

TEST_P(FrameReading, GivesWhatTheFileHolds) {
  const std::string text = table();
  for (const Layout& layout : sound_layouts(text)) {
    const Bytes read = expect_same(layout);
    EXPECT_TRUE(read.bytes == text) << layout.name << ": " << read.error;
    EXPECT_EQ(read.error, "") << layout.name;
  }
}

TEST_P(FrameReading, SaysTheSameOfOddFiles) {
  const std::string text = table();
  int errors = 0;
  for (const Layout& layout : odd_layouts(text)) {
    const Bytes read = expect_same(layout);
    errors += read.error.empty() ? 0 : 1;
    // Sizes are advice: a wrong one makes no file unreadable.
    EXPECT_EQ(read.error.empty(), layout.name.find(" lie") != std::string::npos) << layout.name;
  }
  EXPECT_EQ(errors, 8);
}

TEST_P(FrameReading, SaysTheSameOfFilesCutShort) {
  const std::string text = table();
  for (const Layout& layout : sound_layouts(text)) {
    for (const std::size_t left_out : {std::size_t{1}, std::size_t{40},
                                       static_cast<std::size_t>(random() % layout.packed.size())}) {
      const std::size_t size = std::max<std::size_t>(layout.packed.size() - left_out, 4);
      expect_same({layout.name + " cut", layout.packed.substr(0, size)});
    }
  }
}

TEST_P(FrameReading, SaysTheSameOfDamagedFiles) {
  const std::string text = table(700);
  int errors = 0;
  for (const Layout& layout : sound_layouts(text)) {
    for (int i = 0; i < 4; ++i) {
      std::string packed = layout.packed;
      const std::size_t at = 4 + random() % (packed.size() - 4);
      packed[at] = static_cast<char>(packed[at] ^ (1U << random() % 8));
      errors +=
          expect_same({fmt::format("{} damaged at {}", layout.name, at), packed}).error.empty() ? 0
                                                                                                : 1;
    }
  }
  EXPECT_GT(errors, 30);
}

// Longer than the decompressors' buffers, so that damage is met at different places of them.
TEST_P(FrameReading, SaysTheSameOfLargeDamagedFiles) {
  std::string text;
  while (text.size() < 1'500'000) {
    text += std::to_string(random()) + '\n';
  }
  const auto in_frames = [&](std::size_t bytes, auto pack) { return in_pieces(text, bytes, pack); };
  const auto pack_stream = [](std::string_view piece) { return zstd_stream(piece, 20); };
  for (const Layout& layout :
       {Layout{"bgzf", bgzf(text, 60'000)}, Layout{"zstd", in_frames(300'000, zstd)},
        Layout{"zstd stream", in_frames(400'000, pack_stream)}}) {
    ASSERT_GT(layout.packed.size(), 600'000U);
    for (int i = 0; i < 8; ++i) {
      std::string packed = layout.packed;
      const std::size_t at = packed.size() / 2 + random() % (packed.size() / 2);
      packed[at] = static_cast<char>(packed[at] ^ (1U << random() % 8));
      const std::string path = folder.write("d.csv", packed);
      const Bytes expected = read_serially(path);
      ReaderLimits limits;
      limits.block_bytes = 100'000;
      limits.stretch_bytes = 1;
      const Bytes found = read_by_threads(path, 1000, limits, GetParam());
      EXPECT_TRUE(found.bytes == expected.bytes)
          << layout.name << " damaged at " << at << ": " << found.bytes.size() << " bytes, not "
          << expected.bytes.size();
      EXPECT_EQ(found.error, expected.error) << layout.name << " damaged at " << at;
    }
  }
}

TEST_P(FrameReading, GivesTheSameDataset) {
  const std::string text = table();
  ReadOptions options;
  options.paths = {folder.write("d.csv", text)};
  options.targets = {"y"};
  options.threads = GetParam();
  ReaderLimits limits;
  limits.head_bytes = 500;
  limits.block_bytes = 700;
  limits.stretch_bytes = 900;
  ReaderLimits scalar = limits;
  scalar.scalar = true;
  const std::string expected = tests::outcome(options, limits, nullptr);
  ASSERT_TRUE(expected.starts_with("1000 rows")) << expected;
  for (const Layout& layout : sound_layouts(text)) {
    options.paths = {folder.write("d.csv", layout.packed)};
    EXPECT_TRUE(tests::outcome(options, limits, nullptr) == expected) << layout.name;
  }
  for (const Layout& layout : odd_layouts(text)) {
    options.paths = {folder.write("d.csv", layout.packed)};
    EXPECT_EQ(tests::outcome(options, limits, nullptr), tests::outcome(options, scalar, nullptr))
        << layout.name;
  }
}

// A row that is wrong is told before damage behind it, damage before a wrong row behind it.
TEST_P(FrameReading, TellsTheEarliestError) {
  const std::string good = table();
  const std::string bad = "1,oops,2\n";
  ReadOptions options;
  options.targets = {"y"};
  options.threads = GetParam();
  ReaderLimits limits;
  limits.head_bytes = 500;
  limits.block_bytes = 1000;
  limits.stretch_bytes = 1;
  options.paths = {folder.write("d.csv", bgzf(good + bad) + "garbage" + bgzf(good))};
  EXPECT_NE(tests::outcome(options, limits, nullptr).find("oops"), std::string::npos);
  options.paths = {folder.write("d.csv", bgzf(good) + "garbage" + bgzf(bad + good))};
  EXPECT_NE(tests::outcome(options, limits, nullptr).find("are damaged"), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(Threads, FrameReading, testing::Values(1, 2, 3, 8),
                         testing::PrintToStringParamName());

// How many stretches a file is cut into: nothing else shows it but the time it takes.
std::int64_t stretches_of(const std::string& packed) {
  const tests::TemporaryFolder folder;
  ByteSource source(folder.write("d.csv", packed));
  std::vector<char> buffer(100);
  source.read(buffer.data(), 100);
  ReaderLimits limits;
  limits.stretch_bytes = 1;
  FrameReader reader(source, limits, 2);
  std::mutex mutex;
  std::unique_lock lock(mutex);
  do {
    reader.make_ready(lock, 100);
  } while (reader.take(buffer.data(), 100) > 0);
  return reader.stretches();
}

TEST(FrameReader, CutsBetweenMembersAndFrames) {
  const std::string text = table();
  const auto pieces = static_cast<std::int64_t>((text.size() + 3999) / 4000);
  ASSERT_GT(pieces, 3);
  const std::int64_t end_of_file = 1;
  EXPECT_EQ(stretches_of(bgzf(text)), pieces + end_of_file);
  EXPECT_EQ(stretches_of(zstd_frames(text)), pieces + end_of_file);
  EXPECT_EQ(stretches_of(zstd_frames(text) + skippable_frame("index")), pieces + 1 + end_of_file);
  EXPECT_EQ(stretches_of(gzip(text)), 1);
  EXPECT_EQ(stretches_of(bgzf(text) + gzip(text) + bgzf(text)), pieces + 1);
  EXPECT_EQ(stretches_of(zstd(text)), 1 + end_of_file);
}

}  // namespace
}  // namespace steepest::data
