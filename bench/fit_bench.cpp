// SPDX-License-Identifier: Apache-2.0
// Whole fits with default options, from a data set in memory to a converged model.
#include <benchmark/benchmark.h>

#include <algorithm>

#include "bench/turns.hpp"
#include "steepest/fit.hpp"
#include "steepest/generate.hpp"
#include "steepest/read.hpp"

namespace steepest::bench {
namespace {

Dataset generated_linear(std::int64_t rows, std::int64_t features) {
  GeneratorOptions options;
  options.rows = rows;
  options.features = features;
  options.condition = 100.0;
  const Generator generator(options);
  Dataset data;
  data.schema.target_names = {"y"};
  data.schema.columns.resize(static_cast<std::size_t>(features));
  for (std::size_t j = 0; j < data.schema.columns.size(); ++j) {
    data.schema.columns[j].name = generator.column_names()[j];
  }
  data.features = FeatureMatrix(rows, features);
  for (std::int64_t i = 0; i < rows; ++i) {
    const std::vector<float> row = generator.features(i);
    std::copy(row.begin(), row.end(), data.features.row(i));
    data.targets.push_back(generator.target(i, row));
  }
  return data;
}

Dataset iris() {
  ReadOptions options;
  options.paths = {STEEPEST_SOURCE_FOLDER "/data/iris.csv"};
  options.targets = {"species"};
  return read_dataset(options);
}

Dataset copy_of(const Dataset& data) {
  Dataset copy;
  copy.schema = data.schema;
  copy.features = FeatureMatrix(data.rows(), data.features.columns());
  std::copy_n(data.features.data(), data.rows() * data.features.columns(), copy.features.data());
  copy.targets = data.targets;
  copy.labels = data.labels;
  return copy;
}

// fit takes the data, so that every call gets a copy, made untimed.
void run_fit(benchmark::State& state, const Dataset& data) {
  Dataset copy;
  std::int64_t steps = 0;
  bool converged = false;
  kernels::ThreadPool pool(0);
  const Operation operation{[&] {
                              const FitResult result = fit(std::move(copy), FitOptions{});
                              steps = result.steps;
                              converged = result.termination.converged();
                            },
                            [&] { copy = copy_of(data); }};
  const auto bytes = static_cast<double>(data.features.bytes());
  const double seconds = measure(
      state, operation, {read_limit(bytes, data.features.data(), data.features.bytes() / 4, pool)});
  if (!converged) {
    state.SkipWithError("the fit did not converge");
  }
  // How many plain reads of X take as long as the fit.
  state.counters["plain_reads"] = 1.0 / state.counters["fraction_of_read"];
  state.counters["bytes_per_second"] = bytes / seconds;
  state.counters["steps"] = static_cast<double>(steps);
}

[[maybe_unused]] const bool registered = [] {
  benchmark::RegisterBenchmark("fit/small/softmax/iris",
                               [](benchmark::State& state) { run_fit(state, iris()); })
      ->UseManualTime()
      ->Unit(benchmark::kMillisecond);
  benchmark::RegisterBenchmark("fit/linear/500000x50",
                               [](benchmark::State& state) {
                                 static const Dataset data = generated_linear(500'000, 50);
                                 run_fit(state, data);
                               })
      ->UseManualTime()
      ->Unit(benchmark::kMillisecond);
  return true;
}();

}  // namespace
}  // namespace steepest::bench
