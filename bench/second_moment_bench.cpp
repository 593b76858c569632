// SPDX-License-Identifier: Apache-2.0
// second_moment over all rows, both precisions.
#include <benchmark/benchmark.h>

#include "bench/random_data.hpp"
#include "bench/turns.hpp"
#include "kernels/second_moment.hpp"

namespace steepest::bench {
namespace {

constexpr Shape shapes[] = {{150, 4, 1}, {2'000'000, 28, 1}, {500'000, 50, 1}, {20'000, 784, 1}};

template <class T>
void run_shape(benchmark::State& state, const Shape& shape) {
  kernels::TrainingData data = random_data(shape);
  kernels::ThreadPool pool(0);
  kernels::MemoryFeed rows(data, pool.threads());
  const auto call = [&] {
    benchmark::DoNotOptimize(
        kernels::second_moment<T>(rows, kernels::RowSelection::all(shape.rows), 0, pool));
  };
  // What the contract states: one half of the symmetric matrix.
  const double flops = static_cast<double>(shape.rows) *
                       static_cast<double>((shape.features + 1) * (shape.features + 1));
  const double seconds = measure(
      state, {call, {}},
      {read_limit(shape.feature_bytes(), data.features.data(), shape.rows * shape.features, pool),
       multiply_add_limit<T>(flops, pool)});
  state.counters["bytes_per_second"] = shape.feature_bytes() / seconds;
  state.counters["flops"] = flops / seconds;
}

[[maybe_unused]] const bool registered = [] {
  for (const Shape& shape : shapes) {
    benchmark::RegisterBenchmark(("second_moment/fp64/" + shape.text()).c_str(),
                                 [=](benchmark::State& state) { run_shape<double>(state, shape); })
        ->UseManualTime();
    benchmark::RegisterBenchmark(("second_moment/fp32/" + shape.text()).c_str(),
                                 [=](benchmark::State& state) { run_shape<float>(state, shape); })
        ->UseManualTime();
  }
  return true;
}();

}  // namespace
}  // namespace steepest::bench
