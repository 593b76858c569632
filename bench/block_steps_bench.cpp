// SPDX-License-Identifier: Apache-2.0
// Steps on batches on a GPU: the engines that take them in blocks beside that of products, and
// beside the shortest step a block can take. The CPU takes the small case, so that this file
// runs where there is no GPU.
#include <benchmark/benchmark.h>

#include <memory>

#include "bench/random_data.hpp"
#include "bench/turns.hpp"
#include "kernels/backend.hpp"

namespace steepest::bench {
namespace {

constexpr std::int64_t steps = 1000;  // of one call

struct Case {
  Shape shape;
  std::int64_t batch;
  std::int64_t models;
};

constexpr Case cases[] = {
    {{150, 4, 1}, 32, 1},         {{500'000, 28, 1}, 32, 1},    {{500'000, 28, 1}, 32, 64},
    {{60'000, 784, 10}, 32, 1},   {{60'000, 784, 10}, 32, 64},  {{60'000, 784, 10}, 128, 1},
    {{60'000, 784, 10}, 1024, 1}, {{60'000, 784, 10}, 8192, 1}, {{500'000, 28, 1}, 8192, 1},
};

// A bank that takes steps, and its history.
class Stepper {
 public:
  Stepper(DeviceKind kind, Engine engine, const Case& chosen)
      : backend_(kind == DeviceKind::cpu ? kernels::make_cpu_backend(0, Precision::fp32)
                                         : kernels::make_cuda_backend(0, Precision::fp32, engine)),
        history_(static_cast<std::size_t>(chosen.models)) {
    backend_->hold(random_data(chosen.shape));
    kernels::BankPlan plan;
    plan.loss = chosen.shape.outputs > 1 ? RowLoss(SoftmaxLoss{}) : RowLoss(SquaredLoss{});
    plan.outputs = chosen.shape.outputs;
    plan.batch_size = chosen.batch;
    plan.models.resize(static_cast<std::size_t>(chosen.models));
    for (kernels::ModelPlan& model : plan.models) {
      model.rule = {RuleKind::momentum, 0.9};
      model.schedule.learning_rate = 1e-6;
      model.schedule.horizon = 1;
    }
    backend_->start(std::move(plan));
  }

  void run() {
    for (auto& records : history_) {
      records.clear();
    }
    backend_->run(steps, history_);
  }

 private:
  std::unique_ptr<kernels::Backend> backend_;
  std::vector<std::vector<kernels::StepRecord>> history_;
};

// Two rows of one feature, a row a step: what barriers and the update of two parameters take.
constexpr Case shortest{{2, 1, 1}, 1, 1};

void run_case(benchmark::State& state, DeviceKind kind, Engine engine, const Case& chosen) {
  if (kind == DeviceKind::cuda) {
    const DeviceInfo device = kernels::describe_cuda_devices().front();
    if (!device.usable) {
      state.SkipWithError(device.problem.c_str());
      return;
    }
  }
  Stepper stepper(kind, engine, chosen);
  Stepper floor(kind, engine, shortest);
  const std::vector<Limit> limits = {
      {"fraction_of_shortest_step", 1.0, 1.0, [&floor] { floor.run(); }}};
  const double seconds = measure(state, {[&stepper] { stepper.run(); }, {}}, limits);
  const double columns = static_cast<double>(chosen.models * chosen.shape.outputs);
  const double elements = static_cast<double>(chosen.batch * (chosen.shape.features + 1));
  state.counters["steps_per_second"] = static_cast<double>(steps) / seconds;
  state.counters["model_steps_per_second"] = static_cast<double>(steps * chosen.models) / seconds;
  state.counters["flops"] = 4.0 * elements * columns * static_cast<double>(steps) / seconds;
}

[[maybe_unused]] const bool registered = [] {
  const auto add = [](DeviceKind kind, Engine engine, const Case& chosen) {
    const std::string name =
        fmt::format("block_steps/{}/{}/{}/batch:{}/models:{}", steepest::name(kind),
                    steepest::name(engine), chosen.shape.text(), chosen.batch, chosen.models);
    benchmark::RegisterBenchmark(name.c_str(), [=](benchmark::State& state) {
      run_case(state, kind, engine, chosen);
    })->UseManualTime();
  };
  add(DeviceKind::cpu, Engine::automatic, cases[0]);
  for (const Case& chosen : cases) {
    for (const Engine engine : {Engine::products, Engine::block, Engine::grid}) {
      add(DeviceKind::cuda, engine, chosen);
    }
  }
  return true;
}();

}  // namespace
}  // namespace steepest::bench
