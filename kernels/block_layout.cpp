// SPDX-License-Identifier: Apache-2.0
#include "kernels/block_layout.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "steepest/error.hpp"

namespace steepest::kernels {
namespace {

constexpr std::int64_t warp = 32;
constexpr std::int64_t tile_rows = 4;  // of a thread's scores
constexpr std::int64_t vector_bytes = 16;
constexpr std::int64_t fewest_threads = 128;

// Above this many columns of features there are enough for threads to take four at a time.
constexpr std::int64_t most_single_columns = 256;

std::int64_t blocks_of(std::int64_t count, std::int64_t size) { return (count + size - 1) / size; }

std::int32_t row_lanes(const BlockProblem& problem) {
  const std::int64_t vectors = problem.pitch * problem.value_bytes / vector_bytes;
  std::int32_t lanes = 4;
  while (lanes < warp && lanes < vectors) {
    lanes *= 2;
  }
  return lanes;
}

std::int32_t tile_outputs(std::int64_t outputs) { return outputs == 1 ? 1 : outputs <= 3 ? 3 : 5; }

// As many as the widest part of a step has work for.
std::int32_t thread_count(const BlockProblem& problem, const BlockLayout& layout) {
  const std::int64_t tiles = blocks_of(problem.outputs, layout.tile_outputs);
  const std::int64_t scoring = blocks_of(layout.rows, tile_rows) * tiles * layout.row_lanes;
  const std::int64_t columns = blocks_of(problem.features + 1, warp * layout.thread_columns);
  const std::int64_t widest = std::max(scoring, columns * tiles * warp);
  return static_cast<std::int32_t>(
      std::clamp<std::int64_t>(blocks_of(widest, warp) * warp, fewest_threads, most_block_threads));
}

// Hands out shared memory from the front.
class SharedMemory {
 public:
  SharedMemory(std::int64_t used, std::int64_t size) : used_(used), size_(size) {}

  std::int32_t take(std::int64_t bytes) {
    const std::int64_t first = used_;
    used_ += blocks_of(bytes, vector_bytes) * vector_bytes;
    return static_cast<std::int32_t>(first);
  }

  // -1 where they do not fit.
  std::int32_t take_if_free(std::int64_t bytes) {
    return used_ + blocks_of(bytes, vector_bytes) * vector_bytes <= size_ ? take(bytes) : -1;
  }

  [[nodiscard]] std::int64_t used() const { return used_; }

