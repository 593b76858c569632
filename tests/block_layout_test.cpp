// SPDX-License-Identifier: Apache-2.0
// What one block of threads is given, and the line beyond which it is refused.
#include "kernels/block_layout.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <vector>

#include "steepest/error.hpp"
#include "tests/thrown.hpp"

namespace steepest::tests {
namespace {

using kernels::block_layout;
using kernels::BlockLayout;
using kernels::BlockProblem;
using kernels::BlockSharing;

constexpr std::int64_t scratch = 1024;
constexpr std::int64_t hopper_bytes = 232448;

BlockProblem problem_of(std::int64_t features, std::int64_t outputs, std::int64_t batch,
                        std::int64_t value_bytes, BlockSharing sharing = BlockSharing::none) {
  constexpr std::int64_t multiprocessors = 132;
  const std::int64_t vector = 16 / value_bytes;
  return {outputs, features,    (features + vector) / vector * vector,
          batch,   value_bytes, true,
          true,    sharing,     multiprocessors};
}

// Parts that a layout hands out, in bytes.
struct Part {
  std::int64_t first;
  std::int64_t size;
};

std::vector<Part> parts_of(const BlockProblem& problem, const BlockLayout& layout) {
  const std::int64_t elements = problem.outputs * (problem.features + 1);
  std::vector<Part> parts = {
      {0, scratch},
      {layout.weights, problem.outputs * problem.pitch * problem.value_bytes},
      {layout.gradient, elements * problem.value_bytes},
      {layout.scores, layout.rows * problem.outputs * problem.value_bytes},
      {layout.indexes, 2 * layout.rows * 8}};
  if (layout.ranks > 1) {
    const bool in_cluster = layout.sharing == BlockSharing::cluster;
    const std::int64_t count = in_cluster ? layout.halves * elements : layout.threads;
    parts.insert(parts.begin() + 3, {layout.partials, count * problem.value_bytes});
  }
  for (const std::int32_t array : layout.arrays) {
    if (array >= 0) {
      parts.push_back({array, elements * 8});
    }
  }
  return parts;
}

void expect_parts_apart(const BlockProblem& problem) {
  BlockLayout layout;
  try {
    layout = block_layout(problem, scratch, hopper_bytes);
  } catch (const OptionError&) {
    EXPECT_GT((2 * problem.features + problem.batch) * problem.outputs * problem.value_bytes,
              hopper_bytes / 2);
    return;
  }
  std::int64_t end = 0;
  for (const Part& part : parts_of(problem, layout)) {
    EXPECT_EQ(part.first % 16, 0);
    EXPECT_GE(part.first, end);
    end = part.first + part.size;
  }
  EXPECT_LE(end, layout.bytes);
  EXPECT_LE(layout.bytes, hopper_bytes);
  EXPECT_EQ(layout.threads % 32, 0);
  EXPECT_GE(layout.threads, 32);
  EXPECT_LE(layout.threads, kernels::most_block_threads);
  EXPECT_EQ(32 % layout.row_lanes, 0);
  EXPECT_GE(layout.row_lanes, 4);
}

TEST(BlockLayout, PartsAreAlignedApartAndWithinTheMemory) {
  for (const std::int64_t features : {1, 2, 3, 28, 255, 256, 784, 5000}) {
    for (const std::int64_t outputs : {1, 2, 3, 4, 10, 100}) {
      for (const std::int64_t batch : {1, 32, 257, 1024}) {
        for (const std::int64_t value_bytes : {4, 8}) {
          for (const BlockSharing sharing :
               {BlockSharing::none, BlockSharing::cluster, BlockSharing::grid}) {
            expect_parts_apart(problem_of(features, outputs, batch, value_bytes, sharing));
          }
        }
      }
    }
  }
}

// 784 features and 10 classes in float: weights, gradient and two arrays of doubles of the four.
TEST(BlockLayout, ArraysAreGivenWhatIsLeftInTheirOrder) {
  const BlockLayout layout = block_layout(problem_of(784, 10, 32, 4), scratch, hopper_bytes);
  EXPECT_GE(layout.arrays[0], 0);
  EXPECT_GE(layout.arrays[1], 0);
  EXPECT_EQ(layout.arrays[2], -1);
  EXPECT_EQ(layout.arrays[3], -1);
  EXPECT_EQ(layout.arrays[4], -1);
  EXPECT_EQ(layout.threads, 512);
  EXPECT_EQ(layout.tile_outputs, 5);
  EXPECT_EQ(layout.thread_columns, 4);
}

// A cluster's blocks have 64 rows each at least, and all of them room for all arrays.
TEST(BlockLayout, ClustersShareABatch) {
  const auto of = [](std::int64_t batch, std::int64_t features, std::int64_t outputs) {
    BlockProblem problem = problem_of(features, outputs, batch, 4, BlockSharing::cluster);
    problem.has_second = problem.remembers = false;
    return block_layout(problem, scratch, hopper_bytes);
  };
  EXPECT_EQ(of(127, 28, 1).ranks, 1);
  EXPECT_EQ(of(128, 28, 1).ranks, 2);
  EXPECT_EQ(of(300, 28, 1).ranks, 4);
  EXPECT_EQ(of(300, 28, 1).rows, 75);
  EXPECT_EQ(of(8192, 28, 1).ranks, 8);
  EXPECT_EQ(of(8192, 28, 1).rows, 1024);
  EXPECT_EQ(of(8192, 28, 1).halves, 2);
  EXPECT_EQ(of(1024, 784, 10).ranks, 8);
  EXPECT_EQ(of(1024, 784, 10).halves, 1);
  EXPECT_TRUE(of(1024, 784, 10).holds_all);
  EXPECT_EQ(of(1024, 900, 10).ranks, 1);  // no room for two gradients
  EXPECT_EQ(thrown_message<OptionError>([&] { return of(8193, 28, 1); }),
            "engine block takes batches of at most 8192 rows, not 8193: use --engine products");
  EXPECT_EQ(thrown_message<OptionError>([&] { return of(2000, 900, 10); }),
            "engine block shares a batch of more than 1024 rows among blocks that each keep the "
            "model, and all that its rule and schedule remember, in their shared memory: 900 "
            "features and 10 outputs do not fit into 232448 bytes; use --engine products");
}

// Those of a grid have 16 rows each at least, and are no more than run at the same time.
TEST(BlockLayout, AGridSharesABatch) {
  const auto of = [](std::int64_t batch, std::int64_t multiprocessors) {
    BlockProblem problem = problem_of(28, 3, batch, 4, BlockSharing::grid);
    problem.multiprocessors = multiprocessors;
    return block_layout(problem, scratch, hopper_bytes);
  };
  EXPECT_EQ(of(31, 132).ranks, 1);
  EXPECT_EQ(of(31, 132).sharing, BlockSharing::none);
  EXPECT_EQ(of(32, 132).ranks, 2);
  EXPECT_EQ(of(32, 132).sharing, BlockSharing::grid);
  EXPECT_EQ(of(2047, 132).ranks, 64);
  EXPECT_EQ(of(2048, 132).ranks, 128);
  EXPECT_EQ(of(2048, 108).ranks, 64);
  EXPECT_EQ(of(1024, 1).ranks, 1);
  EXPECT_EQ(of(131'072, 132).rows, 1024);
  EXPECT_EQ(thrown_message<OptionError>([&] { return of(131'073, 132); }),
            "engine grid takes batches of at most 131072 rows, not 131073: use --engine products");
}

TEST(BlockLayout, SaysTheLimit) {
  EXPECT_NO_THROW(static_cast<void>(block_layout(problem_of(28, 1, 1024, 4), scratch, 49152)));
  EXPECT_EQ(thrown_message<OptionError>(
                [] { return block_layout(problem_of(28, 1, 1025, 4), scratch, 49152); }),
            "engine block takes batches of at most 1024 rows, not 1025: use --engine products");
  // 1024 + 64 + 10 (788 + 785) 4 + 32 (40 + 16)
  const std::int64_t needed = 65800;
  EXPECT_NO_THROW(static_cast<void>(block_layout(problem_of(784, 10, 32, 4), scratch, needed)));
  EXPECT_EQ(thrown_message<OptionError>(
                [&] { return block_layout(problem_of(784, 10, 32, 4), scratch, needed - 1); }),
            "engine block keeps a model's parameters and gradient and a batch's scores in the "
            "shared memory of one block: 784 features, 10 outputs and 32 rows a step need 65800 "
            "bytes of 65799; use --engine products");
}

}  // namespace
}  // namespace steepest::tests
