// SPDX-License-Identifier: Apache-2.0
// Where members and frames end, held against what made them and against libzstd.
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "src/data/frame_finder.hpp"
#include "tests/packed.hpp"
#include "tests/temporary_folder.hpp"

namespace steepest::data {
namespace {

using tests::bgzf_member;
using tests::gzip;
using tests::skippable_frame;
using tests::zstd;
using tests::zstd_stream;

std::string numbers(std::size_t bytes) {
  std::string text;
  for (int i = 0; text.size() < bytes; ++i) {
    text += std::to_string(i * 7919 % 10007) + '\n';
  }
  return text;
}

std::vector<std::int64_t> ends_of_frames(const std::string& packed) {
  const tests::TemporaryFolder folder;
  const ByteSource source(folder.write("d.csv", packed));
  FrameFinder finder(source);
  std::vector<std::int64_t> ends;
  for (std::optional<std::int64_t> end = finder.end_of_frame(0); end;
       end = finder.end_of_frame(ends.back())) {
    ends.push_back(*end);
  }
  return ends;
}

TEST(FrameFinder, KnowsTheMembersOfBgzf) {
  const std::string text = numbers(60'000);
  std::string packed;
  std::vector<std::int64_t> expected;
  for (const std::size_t bytes : {100, 0, 1, 60'000, 7}) {
    packed += bgzf_member(text.substr(0, bytes));
    expected.push_back(static_cast<std::int64_t>(packed.size()));
  }
  EXPECT_EQ(ends_of_frames(packed), expected);
  EXPECT_EQ(ends_of_frames(packed + gzip("more")), expected);
  EXPECT_EQ(ends_of_frames(packed + bgzf_member("more").substr(0, 17)), expected);
}

TEST(FrameFinder, SaysWhatLibzstdSays) {
  const std::string text = numbers(400'000);  // of several blocks
  std::string packed;
  std::vector<std::int64_t> expected;
  for (const std::string& frame :
       {zstd(text), zstd_stream(text), zstd(""), zstd_stream(""), zstd(std::string(1 << 20, 'a')),
        skippable_frame("12345", 7), zstd(text.substr(0, 1)), zstd(text.substr(0, 300)),
        zstd_stream(text, 20), skippable_frame(""), zstd_stream(text, 25)}) {
    EXPECT_EQ(ZSTD_findFrameCompressedSize(frame.data(), frame.size()), frame.size());
    packed += frame;
    expected.push_back(static_cast<std::int64_t>(packed.size()));
  }
  EXPECT_EQ(ends_of_frames(packed), expected);
  EXPECT_EQ(ends_of_frames(packed + "more"), expected);
  EXPECT_EQ(ends_of_frames(packed + zstd_stream(text, 26)), expected);  // a window of 64 MB
}

}  // namespace
}  // namespace steepest::data
