// SPDX-License-Identifier: Apache-2.0
// The CPU engine: passes over X on every thread, the update in between, no copy of the data.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <string>

#include "kernels/backend.hpp"
#include "kernels/loss_gradient.hpp"
#include "kernels/row_feed.hpp"
#include "kernels/second_moment.hpp"
#include "kernels/standardize.hpp"
#include "kernels/tile_products.hpp"
#include "kernels/update.hpp"

namespace steepest::kernels {
namespace {

std::string processor_name() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    if (line.rfind("model name", 0) == 0) {
      const auto colon = line.find(": ");
      return colon == std::string::npos ? line : line.substr(colon + 2);
    }
  }
  return "CPU";
}

template <class T>
class CpuBackend final : public Backend {
 public:
  explicit CpuBackend(int threads) : pool_(threads) {}

  [[nodiscard]] DeviceInfo device() const override { return describe_cpu(pool_.threads()); }

  [[nodiscard]] Precision precision() const override {
    return std::is_same_v<T, double> ? Precision::fp64 : Precision::fp32;
  }

  void hold(TrainingData data) override {
    feed_.reset();
    data_ = std::move(data);
    standardize(data_.mean, data_.scale, pool_, data_.features);
    feed_ = std::make_unique<MemoryFeed>(data_);
  }

  void hold(StreamedData data) override {
    feed_.reset();
    data_ = {};
    feed_ = std::make_unique<StreamedFeed>(std::move(data), pool_.threads());
  }

  void second_moment_product(bool intercept, const double* v, double* out) override {
    const BankShape shape{feed_->features(), 1, 1};
    std::vector<double> vector(v, v + shape.elements());
    if (!intercept) {
      vector.back() = 0.0;
    }
    LossGradient<T> pass;
    Partials partials;
    pass.set_parameters(shape, vector.data(), 0, 1);
    pass.run(QuadraticForm{}, *feed_, RowSelection::all(rows()), pool_, partials);
    for (std::int64_t e = 0; e < shape.elements(); ++e) {
      out[e] = 0.0;
      for (std::int64_t p = 0; p < partials.partitions; ++p) {
        out[e] += partials.gradient[static_cast<std::size_t>(p * shape.elements() + e)];
      }
      out[e] /= static_cast<double>(rows());
    }
    if (!intercept) {
      out[shape.features] = 0.0;
    }
  }

  [[nodiscard]] std::vector<double> second_moment(std::int64_t sample) override {
    return kernels::second_moment<T>(*feed_, sample_rows(rows(), sample), pool_);
  }

  void start(BankPlan plan) override {
    const BankShape shape{feed_->features(), plan.outputs,
                          static_cast<std::int64_t>(plan.models.size())};
    bank_ = BankState::at_start(shape, std::move(plan.models), plan.initial,
                                std::move(plan.preconditioner));
    loss_ = pass_loss(plan.loss);
    batch_size_ = plan.batch_size > 0 ? plan.batch_size : rows();
    seed_ = plan.seed;
    step_ = 0;
  }

  void run(std::int64_t steps, std::vector<std::vector<StepRecord>>& history) override {
    const UpdateMode mode =
        batch_size_ >= rows() ? UpdateMode::judged_step : UpdateMode::blind_step;
    for (std::int64_t s = 0; s < steps && any_running(); ++s, ++step_) {
      const std::vector<ModelState> before = bank_.states;
      pass_and_update(batch_of_step(rows(), batch_size_, seed_, step_), mode);
      for (std::size_t k = 0; k < before.size(); ++k) {
        if (before[k].reason == Reason::running) {
          const ModelState& now = bank_.states[k];
          history[k].push_back({before[k].step, now.learning_rate, now.at});
        }
      }
    }
  }

  void evaluate() override { pass_and_update(RowSelection::all(rows()), UpdateMode::evaluate); }

  void stop(std::int64_t model, Reason reason) override {
    bank_.states[static_cast<std::size_t>(model)].reason = reason;
  }

  [[nodiscard]] ModelState state(std::int64_t model) const override {
    return bank_.states[static_cast<std::size_t>(model)];
  }

  [[nodiscard]] std::vector<double> parameters(std::int64_t model) const override {
    const double* first = bank_.parameters_of(model);
    return {first, first + bank_.shape.elements_per_model()};
  }

  [[nodiscard]] std::vector<double> scores(std::int64_t model, std::int64_t first,
                                           std::int64_t count) override {
    const BankShape one{bank_.shape.features, bank_.shape.outputs, 1};
    LossGradient<T> pass;
    pass.set_parameters(one, bank_.parameters_of(model), 0, one.columns());
    std::vector<T> out(static_cast<std::size_t>(count * one.columns()));
    constexpr std::int64_t block = 2048;
    pool_.for_each((count + block - 1) / block, [&](std::int64_t b, int worker) {
      const std::int64_t begin = b * block;
      pass.scores(*feed_, first + begin, std::min(block, count - begin), worker,
                  out.data() + begin * one.columns());
    });
    return {out.begin(), out.end()};
  }

 private:
  [[nodiscard]] std::int64_t rows() const { return feed_->rows(); }

  [[nodiscard]] bool any_running() const {
    return std::any_of(bank_.states.begin(), bank_.states.end(),
                       [](const ModelState& state) { return state.reason == Reason::running; });
  }

  void pass_and_update(const RowSelection& rows, UpdateMode mode) {
    for (std::int64_t k = 0; k < bank_.shape.models; ++k) {
      pass_.set_parameters(bank_.shape, bank_.parameters_of(k), k * bank_.shape.outputs,
                           bank_.shape.outputs);
    }
    pass_.run(loss_, *feed_, rows, pool_, partials_);
    update(partials_, rows.count, mode, pool_, bank_);
  }

  ThreadPool pool_;
  TrainingData data_;  // empty when streamed
  std::unique_ptr<RowFeed> feed_;
  BankState bank_;
  PassLoss loss_;
  std::int64_t batch_size_ = 0;
  std::uint64_t seed_ = 0;
  std::int64_t step_ = 0;
  LossGradient<T> pass_;
  Partials partials_;
};

}  // namespace

std::unique_ptr<Backend> make_cpu_backend(int threads, Precision precision) {
  if (precision == Precision::fp64) {
    return std::make_unique<CpuBackend<double>>(threads);
  }
  return std::make_unique<CpuBackend<float>>(threads);
}

DeviceInfo describe_cpu(int threads) {
  DeviceInfo info;
  info.kind = DeviceKind::cpu;
  info.threads = threads > 0 ? threads : ThreadPool(0).threads();
  info.name = fmt::format("{} ({})", processor_name(), vector_instruction_set());
  info.memory_bytes = static_cast<std::int64_t>(sysconf(_SC_PHYS_PAGES)) * sysconf(_SC_PAGE_SIZE);
  return info;
}

}  // namespace steepest::kernels
