// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string>
#include <type_traits>
#include <variant>

#include "kernels/block_model.cuh"
#include "kernels/block_product.cuh"
#include "kernels/block_ranks.cuh"
#include "kernels/block_steps.cuh"
#include "kernels/block_update.cuh"
#include "kernels/cluster.cuh"
#include "kernels/launch.cuh"
#include "kernels/residuals.cuh"
#include "kernels/row_selection.hpp"
#include "kernels/shared_memory.cuh"
#include "steepest/error.hpp"

namespace steepest::kernels {
namespace {

// Calls visit with the loss that the variant holds.
template <class Visit, class... Losses>
__device__ void visit_loss(const std::variant<Losses...>& loss, const Visit& visit) {
  const auto visit_if = [&](const auto* held) {
    if (held != nullptr) {
      visit(*held);
    }
  };
  (visit_if(std::get_if<Losses>(&loss)), ...);
}

__device__ void prefetch([[maybe_unused]] const void* address) {
#ifdef __CUDA_ARCH__
  asm volatile("prefetch.global.L2 [%0];" ::"l"(address));
#endif
}

// The rows of a step into one half of the indexes; the last threads draw, the first have the losses
// of the batch before.
template <BlockSharing sharing, class T>
__device__ void draw_rows(const ModelBlock<T>& block, std::int64_t step, int half) {
  const int last = block.threads - 1 - block.thread;
  if (last >= block.layout.rows) {
    return;
  }
  RowSelection rows =
      batch_of_step(block.data.rows, block.run.batch, block.run.seed, step, block.run.together);
  if constexpr (sharing != BlockSharing::none) {
    if (last == 0) {
      block.scratch.batch_rows[half] = static_cast<int>(rows.count);
    }
    const int rank = rank_of<sharing>(block.layout);
    const std::int64_t begin = rows.count * rank / block.layout.ranks;
    rows.count = rows.count * (rank + 1) / block.layout.ranks - begin;
    rows.first += begin;
  }
  const RowOrder order = rows.order();
  std::int64_t* const indexes = block.indexes(half);
  for (std::int64_t r = last; r < rows.count; r += block.threads) {
    indexes[r] = order(rows.first + r);
  }
  if (last == 0) {
    block.scratch.rows[half] = static_cast<int>(rows.count);
  }
}

// Asks for rows of features, so that they are near when the next step reads them.
template <class T>
__device__ void prefetch_rows(const ModelBlock<T>& block, const std::int64_t* indexes, int rows) {
  constexpr int line = 128 / static_cast<int>(sizeof(T));
  const int lines = (static_cast<int>(block.data.pitch) + line - 1) / line;
  for (int i = block.thread; i < rows * lines; i += block.threads) {
    prefetch(block.data.features + indexes[i / lines] * block.data.pitch + i % lines * line);
  }
}

// One step of a model; `turn` counts those of the launch.
template <int tile_outputs, int columns, BlockSharing sharing, class T>
__device__ void take_step(const ModelBlock<T>& block, const PassLoss& loss, std::int64_t turn,
                          StepRecord* record) {
  const int half = static_cast<int>(turn % 2);
  const int rows = block.scratch.rows[half];
  const std::int64_t* const indexes = block.indexes(half);
  const BlockProduct<T> batch{
      block.data.features,    indexes,      block.data.pitch, rows, block.outputs, block.stride,
      block.layout.row_lanes, block.thread, block.threads};
  compute_scores<tile_outputs>(batch, block.weights(), block.scores());
  __syncthreads();

  const RowTargets<T> targets{block.data.targets, block.data.labels, block.data.weights, indexes,
                              0};
  double losses = 0.0;
  visit_loss(loss, [&](const auto& chosen) {
    for (int r = block.thread; r < rows; r += block.threads) {
      losses +=
          row_residuals(chosen, targets, r, block.outputs, block.scores() + r * block.outputs);
    }
  });
  if (block.thread == block.threads / 2 / warp_lanes * warp_lanes) {  // of a warp without rows
    prepare_factors(block.plan, block.scratch);
  }
  draw_rows<sharing>(block, block.run.first + turn + 1, 1 - half);
  __syncthreads();

  prefetch_rows(block, block.indexes(1 - half), block.scratch.rows[1 - half]);
  compute_gradient<tile_outputs, columns>(batch, block.scores(), partial_of<sharing>(block, half));
  losses = add_ranks<sharing>(block, half, losses);

  constexpr bool shares = sharing != BlockSharing::none;
  const double scale = 1.0 / static_cast<double>(shares ? block.scratch.batch_rows[half] : rows);
  if (finds_rate(block.plan.schedule.kind)) {
    measure_gradient<most_block_words>(block, scale, losses);
  } else {
    measure_gradient<first_rate_word>(block, scale, losses);
  }
  if (block.thread == 0) {
    decide_step(block.plan, scale, block.scratch);
  }
  __syncthreads();

  if (block.scratch.steps && remembers(block.plan.schedule.kind)) {
    remember_elements(block, scale);
  }
  step_elements(block, scale);
  if (block.thread == 0) {
    finish_step(block.plan, block.scratch, rank_of<sharing>(block.layout) > 0 ? nullptr : record);
  }
  __syncthreads();
}

// The rest is done once a launch.

// Brings a model and all that its steps read to the block.
template <BlockSharing sharing, class T>
__device__ void enter(const ModelBlock<T>& block) {
  if (block.thread == 0) {
    block.scratch.state = block.bank.states[block.model];
  }
  __syncthreads();
  exchange_with_bank(block, false);
  const double* const parameters = block.in_bank(BlockArray::parameters);
  const auto pitch = static_cast<int>(block.data.pitch);
  for (int i = block.thread; i < block.outputs * pitch; i += block.threads) {
    const int column = i % pitch;
    block.weights()[i] = column < block.stride
                             ? static_cast<T>(parameters[i / pitch * block.stride + column])
                             : T(0);
  }
  draw_rows<sharing>(block, block.run.first, 0);
  __syncthreads();
}

// Gives the bank what a launch has changed: all ranks have the same.
template <BlockSharing sharing, class T>
__device__ void leave(const ModelBlock<T>& block) {
  if constexpr (sharing == BlockSharing::cluster) {
    wait_for_cluster();  // the others have read what this one shares
  }
  if (rank_of<sharing>(block.layout) > 0) {
    return;
  }
  exchange_with_bank(block, true);
  if (block.thread == 0) {
    block.bank.states[block.model] = block.scratch.state;
  }
}

template <int tile_outputs, int columns, BlockSharing sharing, class T>
__global__ void __launch_bounds__(most_block_threads, 1)
    block_steps_kernel(const __grid_constant__ PassLoss loss,
                       const __grid_constant__ DeviceRows<T> data,
                       const __grid_constant__ BankView bank, const __grid_constant__ BlockRun run,
                       const __grid_constant__ BlockLayout layout,
                       const __grid_constant__ GridSums<T> sums, StepRecord* records) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ < 900
  if constexpr (sharing == BlockSharing::cluster) {
    return;  // never launched: see kernels/cluster.cuh
  }
#endif
  BlockScratch& scratch = *reinterpret_cast<BlockScratch*>(launch_shared_memory());
  constexpr bool shares = sharing != BlockSharing::none;
  const unsigned ranks = shares ? static_cast<unsigned>(layout.ranks) : 1U;
  for (std::int64_t model = blockIdx.x / ranks; model < bank.shape.models;
       model += gridDim.x / ranks) {
    if (bank.states[model].reason != Reason::running) {
      continue;  // all threads alike
    }
    __syncthreads();  // the model before has left
    const ModelBlock<T> block{bank.plans[model],
                              bank,
                              run,
                              layout,
                              data,
                              sums,
                              scratch,
                              model,
                              static_cast<int>(threadIdx.x),
                              static_cast<int>(blockDim.x),
                              static_cast<int>(bank.shape.outputs),
                              static_cast<int>(bank.shape.stride())};
    enter<sharing>(block);
    for (std::int64_t turn = 0; turn < run.count && scratch.state.reason == Reason::running;
         ++turn) {
      take_step<tile_outputs, columns, sharing>(block, loss, turn,
                                                records + turn * bank.shape.models + model);
    }
    leave<sharing>(block);
  }
}

// Calls queue with the constants of the kernel of a layout: outputs, columns, sharing.
template <int tile_outputs, int columns, class Queue>
void with_sharing(const BlockLayout& layout, const Queue& queue) {
  const std::integral_constant<int, tile_outputs> outputs;
  const std::integral_constant<int, columns> of_a_thread;
  if (layout.sharing == BlockSharing::none) {
    queue(outputs, of_a_thread, std::integral_constant<BlockSharing, BlockSharing::none>{});
  } else if constexpr (tile_outputs != 3 && columns == 4) {
    if (layout.sharing == BlockSharing::cluster) {
      queue(outputs, of_a_thread, std::integral_constant<BlockSharing, BlockSharing::cluster>{});
    } else {
      queue(outputs, of_a_thread, std::integral_constant<BlockSharing, BlockSharing::grid>{});
    }
  }
}

template <int tile_outputs, class Queue>
void with_columns(const BlockLayout& layout, const Queue& queue) {
  if (layout.thread_columns == 1) {
    with_sharing<tile_outputs, 1>(layout, queue);
  } else {
    with_sharing<tile_outputs, 4>(layout, queue);
  }
}

void require_blocks_serve(const BankPlan& plan, Engine engine) {
  const auto refuse = [engine](const std::string& why) {
    throw OptionError("engine " + std::string(name(engine)) + " " + why +
                      ": use --engine products");
  };
  if (!plan.preconditioner.empty()) {
    refuse("takes no step with a preconditioner");
  }
  for (const ModelPlan& model : plan.models) {
    if (searches(model.schedule.kind)) {
      refuse("takes no schedule that takes steps back (barzilai_borwein, armijo)");
    }
    if (model.schedule.kind == ScheduleKind::sgd_bb) {
      refuse("keeps no mean of gradients for schedule sgd_bb");
    }
  }
}

}  // namespace

