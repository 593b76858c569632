// SPDX-License-Identifier: Apache-2.0
// loss_gradient: every row loss, both precisions, full passes and batches of shuffled rows.
#include <benchmark/benchmark.h>

#include <vector>

#include "bench/random_data.hpp"
#include "bench/turns.hpp"
#include "kernels/loss_gradient.hpp"

namespace steepest::bench {
namespace {

struct Case {
  Shape shape;
  std::int64_t models = 1;
  std::int64_t batch = 0;  ///< rows a pass; 0: all
};

constexpr Case cases[] = {
    {{150, 4, 3}},
    {{9'000'000, 28, 1}},
    {{2'500'000, 100, 1}},
    {{250'000, 1'000, 1}},
    {{150, 4, 1}, 1, 32},
    {{500'000, 50, 1}},
    {{500'000, 50, 1}, 8},
    {{500'000, 50, 1}, 1, 32},
    {{500'000, 50, 1}, 1, 256},
    {{500'000, 50, 1}, 1, 1024},
    {{1'000'000, 100, 1}},
    {{1'000'000, 100, 1}, 64},
    {{500'000, 50, 10}},
    {{60'000, 784, 10}},
    {{60'000, 784, 10}, 1, 32},
    {{60'000, 784, 10}, 1, 256},
    {{60'000, 784, 10}, 1, 1024},
};

// The rows last asked for: cases of the same shape follow each other.
kernels::TrainingData& data_of(const Shape& shape) {
  static Shape held{0, 0, 0};
  static kernels::TrainingData data;
  if (held.rows != shape.rows || held.features != shape.features || held.outputs != shape.outputs) {
    data = {};
    data = random_data(shape);
    held = shape;
  }
  return data;
}

template <class T>
void run_case(benchmark::State& state, const RowLoss& loss, const Case& chosen) {
  const Shape& shape = chosen.shape;
  kernels::TrainingData& data = data_of(shape);
  const kernels::BankShape bank{shape.features, columns_of(loss, shape.outputs), chosen.models};
  const std::int64_t batch = chosen.batch > 0 ? chosen.batch : shape.rows;
  std::vector<double> parameters(static_cast<std::size_t>(bank.elements()));
  for (std::size_t e = 0; e < parameters.size(); ++e) {
    parameters[e] = 0.01 * hashed_uniform(static_cast<std::int64_t>(e), 3);
  }
  kernels::ThreadPool pool(0);
  kernels::LossGradient<T> pass;
  kernels::Partials partials;
  kernels::MemoryFeed rows(data, pool.threads());
  std::int64_t step = 0;
  rows.settle(pool);
  const auto batch_of = [&](std::int64_t taken) {
    return kernels::batch_of_step(shape.rows, batch, 1, taken,
                                  kernels::rows_kept_together(shape.rows, shape.features, batch));
  };
  const auto call = [&] {
    const kernels::RowSelection next = batch_of(step + 1);
    pass.set_parameters(bank, parameters.data(), 0, bank.columns());
    pass.run(kernels::pass_loss(loss), rows, batch_of(step++), &next, pool, partials);
    benchmark::DoNotOptimize(partials.loss.data());
  };
  const double bytes = static_cast<double>(batch * shape.features) * sizeof(float);
  const double flops =
      4.0 * static_cast<double>(batch) * static_cast<double>(bank.columns() * shape.features);
  const double seconds =
      measure(state, {call, {}},
              {read_limit(bytes, data.features.data(), shape.rows * shape.features, pool),
               multiply_add_limit<T>(flops, pool)});
  state.counters["bytes_per_second"] = bytes / seconds;
  state.counters["flops"] = flops / seconds;
}

[[maybe_unused]] const bool registered = [] {
  for (const Case& chosen : cases) {
    for_each_loss([&](const RowLoss& loss) {
      if (columns_of(loss, chosen.shape.outputs) == 0) {
        return;
      }
      for (const Precision precision : {Precision::fp64, Precision::fp32}) {
        std::string name = fmt::format("loss_gradient/{}/{}/{}", steepest::name(loss),
                                       steepest::name(precision), chosen.shape.text());
        name += chosen.models > 1 ? fmt::format("/models:{}", chosen.models) : "";
        name += chosen.batch > 0 ? fmt::format("/batch:{}", chosen.batch) : "";
        benchmark::RegisterBenchmark(name.c_str(), [=](benchmark::State& state) {
          precision == Precision::fp64 ? run_case<double>(state, loss, chosen)
                                       : run_case<float>(state, loss, chosen);
        })->UseManualTime();
      }
    });
  }
  return true;
}();

}  // namespace
}  // namespace steepest::bench
