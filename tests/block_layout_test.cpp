// SPDX-License-Identifier: Apache-2.0
// What one block of threads is given, and the line beyond which it is refused.
#include "kernels/block_layout.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "steepest/error.hpp"
#include "tests/thrown.hpp"

namespace steepest::tests {
namespace {

using kernels::block_layout;
using kernels::BlockLayout;
using kernels::BlockProblem;

constexpr std::int64_t scratch = 1024;
constexpr std::int64_t hopper_bytes = 232448;

BlockProblem problem_of(std::int64_t features, std::int64_t outputs, std::int64_t batch,
                        std::int64_t value_bytes) {
  const std::int64_t vector = 16 / value_bytes;
  return {outputs, features, (features + vector) / vector * vector, batch, value_bytes, true, true};
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
      {layout.scores, problem.batch * problem.outputs * problem.value_bytes},
      {layout.indexes, 2 * problem.batch * 8}};
  for (const std::int32_t array : layout.arrays) {
    if (array >= 0) {
      parts.push_back({array, elements * 8});
    }
  }
  return parts;
}

TEST(BlockLayout, PartsAreAlignedApartAndWithinTheMemory) {
  for (const std::int64_t features : {1, 2, 3, 28, 255, 256, 784, 5000}) {
    for (const std::int64_t outputs : {1, 2, 3, 4, 10, 100}) {
      for (const std::int64_t batch : {1, 32, 257, 1024}) {
        for (const std::int64_t value_bytes : {4, 8}) {
          const BlockProblem problem = problem_of(features, outputs, batch, value_bytes);
          BlockLayout layout;
          try {
            layout = block_layout(problem, scratch, hopper_bytes);
          } catch (const OptionError&) {
            EXPECT_GT(2 * outputs * features * value_bytes + batch * outputs * value_bytes,
                      hopper_bytes / 2);
            continue;
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