template <class T>
BlockSteps<T>::BlockSteps(const BankPlan& plan, std::int64_t features, std::int64_t pitch,
                          std::int64_t batch, Engine engine, int ordinal) {
  require_blocks_serve(plan, engine);
  BlockProblem problem;
  problem.outputs = plan.outputs;
  problem.features = features;
  problem.pitch = pitch;
  problem.batch = batch;
  problem.value_bytes = sizeof(T);
  for (const ModelPlan& model : plan.models) {
    problem.has_second = problem.has_second || model.has_second();
    problem.remembers = problem.remembers || remembers(model.schedule.kind);
  }
  problem.multiprocessors = multiprocessors(ordinal);
  problem.sharing = engine == Engine::grid  ? BlockSharing::grid
                    : has_clusters(ordinal) ? BlockSharing::cluster
                                            : BlockSharing::none;
  layout_ = block_layout(problem, sizeof(BlockScratch), most_shared_bytes(ordinal));
  const auto models = static_cast<std::int64_t>(plan.models.size());
  groups_ = models;
  if (layout_.sharing == BlockSharing::grid) {
    groups_ = std::min(models, problem.multiprocessors / layout_.ranks);
    const std::int64_t elements = plan.outputs * (features + 1);
    partials_ = DeviceBuffer<T>(groups_ * layout_.ranks * elements, "gradients of blocks");
    totals_ = DeviceBuffer<T>(groups_ * elements, "gradients of blocks");
    losses_ = DeviceBuffer<double>(groups_ * layout_.ranks, "losses of blocks");
    arrivals_ = DeviceBuffer<unsigned>(groups_, "barriers of blocks");
  }
}

