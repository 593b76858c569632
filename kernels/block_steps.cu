// SPDX-License-Identifier: Apache-2.0
#include <type_traits>
#include <variant>

#include "kernels/block_product.cuh"
#include "kernels/block_steps.cuh"
#include "kernels/launch.cuh"
#include "kernels/residuals.cuh"
#include "kernels/row_selection.hpp"
#include "kernels/shared_memory.cuh"
#include "kernels/update.hpp"
#include "kernels/warp.cuh"
#include "steepest/error.hpp"

namespace steepest::kernels {
namespace {

constexpr int most_warps = most_block_threads / warp_lanes;
constexpr int most_words = 16;  // numbers added up at a time

// What the threads of a block tell each other beside arrays: the start of its shared memory.
struct alignas(16) Scratch {
  ModelState state;
  StepFactors factors;
  RateChoice choice;  // of a schedule that finds its rate
  FadingSum fading;   // likewise
  UpdateSums sums;
  double mean_loss;
  int rows[2];  // of this batch and of the next
  bool steps;   // else the model ends where it is
  double parts[most_warps * most_words];
  double total[most_words];
};

// What a thread of a block knows of the model that its block steps. Arrays are asked for where they
// are used, so that their addresses take no registers meanwhile.
template <class T>
struct Block {
  const ModelPlan& plan;
  const BankView& bank;
  const BlockRun& run;
  const BlockLayout& layout;
  const DeviceRows<T>& data;
  Scratch& scratch;
  std::int64_t model;
  int thread;
  int threads;
  int outputs;
  int stride;

  [[nodiscard]] __device__ int elements() const { return outputs * stride; }

  // (C, pitch), (C, d + 1) and (batch, C).
  [[nodiscard]] __device__ T* weights() const { return shared<T>(layout.weights); }
  [[nodiscard]] __device__ T* gradient() const { return shared<T>(layout.gradient); }
  [[nodiscard]] __device__ T* scores() const { return shared<T>(layout.scores); }

  // Rows of a batch: two halves take turns.
  [[nodiscard]] __device__ std::int64_t* indexes(int half) const {
    return shared<std::int64_t>(layout.indexes) + half * run.batch;
  }

  // (C, d + 1), in shared memory or the bank's; null where no model of the bank has it.
  [[nodiscard]] __device__ double* array(BlockArray which) const {
    double* const held = in_bank(which);
    const std::int32_t offset = layout.arrays[static_cast<int>(which)];
    return held == nullptr || offset < 0 || in_two_buffers(which) ? held : shared<double>(offset);
  }

  // Where a step puts parameters.
  [[nodiscard]] __device__ double* next() const {
    return in_two_buffers(BlockArray::parameters)
               ? bank.parameters_of(model, 1 - scratch.state.current)
               : array(BlockArray::parameters);
  }

  [[nodiscard]] __device__ double* in_bank(BlockArray which) const {
    if (which == BlockArray::parameters) {
      return bank.parameters_of(model, scratch.state.current);
    }
    double* const first = which == BlockArray::velocities      ? bank.velocities
                          : which == BlockArray::second        ? bank.second
                          : which == BlockArray::old_gradients ? bank.old_gradients
                                                               : bank.old_points;
    return first == nullptr ? nullptr : first + model * elements();
  }

 private:
  // Parameters are stepped in place but for a model that looks ahead at detours, whose step may
  // prove not finite.
  [[nodiscard]] __device__ bool in_two_buffers(BlockArray which) const {
    return which == BlockArray::parameters && plan.has_detours();
  }

  template <class Value>
  [[nodiscard]] __device__ static Value* shared(std::int32_t offset) {
    return reinterpret_cast<Value*>(launch_shared_memory() + offset);
  }
};

// A thread's elements of a model, one by one: thread, thread + threads, ...
struct ElementWalk {
  int element;
  int output;
  int column;
  int threads;
  int stride;

