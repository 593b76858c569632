// SPDX-License-Identifier: Apache-2.0
// update: the sums of a pass reduced, and one step taken.
#include <benchmark/benchmark.h>

#include "bench/random_data.hpp"
#include "bench/turns.hpp"
#include "kernels/update.hpp"

namespace steepest::bench {
namespace {

struct Case {
  std::int64_t features;
  std::int64_t outputs;
  std::int64_t partitions;
  bool preconditioned = false;
};

constexpr Case cases[] = {
    {4, 3, 1},    {50, 1, 1},    {50, 1, 64},         {50, 1, 64, true},
    {784, 10, 1}, {784, 10, 64}, {784, 10, 64, true}, {10'000, 100, 16},
};

void run_case(benchmark::State& state, const Case& chosen) {
  const kernels::BankShape shape{chosen.features, chosen.outputs, 1};
  kernels::ModelPlan plan;
  plan.rule.kind = RuleKind::accelerated;
  plan.schedule.learning_rate = 1e-6;
  plan.schedule.horizon = 1;
  const auto stride = static_cast<std::size_t>(shape.stride());
  std::vector<double> preconditioner(chosen.preconditioned ? stride * stride : 0, 1e-3);
  kernels::BankState bank =
      kernels::BankState::at_start(shape, {plan}, {}, std::move(preconditioner));
  kernels::Partials partials;
  partials.partitions = chosen.partitions;
  partials.gradient.resize(static_cast<std::size_t>(chosen.partitions * shape.elements()));
  for (std::size_t e = 0; e < partials.gradient.size(); ++e) {
    partials.gradient[e] = hashed_uniform(static_cast<std::int64_t>(e), 4);
  }
  partials.loss.assign(static_cast<std::size_t>(chosen.partitions), 1.0);
  kernels::ThreadPool pool(0);
  const auto call = [&] {
    kernels::update(partials, 1000, kernels::UpdateMode::blind_step, pool, bank);
    benchmark::DoNotOptimize(bank.parameters[0].data());
  };
  // Partial sums are read once; beside them an element reads and writes gradient, parameters (two
  // reads) and velocity. A preconditioner is read once an output.
  constexpr std::int64_t touches = 7;
  const std::int64_t doubles =
      (chosen.partitions + touches) * shape.elements() +
      (chosen.preconditioned ? chosen.outputs * shape.stride() * shape.stride() : std::int64_t{0});
  const double bytes = static_cast<double>(doubles) * sizeof(double);
  const std::vector<float> plain(static_cast<std::size_t>(2 * doubles), 1.0F);
  const double seconds =
      measure(state, {call, {}},
              {read_limit(bytes, plain.data(), static_cast<std::int64_t>(plain.size()), pool)});
  state.counters["bytes_per_second"] = bytes / seconds;
}

[[maybe_unused]] const bool registered = [] {
  for (const Case& chosen : cases) {
    const kernels::BankShape shape{chosen.features, chosen.outputs, 1};
    const std::string name = fmt::format(
        "update/{}elements:{}/partitions:{}{}", shape.elements() < 50 ? "small/" : "",
        shape.elements(), chosen.partitions, chosen.preconditioned ? "/preconditioned" : "");
    benchmark::RegisterBenchmark(name.c_str(), [=](benchmark::State& state) {
      run_case(state, chosen);
    })->UseManualTime();
  }
  return true;
}();

}  // namespace
}  // namespace steepest::bench