 private:
  std::int64_t used_;
  std::int64_t size_;
};

std::int64_t most_ranks(const BlockProblem& problem) {
  switch (problem.sharing) {
    case BlockSharing::none:
      return 1;
    case BlockSharing::cluster:
      return most_cluster_ranks;
    case BlockSharing::grid:
      break;
  }
  std::int64_t ranks = 1;
  while (ranks < most_grid_ranks && 2 * ranks <= problem.multiprocessors) {
    ranks *= 2;
  }
  return ranks;
}

std::int32_t ranks_worth(const BlockProblem& problem) {
  const std::int64_t fewest_rows =
      problem.sharing == BlockSharing::grid ? fewest_grid_rows : fewest_cluster_rows;
  std::int32_t ranks = 1;
  while (ranks < most_ranks(problem) && problem.batch >= 2 * fewest_rows * ranks) {
    ranks *= 2;
  }
  return ranks;
}

std::string_view engine_of(const BlockProblem& problem) {
  return problem.sharing == BlockSharing::grid ? "grid" : "block";
}

// What a block that is alone cannot do without.
std::int64_t bytes_needed(const BlockProblem& problem, const BlockLayout& layout,
                          std::int64_t scratch_bytes) {
  const std::int64_t stride = problem.features + 1;
  return scratch_bytes + 4 * vector_bytes +
         problem.outputs * (problem.pitch + stride) * problem.value_bytes +
         layout.rows * (problem.outputs * problem.value_bytes + 16);
}

BlockLayout layout_of_ranks(const BlockProblem& problem, std::int32_t ranks, std::int32_t halves,
                            std::int64_t scratch_bytes, std::int64_t shared_bytes) {
  BlockLayout layout;
  layout.sharing = ranks > 1 ? problem.sharing : BlockSharing::none;
  layout.ranks = ranks;
  layout.halves = halves;
  layout.rows = blocks_of(problem.batch, ranks);
  layout.row_lanes = row_lanes(problem);
  layout.tile_outputs = ranks > 1 && problem.outputs > 1 ? 5 : tile_outputs(problem.outputs);
  layout.thread_columns = ranks > 1 || problem.features + 1 > most_single_columns ? 4 : 1;
  layout.threads = thread_count(problem, layout);
  const std::int64_t elements = problem.outputs * (problem.features + 1);
  SharedMemory memory(scratch_bytes, shared_bytes);
  layout.weights = memory.take(problem.outputs * problem.pitch * problem.value_bytes);
  layout.gradient = memory.take(elements * problem.value_bytes);
  layout.partials =
      layout.sharing == BlockSharing::cluster ? memory.take(halves * elements * problem.value_bytes)
      : layout.sharing == BlockSharing::grid  ? memory.take(layout.threads * problem.value_bytes)
                                              : layout.gradient;
  layout.scores = memory.take(layout.rows * problem.outputs * problem.value_bytes);
  layout.indexes = memory.take(2 * layout.rows * static_cast<std::int64_t>(sizeof(std::int64_t)));
  const bool present[block_array_count] = {true, true, problem.has_second, problem.remembers,
                                           problem.remembers};
  for (int array = 0; array < block_array_count; ++array) {
    const std::int64_t bytes = elements * static_cast<std::int64_t>(sizeof(double));
    layout.arrays[array] = present[array] ? memory.take_if_free(bytes) : -1;
    layout.holds_all = layout.holds_all && (!present[array] || layout.arrays[array] >= 0);
  }
  layout.bytes = memory.used();
  return layout;
}

}  // namespace

BlockLayout block_layout(const BlockProblem& problem, std::int64_t scratch_bytes,
                         std::int64_t shared_bytes) {
  const bool over_grid = problem.sharing == BlockSharing::grid;
  for (std::int32_t ranks = ranks_worth(problem); ranks > 1; ranks /= 2) {
    for (std::int32_t halves = over_grid ? 1 : 2; halves >= 1; --halves) {
      const BlockLayout layout =
          layout_of_ranks(problem, ranks, halves, scratch_bytes, shared_bytes);
      if (layout.rows <= most_block_rows && layout.holds_all && layout.bytes <= shared_bytes) {
        return layout;
      }
    }
  }
  const BlockLayout layout = layout_of_ranks(problem, 1, 1, scratch_bytes, shared_bytes);
  if (layout.rows > most_block_rows && ranks_worth(problem) > 1 &&
      problem.batch <= most_ranks(problem) * most_block_rows) {
    throw OptionError(fmt::format(
        "engine {} shares a batch of more than {} rows among blocks that each keep the model, and "
        "all that its rule and schedule remember, in their shared memory: {} features and {} "
        "outputs do not fit into {} bytes; use --engine products",
        engine_of(problem), most_block_rows, problem.features, problem.outputs, shared_bytes));
  }
  if (layout.rows > most_block_rows) {
    throw OptionError(
        fmt::format("engine {} takes batches of at most {} rows, not {}: use --engine products",
                    engine_of(problem), most_ranks(problem) * most_block_rows, problem.batch));
  }
  const std::int64_t needed = bytes_needed(problem, layout, scratch_bytes);
  if (needed > shared_bytes) {
    throw OptionError(fmt::format(
        "engine {} keeps a model's parameters and gradient and a batch's scores in the shared "
        "memory of one block: {} features, {} outputs and {} rows a step need {} bytes of {}; use "
        "--engine products",
        engine_of(problem), problem.features, problem.outputs, problem.batch, needed,
        shared_bytes));
  }
  return layout;
}

}  // namespace steepest::kernels
