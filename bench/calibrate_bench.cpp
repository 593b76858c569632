// SPDX-License-Identifier: Apache-2.0
// Temperature calibration of logits in memory, all its metrics included, against one plain
// log-sum-exp pass over them: `fraction_of_pass` is a third when it costs three.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "bench/plain_log_sum_exp.hpp"
#include "bench/random_data.hpp"
#include "bench/turns.hpp"
#include "kernels/tempered_sums.hpp"
#include "steepest/calibrate.hpp"

namespace steepest::bench {
namespace {

constexpr Shape shapes[] = {{150, 4, 1}, {50'000, 1000, 1}, {1'000'000, 100, 1}};

// Every third label is the largest logit's class, the others are any.
class RandomLogits final : public LogitRows {
 public:
  explicit RandomLogits(const Shape& shape)
      : rows_(shape.rows),
        classes_(shape.features),
        logits_(static_cast<std::size_t>(rows_ * classes_ + kernels::logits_tail)),
        labels_(static_cast<std::size_t>(rows_)) {
    constexpr double spread = 8.0;
    for (std::int64_t i = 0; i < rows_ * classes_; ++i) {
      logits_[static_cast<std::size_t>(i)] = static_cast<float>(spread * hashed_uniform(i, 0));
    }
    for (std::int64_t r = 0; r < rows_; ++r) {
      const float* const row = logits_.data() + r * classes_;
      const std::int64_t top = std::max_element(row, row + classes_) - row;
      labels_[static_cast<std::size_t>(r)] =
          static_cast<std::int32_t>(r % 3 == 0 ? top : r % classes_);
    }
  }

  [[nodiscard]] std::int64_t rows() const override { return rows_; }
  [[nodiscard]] std::int64_t classes() const override { return classes_; }
  [[nodiscard]] bool holds_doubles() const override { return false; }
  [[nodiscard]] std::string name() const override { return "random"; }
  [[nodiscard]] bool is_file() const override { return false; }
  LogitBlock read(std::int64_t first, std::int64_t /*count*/,
                  LogitBuffer& /*buffer*/) const override {
    return {logits_.data() + first * classes_, nullptr, labels_.data() + first};
  }

 private:
  std::int64_t rows_;
  std::int64_t classes_;
  std::vector<float> logits_;
  std::vector<std::int32_t> labels_;
};

void run_shape(benchmark::State& state, const Shape& shape) {
  const RandomLogits rows(shape);
  kernels::ThreadPool pool(0);
  LogitBuffer buffer;
  const float* const logits = rows.read(0, shape.rows, buffer).floats;
  const auto call = [&] { benchmark::DoNotOptimize(calibrate_temperature(rows, {})); };
  const Limit pass{
      "fraction_of_pass", 1.0, 1.0, [&] {
        benchmark::DoNotOptimize(plain_log_sum_exp(logits, shape.rows, shape.features, pool));
      }};
  const double seconds =
      measure(state, {call, {}},
              {pass, read_limit(shape.feature_bytes(), logits, shape.rows * shape.features, pool)});
  state.counters["bytes_per_second"] = shape.feature_bytes() / seconds;
}

[[maybe_unused]] const bool registered = [] {
  for (const Shape& shape : shapes) {
    benchmark::RegisterBenchmark(("calibrate/" + shape.text()).c_str(),
                                 [=](benchmark::State& state) { run_shape(state, shape); })
        ->UseManualTime();
  }
  return true;
}();

}  // namespace
}  // namespace steepest::bench