  template <class T>
  __device__ explicit ElementWalk(const Block<T>& block)
      : element(block.thread),
        output(block.thread / block.stride),
        column(block.thread % block.stride),
        threads(block.threads),
        stride(block.stride) {}

  [[nodiscard]] __device__ bool is_intercept() const { return column == stride - 1; }

  __device__ void advance() {
    element += threads;
    output = element / stride;
    column = element - output * stride;
  }
};

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

// The members of a plan that an element's update reads, so that they stay in registers.
__device__ ModelPlan element_plan(const ModelPlan& plan) {
  ModelPlan kept;
  kept.rule = plan.rule;
  kept.schedule.kind = plan.schedule.kind;
  kept.penalty = plan.penalty;
  kept.has_intercept = plan.has_intercept;
  kept.is_bounded = plan.is_bounded;
  return kept;
}

// Whether factors hang on what the step's own rows say.
__device__ bool needs_batch(const ModelPlan& plan) {
  return finds_rate(plan.schedule.kind) || plan.schedule.kind == ScheduleKind::risk_adaptive;
}

// The rows of a step into one half of the indexes; the last threads draw, the first have the losses
// of the batch before.
template <class T>
__device__ void draw_rows(const Block<T>& block, std::int64_t step, int half) {
  const int last = block.threads - 1 - block.thread;
  if (last >= block.run.batch) {
    return;
  }
  const RowSelection rows =
      batch_of_step(block.data.rows, block.run.batch, block.run.seed, step, block.run.together);
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
__device__ void prefetch_rows(const Block<T>& block, const std::int64_t* indexes, int rows) {
  constexpr int line = 128 / static_cast<int>(sizeof(T));
  const int lines = (static_cast<int>(block.data.pitch) + line - 1) / line;
  for (int i = block.thread; i < rows * lines; i += block.threads) {
    prefetch(block.data.features + indexes[i / lines] * block.data.pitch + i % lines * line);
  }
}

// What one thread does for its block is kept out of line, or its registers would be everyone's.

// What all elements share in the step, as far as it is known before the batch.
__device__ __attribute__((noinline)) void prepare_factors(const ModelPlan& plan, Scratch& scratch) {
  const ModelState& state = scratch.state;
  if (finds_rate(plan.schedule.kind)) {
    scratch.fading = fading_sum(plan.schedule, plan.rule, state.schedule, state.step);
  } else if (!needs_batch(plan)) {
    scratch.factors = step_factors(plan, state, 0.0);
  }
}

// Numbers that phases of a step add up over the block.
enum GradientWord { loss_word, penalty_word, square_word, max_word, first_rate_word };
enum StepWord { uphill_word, step_max_word, mapping_max_word };

__device__ double larger(double one, double other) { return other > one ? other : one; }

// What one thread's elements say of the gradient. `loss` is the sum of its rows'.
template <int words, class T>
__device__ void measure_gradient(const Block<T>& block, double scale, double loss) {
  constexpr bool finds = words > first_rate_word;
  const ModelPlan plan = element_plan(block.plan);
  const FadingSum fading = finds ? block.scratch.fading : FadingSum{};
  const double* const points = block.array(BlockArray::parameters);
  const double* const old_points = block.array(BlockArray::old_points);
  const double* const old_gradients = block.array(BlockArray::old_gradients);
  const T* const gradients = block.gradient();
  UpdateSums sums;
  RateSums rate;
  for (ElementWalk at(block); at.element < block.elements(); at.advance()) {
    const double point = points[at.element];
    const Bound bound = plan.is_bounded ? block.bank.bounds[at.column] : Bound{};
    const double gradient =
        penalised_gradient(plan, at.is_intercept(),
                           static_cast<double>(gradients[at.element]) * scale, point, bound, sums);
    if constexpr (finds) {
      const bool alone = old_points == nullptr;
      add_element(point, gradient, alone ? 0.0 : old_points[at.element],
                  alone ? 0.0 : old_gradients[at.element], fading, rate);
    }
  }
  double all[words] = {loss, sums.penalty, sums.gradient_square, sums.gradient_max};
  if constexpr (finds) {
    const double found[] = {rate.point_square, rate.moved_square,  rate.moved_gradient,
                            rate.moved_change, rate.change_square, rate.old_gradient,
                            rate.old_square,   rate.fading_norm};
    for (int i = 0; i < 8; ++i) {
      all[first_rate_word + i] = found[i];
    }
  }
  block_totals(
      all,
      [](int word, double one, double other) {
        return word == max_word ? larger(one, other) : one + other;
      },
      block.scratch.parts, block.scratch.total);
}

__device__ RateSums rate_sums(const double* total) {
  const double* const found = total + first_rate_word;
  RateSums sums;
  sums.penalty = total[penalty_word];
  sums.gradient_square = total[square_word];
  sums.point_square = found[0];
  sums.moved_square = found[1];
  sums.moved_gradient = found[2];
  sums.moved_change = found[3];
  sums.change_square = found[4];
  sums.old_gradient = found[5];
  sums.old_square = found[6];
  sums.fading_norm = found[7];
  return sums;
}

// By one thread, from what measure_gradient() added up: the factors that had to wait for it, and
// whether there is a step to take.
__device__ __attribute__((noinline)) void decide_step(const ModelPlan& plan, double scale,
                                                      Scratch& scratch) {
  scratch.mean_loss = scratch.total[loss_word] * scale;
  scratch.sums = {};
  scratch.sums.penalty = scratch.total[penalty_word];
  scratch.sums.gradient_square = scratch.total[square_word];
  scratch.sums.gradient_max = scratch.total[max_word];
  if (finds_rate(plan.schedule.kind)) {
    scratch.choice = choose_rate(plan, scratch.state, scratch.mean_loss, rate_sums(scratch.total));
    scratch.factors = step_factors(plan, scratch.state, scratch.choice);
  } else {
    if (needs_batch(plan)) {
      scratch.factors = step_factors(plan, scratch.state, scratch.mean_loss);
    }
    scratch.factors.clip = clip_factor(plan, scratch.sums.gradient_square);
  }
  const Evaluation now = evaluation_of(scratch.mean_loss, scratch.sums);
  scratch.steps =
      plan.has_detours() || (is_finite(now.objective()) && is_finite(now.gradient_max_norm));
}

// The gradient of the objective by an element, as measure_gradient() had it.
template <class T>
__device__ double gradient_at(const ModelPlan& plan, const ElementWalk& at, const T* gradients,
                              double scale, double point, const Bound& bound) {
  UpdateSums known;
  return penalised_gradient(plan, at.is_intercept(),
                            static_cast<double>(gradients[at.element]) * scale, point, bound,
                            known);
}

// What a schedule shall know of one thread's elements; before the step, which is made in place.
template <class T>
__device__ void remember_elements(const Block<T>& block, double scale) {
  const ModelPlan plan = element_plan(block.plan);
  const bool first = block.scratch.state.schedule.measured == 0;
  const FadingSum fading = block.scratch.choice.fading;
  const T* const gradients = block.gradient();
  const double* const points = block.array(BlockArray::parameters);
  double* const old_points = block.array(BlockArray::old_points);
  double* const old_gradients = block.array(BlockArray::old_gradients);
  for (ElementWalk at(block); at.element < block.elements(); at.advance()) {
    const double point = points[at.element];
    const double gradient = gradient_at(plan, at, gradients, scale, point,
                                        plan.is_bounded ? block.bank.bounds[at.column] : Bound{});
    remember_element(plan.schedule, first, fading, point, gradient, old_points[at.element],
                     old_gradients[at.element]);
  }
}

// One thread's elements of the step, and what they add up to.
template <class T>
__device__ void step_elements(const Block<T>& block, double scale) {
  const ModelPlan plan = element_plan(block.plan);
  const StepFactors factors = block.scratch.factors;
  const std::int64_t padding = block.data.pitch - block.stride;
  const T* const gradients = block.gradient();
  const double* const points = block.array(BlockArray::parameters);
  double* const next = block.next();
  double* const velocities = block.array(BlockArray::velocities);
  double* const seconds = block.array(BlockArray::second);
  T* const weights = block.weights();
  UpdateSums sums;
  if (block.scratch.steps) {
    for (ElementWalk at(block); at.element < block.elements(); at.advance()) {
      const double point = points[at.element];
      const Bound bound = plan.is_bounded ? block.bank.bounds[at.column] : Bound{};
      const double gradient = gradient_at(plan, at, gradients, scale, point, bound);
      double velocity = velocities[at.element];
      double second = seconds != nullptr ? seconds[at.element] : 0.0;
      const double stepped = stepped_parameter(plan, factors, at.is_intercept(), bound, gradient,
                                               gradient, point, velocity, second, sums);
      next[at.element] = stepped;
      velocities[at.element] = velocity;
      weights[at.element + at.output * padding] = static_cast<T>(stepped);
      if (seconds != nullptr) {
        seconds[at.element] = second;
      }
    }
  }
  double all[4] = {sums.uphill, sums.step_max, sums.mapping_max, 0.0};
  block_totals(
      all,
      [](int word, double one, double other) {
        return word == uphill_word ? one + other : larger(one, other);
      },
      block.scratch.parts, block.scratch.total);
}

// By one thread: ends the step.
__device__ __attribute__((noinline)) void finish_step(const ModelPlan& plan, Scratch& scratch,
                                                      StepRecord* record) {
  const std::int64_t step = scratch.state.step;
  const std::int32_t current = scratch.state.current;
  scratch.sums.uphill = scratch.total[uphill_word];
  scratch.sums.step_max = scratch.total[step_max_word];
  scratch.sums.mapping_max = scratch.total[mapping_max_word];
  finish_update(plan, scratch.factors, UpdateMode::blind_step, scratch.mean_loss, scratch.sums,
                scratch.state, finds_rate(plan.schedule.kind) ? &scratch.choice : nullptr);
  if (!plan.has_detours()) {
    scratch.state.current = current;  // stepped in place
  }
  *record = {step, scratch.state.learning_rate, scratch.state.at};
}

// One step of a model; `turn` counts those of the launch.
template <int tile_outputs, int columns, class T>
__device__ void take_step(const Block<T>& block, const PassLoss& loss, std::int64_t turn,
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
  draw_rows(block, block.run.first + turn + 1, 1 - half);
  __syncthreads();

  prefetch_rows(block, block.indexes(1 - half), block.scratch.rows[1 - half]);
  compute_gradient<tile_outputs, columns>(batch, block.scores(), block.gradient());
  __syncthreads();

  const double scale = 1.0 / static_cast<double>(rows);
  if (finds_rate(block.plan.schedule.kind)) {
    measure_gradient<most_words>(block, scale, losses);
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
    finish_step(block.plan, block.scratch, record);
  }
  __syncthreads();
}

// The rest is done once a launch. Copies what lies in shared memory from the bank, or back.
template <class T>
__device__ void exchange_with_bank(const Block<T>& block, bool back) {
  for (int i = 0; i < block_array_count; ++i) {
    const auto which = static_cast<BlockArray>(i);
    double* const in_bank = block.in_bank(which);
    double* const array = block.array(which);
    if (array == in_bank) {
      continue;
    }
    for (int e = block.thread; e < block.elements(); e += block.threads) {
      (back ? in_bank : array)[e] = (back ? array : in_bank)[e];
    }
  }
}

// Brings a model and all that its steps read to the block.
template <class T>
__device__ void enter(const Block<T>& block) {
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
  draw_rows(block, block.run.first, 0);
  __syncthreads();
}

// Gives the bank what a launch has changed.
template <class T>
__device__ void leave(const Block<T>& block) {
  exchange_with_bank(block, true);
  if (block.thread == 0) {
    block.bank.states[block.model] = block.scratch.state;
  }
}

template <int tile_outputs, int columns, class T>
__global__ void __launch_bounds__(most_block_threads, 1)
    block_steps_kernel(const __grid_constant__ PassLoss loss,
                       const __grid_constant__ DeviceRows<T> data,
                       const __grid_constant__ BankView bank, const __grid_constant__ BlockRun run,
                       const __grid_constant__ BlockLayout layout, StepRecord* records) {
  Scratch& scratch = *reinterpret_cast<Scratch*>(launch_shared_memory());
  for (std::int64_t model = blockIdx.x; model < bank.shape.models; model += gridDim.x) {
    if (bank.states[model].reason != Reason::running) {
      continue;  // all threads alike
    }
    __syncthreads();  // the model before has left
    const Block<T> block{bank.plans[model],
                         bank,
                         run,
                         layout,
                         data,
                         scratch,
                         model,
                         static_cast<int>(threadIdx.x),
                         static_cast<int>(blockDim.x),
                         static_cast<int>(bank.shape.outputs),
                         static_cast<int>(bank.shape.stride())};
    enter(block);
    for (std::int64_t turn = 0; turn < run.count && scratch.state.reason == Reason::running;
         ++turn) {
      take_step<tile_outputs, columns>(block, loss, turn,
                                       records + turn * bank.shape.models + model);
    }
    leave(block);
  }
}

template <int tile_outputs, class Queue>
void with_columns(const BlockLayout& layout, const Queue& queue) {
  if (layout.thread_columns == 1) {
    queue(std::integral_constant<int, tile_outputs>{}, std::integral_constant<int, 1>{});
  } else {
    queue(std::integral_constant<int, tile_outputs>{}, std::integral_constant<int, 4>{});
  }
}

}  // namespace

template <class T>
BlockLayout block_layout_for(const BankPlan& plan, std::int64_t features, std::int64_t pitch,
                             std::int64_t batch, std::int64_t shared_bytes) {
  if (!plan.preconditioner.empty()) {
    throw OptionError("engine block takes no step with a preconditioner: use --engine products");
  }
  BlockProblem problem{plan.outputs, features, pitch, batch, sizeof(T), false, false};
  for (const ModelPlan& model : plan.models) {
    if (searches(model.schedule.kind)) {
      throw OptionError(
          "engine block takes no schedule that takes steps back (barzilai_borwein, armijo): use "
          "--engine products");
    }
    problem.has_second = problem.has_second || model.has_second();
    problem.remembers = problem.remembers || remembers(model.schedule.kind);
  }
  return block_layout(problem, sizeof(Scratch), shared_bytes);
}

template <class T>
void queue_block_steps(const PassLoss& loss, const DeviceRows<T>& data, const BankView& bank,
                       const BlockRun& run, const BlockLayout& layout, StepRecord* records,
                       cudaStream_t stream) {
  const auto queue = [&](auto tile_outputs, auto columns) {
    launch("taking steps in blocks",
           block_steps_kernel<decltype(tile_outputs)::value, decltype(columns)::value, T>,
           bank.shape.models, layout.threads, LaunchShared{layout.bytes}, stream, loss, data, bank,
           run, layout, records);
  };
  switch (layout.tile_outputs) {
    case 1:
      with_columns<1>(layout, queue);
      break;
    case 3:
      with_columns<3>(layout, queue);
      break;
    default:
      with_columns<5>(layout, queue);
      break;
  }
}

template BlockLayout block_layout_for<float>(const BankPlan&, std::int64_t, std::int64_t,
                                             std::int64_t, std::int64_t);
template BlockLayout block_layout_for<double>(const BankPlan&, std::int64_t, std::int64_t,
                                              std::int64_t, std::int64_t);
template void queue_block_steps(const PassLoss&, const DeviceRows<float>&, const BankView&,
                                const BlockRun&, const BlockLayout&, StepRecord*, cudaStream_t);
template void queue_block_steps(const PassLoss&, const DeviceRows<double>&, const BankView&,
                                const BlockRun&, const BlockLayout&, StepRecord*, cudaStream_t);

}  // namespace steepest::kernels
