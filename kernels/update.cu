// SPDX-License-Identifier: Apache-2.0
#include "kernels/launch.cuh"
#include "kernels/update.cuh"

namespace steepest::kernels {
namespace {

constexpr int threads = elements_per_task;  // a power of two

// Adds the sums of the block's threads in a fixed tree. Every thread calls it and gets the total.
// `shared` holds one Sums a thread and is free again when all have returned.
template <class Sums>
__device__ Sums block_total(const Sums& mine, Sums* shared) {
  const unsigned thread = threadIdx.x;
  shared[thread] = mine;
  __syncthreads();
  for (unsigned half = threads / 2; half > 0; half /= 2) {
    if (thread < half) {
      shared[thread].add(shared[thread + half]);
    }
    __syncthreads();
  }
  const Sums total = shared[0];
  __syncthreads();
  return total;
}

// What a launch does of an update. With a preconditioner, where gradients are clipped, or where a
// schedule finds the rate from them, there are two, and the product between them: the step of an
// element needs the gradients of all.
enum class Stage { whole, gradient, step };

// One element of a model, as the loops of update.cpp.
template <Stage stage, class T>
STEEPEST_HD UpdateSums update_one(const PassSums<T>& pass, double scale, UpdateMode mode,
                                  const BankView& bank, std::int64_t model, std::int64_t element,
                                  const ModelState& state, const StepFactors& factors) {
  const BankShape& shape = bank.shape;
  const ModelPlan& plan = bank.plans[model];
  const std::int64_t i = model * shape.elements_per_model() + element;
  const double now = mode == UpdateMode::evaluate
                         ? bank.reported_of(model)[element]
                         : bank.parameters_of(model, state.current)[element];
  const std::int64_t within = element % shape.stride();
  const bool is_intercept = within == shape.features;
  const Bound bound = plan.is_bounded ? bank.bounds[within] : Bound{};
  UpdateSums sums;
  double gradient = 0.0;
  if constexpr (stage == Stage::step) {
    gradient = bank.gradients[i];
  } else {
    gradient =
        penalised_gradient(plan, is_intercept, pass.gradient_sum(i) * scale, now, bound, sums);
  }
  if constexpr (stage == Stage::gradient) {
    bank.gradients[i] = gradient;
  } else if (mode != UpdateMode::evaluate) {
    const bool turned = stage == Stage::step && bank.directions != nullptr;
    double none = 0.0;
    bank.parameters_of(model, 1 - state.current)[element] = stepped_parameter(
        plan, factors, is_intercept, bound, gradient, turned ? bank.directions[i] : gradient, now,
        bank.velocities[i], bank.second != nullptr ? bank.second[i] : none, sums);
  }
  return sums;
}

// What an element brings to the sums that a rate is found from.
STEEPEST_HD RateSums measure_one(const BankView& bank, std::int64_t model, std::int64_t element,
                                 const ModelState& state, double penalty) {
  const ModelPlan& plan = bank.plans[model];
  const std::int64_t i = model * bank.shape.elements_per_model() + element;
  const FadingSum fading = fading_sum(plan.schedule, plan.rule, state.schedule, state.step);
  const bool alone = bank.old_points == nullptr;
  RateSums sums;
  add_element(bank.parameters_of(model, state.current)[element], bank.gradients[i],
              alone ? 0.0 : bank.old_points[i], alone ? 0.0 : bank.old_gradients[i], fading, sums);
  sums.penalty = penalty;
  return sums;
}

// An element of a trial that is taken back.
STEEPEST_HD void retreat_one(const BankView& bank, std::int64_t model, std::int64_t element,
                             const ModelState& state, double rate) {
  const std::int64_t i = model * bank.shape.elements_per_model() + element;
  bank.parameters_of(model, 1 - state.current)[element] =
      bank.old_points[i] - rate * bank.old_gradients[i];
}

// What a schedule shall know of an element after its step.
STEEPEST_HD void remember_one(const BankView& bank, std::int64_t model, std::int64_t element,
                              const ModelState& state, const FadingSum& fading) {
  const std::int64_t i = model * bank.shape.elements_per_model() + element;
  const Schedule& schedule = bank.plans[model].schedule;
  const double now = bank.parameters_of(model, state.current)[element];
  if (schedule.kind == ScheduleKind::sgd_bb) {
    remember_of_pass(schedule, state.schedule.measured, fading, now, bank.gradients[i],
                     bank.old_points[i], bank.old_gradients[i], bank.second[i]);
  } else {
    remember_element(schedule, state.schedule.measured == 0, fading, now, bank.gradients[i],
                     bank.old_points[i], bank.old_gradients[i]);
  }
}

// True for the block that finishes a model last. The fences order what every block wrote before its
// ticket against what the last block reads after its own.
__device__ bool takes_last_ticket(unsigned* ticket, std::int64_t tasks) {
  __threadfence();
  const bool last = atomicAdd(ticket, 1U) + 1U == static_cast<unsigned>(tasks);
  __threadfence();
  return last;
}

// What one thread adds up of the tasks' sums.
template <class Sums>
STEEPEST_HD Sums tasks_total(const Sums* sums, std::int64_t tasks, std::int64_t begin,
                             std::int64_t step) {
  Sums total;
  for (std::int64_t task = begin; task < tasks; task += step) {
    total.add(sums[task]);
  }
  return total;
}

// What one thread adds up of a model's squared gradient.
STEEPEST_HD UpdateSums squares_total(const double* squares, std::int64_t tasks, std::int64_t begin,
                                     std::int64_t step) {
  UpdateSums total;
  for (std::int64_t task = begin; task < tasks; task += step) {
    total.gradient_square += squares[task];
  }
  return total;
}

template <class T>
STEEPEST_HD void finish_model(const PassSums<T>& pass, double scale, UpdateMode mode,
                              const BankView& bank, std::int64_t model, const StepFactors& factors,
                              const UpdateSums& sums, const RateChoice* choice,
                              StepRecord* records) {
  ModelState state = bank.states[model];
  const std::int64_t step = state.step;
  finish_update(bank.plans[model], factors, mode, pass.loss_sum(model) * scale, sums, state,
                choice);
  bank.states[model] = state;
  bank.tickets[model] = 0;
  if (records != nullptr) {
    records[model] = {step, state.learning_rate, state.at};
  }
}

// A task is elements_per_task elements of a model, one a thread.
template <Stage stage, class T>
__global__ void __launch_bounds__(threads)
    update_kernel(PassSums<T> pass, double rows, UpdateMode mode, BankView bank,
                  StepRecord* records) {
  // Raw, because shared memory has no constructors.
  constexpr std::size_t largest =
      sizeof(RateSums) > sizeof(UpdateSums) ? sizeof(RateSums) : sizeof(UpdateSums);
  alignas(UpdateSums) __shared__ unsigned char shared_bytes[threads * largest];
  __shared__ bool is_last;
  auto* shared = reinterpret_cast<UpdateSums*>(shared_bytes);
  auto* shared_rates = reinterpret_cast<RateSums*>(shared_bytes);
  const std::int64_t thread = threadIdx.x;
  const std::int64_t tasks = tasks_per_model(bank.shape);
  const double scale = 1.0 / rows;
  for (std::int64_t task = blockIdx.x; task < bank.shape.models * tasks; task += gridDim.x) {
    const std::int64_t model = task / tasks;
    const std::int64_t element = task % tasks * elements_per_task + thread;
    const ModelState state = bank.states[model];
    if (state.reason != Reason::running && mode != UpdateMode::evaluate) {
      continue;  // all threads of all blocks of this model alike
    }
    const ModelPlan& plan = bank.plans[model];
    const bool by_loss = plan.schedule.kind == ScheduleKind::risk_adaptive;
    StepFactors factors = step_factors(plan, state, by_loss ? pass.loss_sum(model) * scale : 0.0);
    const bool finds = stage != Stage::whole && finds_rate(plan.schedule.kind);
    RateChoice choice;
    if constexpr (stage == Stage::step) {
      if (finds) {
        const RateSums all = block_total(
            tasks_total(bank.rates + model * tasks, tasks, thread, threads), shared_rates);
        choice = choose_rate(plan, state, pass.loss_sum(model) * scale, all);
        factors = step_factors(plan, state, choice);
      } else if (plan.clip_norm > 0.0) {
        const UpdateSums all = block_total(
            squares_total(bank.squares + model * tasks, tasks, thread, threads), shared);
        factors.clip = clip_factor(plan, all.gradient_square);
      }
    }
    UpdateSums mine;
    RateSums mine_for_rate;
    if (element < bank.shape.elements_per_model()) {
      if (choice.retreats) {
        retreat_one(bank, model, element, state, choice.rate);
      } else {
        mine = update_one<stage>(pass, scale, mode, bank, model, element, state, factors);
      }
      if (finds && stage == Stage::gradient) {
        mine_for_rate = measure_one(bank, model, element, state, mine.penalty);
      } else if (finds && !choice.retreats && remembers(plan.schedule.kind)) {
        remember_one(bank, model, element, state, choice.fading);
      }
    }
    UpdateSums total = block_total(mine, shared);
    if (finds && stage == Stage::gradient) {
      const RateSums measured = block_total(mine_for_rate, shared_rates);
      if (thread == 0) {
        bank.rates[task] = measured;
      }
    }
    if (thread == 0) {
      if constexpr (stage == Stage::step) {
        total.add(bank.sums[task]);
      }
      bank.sums[task] = total;
      if (stage == Stage::gradient && bank.squares != nullptr) {
        bank.squares[task] = total.gradient_square;
      }
      is_last = stage != Stage::gradient && takes_last_ticket(bank.tickets + model, tasks);
    }
    __syncthreads();
    if (is_last) {
      const UpdateSums all =
          block_total(tasks_total(bank.sums + model * tasks, tasks, thread, threads), shared);
      if (thread == 0) {
        finish_model(pass, scale, mode, bank, model, factors, all, finds ? &choice : nullptr,
                     records);
      }
    }
    __syncthreads();  // the next task writes is_last
  }
}

}  // namespace

template <class T>
void queue_update(const PassSums<T>& sums, std::int64_t rows, UpdateMode mode, const BankView& bank,
                  StepRecord* records, const MatrixProducts& products) {
  const auto queue = [&](auto kernel) {
    launch("updating parameters", kernel, bank.shape.models * tasks_per_model(bank.shape), threads,
           products.stream(), sums, static_cast<double>(rows), mode, bank, records);
  };
  const bool in_stages =
      bank.preconditioner != nullptr || bank.squares != nullptr || bank.rates != nullptr;
  if (!in_stages || mode == UpdateMode::evaluate) {
    queue(update_kernel<Stage::whole, T>);
    return;
  }
  queue(update_kernel<Stage::gradient, T>);
  if (bank.preconditioner != nullptr) {
    products.precondition(bank.shape.columns(), bank.shape.stride(), bank.preconditioner,
                          bank.gradients, bank.directions);
  }
  queue(update_kernel<Stage::step, T>);
}

template void queue_update(const PassSums<float>&, std::int64_t, UpdateMode, const BankView&,
                           StepRecord*, const MatrixProducts&);
template void queue_update(const PassSums<double>&, std::int64_t, UpdateMode, const BankView&,
                           StepRecord*, const MatrixProducts&);

}  // namespace steepest::kernels