template <class T>
void BlockSteps<T>::queue(const PassLoss& loss, const DeviceRows<T>& data, const BankView& bank,
                          const BlockRun& run, StepRecord* records, cudaStream_t stream) {
  LaunchShared shared{layout_.bytes};
  GridSums<T> sums;
  if (layout_.sharing == BlockSharing::grid) {
    shared.grid = layout_.ranks;
    sums = {partials_.data(), totals_.data(), losses_.data(), arrivals_.data()};
    fill_bytes(arrivals_.data(), groups_, 0, stream);
  } else {
    shared.cluster = layout_.ranks;
  }
  const auto queue = [&](auto tile_outputs, auto columns, auto sharing) {
    launch("taking steps in blocks",
           block_steps_kernel<decltype(tile_outputs)::value, decltype(columns)::value,
                              decltype(sharing)::value, T>,
           groups_, layout_.threads, shared, stream, loss, data, bank, run, layout_, sums, records);
  };
  switch (layout_.tile_outputs) {
    case 1:
      with_columns<1>(layout_, queue);
      break;
    case 3:
      with_columns<3>(layout_, queue);
      break;
    default:
      with_columns<5>(layout_, queue);
      break;
  }
}

template class BlockSteps<float>;
template class BlockSteps<double>;

}  // namespace steepest::kernels
