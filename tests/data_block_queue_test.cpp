// SPDX-License-Identifier: Apache-2.0
// Blocks: every byte once, in order, and never more than was asked for in one of them.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "src/data/block_queue.hpp"
#include "tests/packed.hpp"
#include "tests/temporary_folder.hpp"

namespace steepest::data {
namespace {

// What was read before the queue, as the head of a file is, may be much longer than a block: a
// block of it all would take many times its size to parse.
TEST(BlockQueue, CutsWhatWasReadBefore) {
  std::string text;
  for (int i = 0; i < 1000; ++i) {
    text += std::to_string(i) + "\n";
  }
  ASSERT_EQ(text.size(), 3890U);
  const tests::TemporaryFolder folder;
  ReaderLimits limits;
  limits.block_bytes = 500;
  for (const std::string& packed : {text, tests::zstd(text), tests::gzip(text)}) {
    for (const std::int64_t begun : {0, 1, 499, 500, 501, 2300, 3890}) {
      ByteSource source(folder.write("d.csv", packed));
      std::vector<char> read(3890);
      for (std::int64_t have = 0; have < begun;) {
        have += source.read(read.data() + have, begun - have);
      }
      BlockQueue queue(source, std::string(read.data(), static_cast<std::size_t>(begun)), begun,
                       limits, 1);
      std::string found;
      std::vector<std::uint32_t> sizes;
      Block block;
      while (queue.take(block)) {
        EXPECT_EQ(block.number(), static_cast<std::int64_t>(sizes.size()));
        found += block.view();
        sizes.push_back(block.size());
      }
      EXPECT_TRUE(found == text) << found.size();
      for (std::size_t i = 0; i < sizes.size(); ++i) {
        EXPECT_LE(sizes[i], 500U);
        EXPECT_TRUE(i == 0 || i + 1 == sizes.size() || sizes[i] == 500U) << i << ": " << sizes[i];
      }
    }
  }
}

}  // namespace
}  // namespace steepest::data
