// SPDX-License-Identifier: Apache-2.0
#include "bench/turns.hpp"

#include <algorithm>
#include <chrono>
#include <thread>

#include "bench/limits.hpp"

namespace steepest::bench {
namespace {

constexpr double shortest_turn = 2e-3;
constexpr std::int64_t most_calls = 100'000;

double seconds_of(const Operation& operation, std::int64_t calls) {
  if (operation.prepare) {
    operation.prepare();
  }
  const auto begin = std::chrono::steady_clock::now();
  for (std::int64_t call = 0; call < calls; ++call) {
    operation.call();
  }
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// One side of the comparison, with the times of its turns.
struct Side {
  Operation operation;
  std::int64_t calls = 1;
  std::vector<double> seconds = {};  // a call, one a turn

  // Calls that fill the shortest turn, judged by a second, warm call.
  void choose_calls() {
    seconds_of(operation, 1);
    const double one = seconds_of(operation, 1);
    if (!operation.prepare && one < shortest_turn) {
      calls = std::min(most_calls, static_cast<std::int64_t>(shortest_turn / std::max(one, 1e-9)));
      calls = std::max<std::int64_t>(calls, 1);
    }
  }

  double take_turn() {
    // The idle threads of another pool spin for a while before they sleep: let them.
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    if (calls > 1) {
      operation.call();
    }
    const double total = seconds_of(operation, calls);
    seconds.push_back(total / static_cast<double>(calls));
    return total;
  }
};

}  // namespace

Limit read_limit(double operation_bytes, const float* values, std::int64_t count,
                 kernels::ThreadPool& pool) {
  return {"fraction_of_read", operation_bytes, static_cast<double>(count) * sizeof(float),
          [values, count, &pool] { benchmark::DoNotOptimize(plain_sum(values, count, pool)); }};
}

template <class T>
Limit multiply_add_limit(double operation_flops, kernels::ThreadPool& pool) {
  constexpr std::int64_t flops = 200'000'000;
  const auto done = static_cast<double>(multiply_adds<T>(flops, pool));
  return {"fraction_of_fma", operation_flops, done,
          [&pool] { benchmark::DoNotOptimize(multiply_adds<T>(flops, pool)); }};
}

template Limit multiply_add_limit<float>(double, kernels::ThreadPool&);
template Limit multiply_add_limit<double>(double, kernels::ThreadPool&);

double measure(benchmark::State& state, const Operation& operation,
               const std::vector<Limit>& limits) {
  Side measured{operation};
  measured.choose_calls();
  std::vector<Side> references;
  for (const Limit& limit : limits) {
    references.push_back({{limit.call, {}}});
    references.back().choose_calls();
  }
  for (auto _ : state) {
    state.SetIterationTime(measured.take_turn());
    for (Side& reference : references) {
      reference.take_turn();
    }
  }
  const double seconds = median(measured.seconds);
  state.counters["seconds"] = seconds;
  state.counters["calls"] = static_cast<double>(measured.calls);
  for (std::size_t i = 0; i < limits.size(); ++i) {
    std::vector<double> ratios;
    for (std::size_t turn = 0; turn < measured.seconds.size(); ++turn) {
      ratios.push_back(references[i].seconds[turn] / measured.seconds[turn]);
    }
    state.counters[limits[i].counter] = limits[i].operation_work / limits[i].work * median(ratios);
    state.counters[limits[i].counter == "fraction_of_fma" ? "limit_flops" : "limit_bytes"] =
        limits[i].work / median(references[i].seconds);
  }
  return seconds;
}

}  // namespace steepest::bench
