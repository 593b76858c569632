// SPDX-License-Identifier: Apache-2.0
// Backends: hold rows, run steps. The same cases on the CPU and, where there is one, on a GPU.
#include <benchmark/benchmark.h>

#include <memory>

#include "bench/device_limits.hpp"
#include "bench/random_data.hpp"
#include "bench/turns.hpp"
#include "kernels/backend.hpp"

namespace steepest::bench {
namespace {

struct Case {
  Shape shape;
  std::int64_t batch = 0;  ///< rows a step; 0: all
  std::int64_t steps = 1;  ///< of one call
};

constexpr Case cases[] = {
    {{150, 4, 3}, 0, 100},         {{150, 4, 1}, 32, 100},       {{500'000, 50, 1}},
    {{500'000, 50, 1}, 32, 1000},  {{500'000, 50, 1}, 256, 200}, {{500'000, 50, 1}, 1024, 100},
    {{60'000, 784, 10}},           {{60'000, 784, 10}, 32, 200}, {{60'000, 784, 10}, 256, 50},
    {{60'000, 784, 10}, 1024, 20},
};

// Null, with the state's error set, where there is no such device.
std::unique_ptr<kernels::Backend> make(benchmark::State& state, DeviceKind kind,
                                       Precision precision, Engine engine = Engine::automatic) {
  if (kind == DeviceKind::cpu) {
    return kernels::make_cpu_backend(0, precision);
  }
  const std::vector<DeviceInfo> devices = kernels::describe_cuda_devices();
  if (devices.empty() || !devices.front().usable) {
    const std::string problem = devices.empty() ? "no CUDA device" : devices.front().problem;
    state.SkipWithError(problem.c_str());
    return nullptr;
  }
  return kernels::make_cuda_backend(devices.front().ordinal, precision, engine);
}

// Of a GPU: plain reads of as many bytes as a step reads rows, one launch a step.
Limit device_read_limit(DeviceRead& read, double operation_bytes, std::int64_t steps) {
  return {"fraction_of_read", operation_bytes, operation_bytes,
          [&read, steps] { read.run(steps); }};
}

void run_steps(benchmark::State& state, DeviceKind kind, Engine engine, const RowLoss& loss,
               Precision precision, const Case& chosen) {
  const std::unique_ptr<kernels::Backend> backend = make(state, kind, precision, engine);
  if (!backend) {
    return;
  }
  const Shape& shape = chosen.shape;
  kernels::TrainingData data = random_data(shape);
  const float* features = data.features.data();  // the CPU's backend keeps them where they are
  backend->hold(std::move(data));
  kernels::BankPlan plan;
  plan.loss = loss;
  plan.outputs = columns_of(loss, shape.outputs);
  plan.batch_size = chosen.batch;
  plan.models.resize(1);
  plan.models[0].schedule.learning_rate = 1e-6;
  plan.models[0].schedule.horizon = 1;
  const std::int64_t columns = plan.outputs;
  backend->start(std::move(plan));
  std::vector<std::vector<kernels::StepRecord>> history(1);
  const auto call = [&] {
    history[0].clear();
    backend->run(chosen.steps, history);
  };
  const std::int64_t rows = chosen.steps * (chosen.batch > 0 ? chosen.batch : shape.rows);
  const bool on_cpu = kind == DeviceKind::cpu;
  // The CPU holds float32 in either arithmetic, a GPU values of its arithmetic.
  const std::int64_t value_bytes =
      on_cpu || precision == Precision::fp32 ? sizeof(float) : sizeof(double);
  const double bytes = static_cast<double>(rows * shape.features * value_bytes);
  kernels::ThreadPool pool(0);
  std::unique_ptr<DeviceRead> read;
  std::vector<Limit> limits;
  if (on_cpu) {
    limits.push_back(read_limit(bytes, features, shape.rows * shape.features, pool));
  } else {
    read = make_device_read(backend->device().ordinal,
                            rows / chosen.steps * shape.features * value_bytes);
    limits.push_back(device_read_limit(*read, bytes, chosen.steps));
  }
  const double seconds = measure(state, {call, {}}, limits);
  state.counters["steps_per_second"] = static_cast<double>(chosen.steps) / seconds;
  state.counters["bytes_per_second"] = bytes / seconds;
  state.counters["flops"] = 4.0 * static_cast<double>(rows * shape.features * columns) / seconds;
}

void run_hold(benchmark::State& state, DeviceKind kind, const Shape& shape) {
  const std::unique_ptr<kernels::Backend> backend = make(state, kind, Precision::fp32);
  if (!backend) {
    return;
  }
  kernels::TrainingData data;
  const Operation operation{[&] { backend->hold(std::move(data)); },
                            [&] { data = random_data(shape); }};
  kernels::ThreadPool pool(0);
  const FeatureMatrix plain = random_data(shape).features;  // written: pages of its own
  const double seconds =
      measure(state, operation,
              {read_limit(shape.feature_bytes(), plain.data(), shape.rows * shape.features, pool)});
  state.counters["bytes_per_second"] = shape.feature_bytes() / seconds;
}

void register_steps(DeviceKind kind, Engine engine, const Case& chosen) {
  for_each_loss([&](const RowLoss& loss) {
    if (columns_of(loss, chosen.shape.outputs) == 0) {
      return;
    }
    for (const Precision precision : {Precision::fp64, Precision::fp32}) {
      const std::string name =
          fmt::format("backend/run/{}/{}/{}/{}{}",
                      engine == Engine::automatic ? steepest::name(kind) : steepest::name(engine),
                      steepest::name(loss), steepest::name(precision), chosen.shape.text(),
                      chosen.batch > 0 ? fmt::format("/batch:{}", chosen.batch) : "");
      benchmark::RegisterBenchmark(name.c_str(), [=](benchmark::State& state) {
        run_steps(state, kind, engine, loss, precision, chosen);
      })->UseManualTime();
    }
  });
}

[[maybe_unused]] const bool registered = [] {
  for (const DeviceKind kind : {DeviceKind::cpu, DeviceKind::cuda}) {
    for (const Shape& shape : {Shape{150, 4, 1}, Shape{500'000, 50, 1}}) {
      const std::string name =
          fmt::format("backend/hold/{}/{}", steepest::name(kind), shape.text());
      benchmark::RegisterBenchmark(name.c_str(), [=](benchmark::State& state) {
        run_hold(state, kind, shape);
      })->UseManualTime();
    }
  }
  for (const Case& chosen : cases) {
    register_steps(DeviceKind::cpu, Engine::automatic, chosen);
    register_steps(DeviceKind::cuda, Engine::products, chosen);
    register_steps(DeviceKind::cuda, Engine::fused, chosen);
  }
  return true;
}();

}  // namespace
}  // namespace steepest::bench
