// SPDX-License-Identifier: Apache-2.0
// The CUDA engine: data and bank live on the device, steps are queued without waiting for one.
#include <algorithm>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "kernels/backend.hpp"
#include "kernels/block_steps.cuh"
#include "kernels/device_bank.cuh"
#include "kernels/device_data.cuh"
#include "kernels/device_limits.cuh"
#include "kernels/fused_pass.cuh"
#include "kernels/loss_gradient.cuh"
#include "kernels/loss_rounding.hpp"
#include "kernels/matrix_products.cuh"
#include "kernels/rounding.hpp"
#include "kernels/score_line.cuh"
#include "kernels/second_moment.cuh"
#include "kernels/state_archive.hpp"
#include "kernels/step_graph.cuh"
#include "kernels/step_reports.cuh"
#include "kernels/stream.cuh"
#include "kernels/update.cuh"
#include "steepest/error.hpp"

namespace steepest::kernels {
namespace {

template <class T>
class CudaBackend final : public Backend {
 public:
  CudaBackend(DeviceInfo info, Precision precision, Engine engine)
      : info_(std::move(info)), precision_(precision), engine_(engine), products_(stream_.get()) {
    if (engine != Engine::fused && rounding_of(precision) != Rounding::none) {
      rounded_products_.emplace(stream_.get(), rounding_of(precision));
    }
  }

  [[nodiscard]] DeviceInfo device() const override { return info_; }

  [[nodiscard]] Precision precision() const override { return precision_; }

  [[nodiscard]] Engine engine() const override { return engine_; }

  [[nodiscard]] Storage storage() const override { return data_.storage(); }

  void hold(TrainingData data) override {
    require_storage_serves(data.storage, engine_);
    take(std::move(data));
  }

  void hold(StreamedData data) override { take(data); }

  void second_moment_product(bool intercept, const double* v, double* out) override {
    const DeviceScope scope(info_.ordinal);
    const BankShape shape{data_.features(), 1, 1};
    if (probe_ == nullptr) {
      probe_ = std::make_unique<DeviceLossGradient<T>>(shape, data_.pass_rows(), 0, products_);
    }
    std::vector<double> vector(v, v + shape.elements());
    if (!intercept) {
      vector.back() = 0.0;
    }
    probe_->upload_weights(vector.data(), 1);
    const PassSums<T> sums = probe_->run(QuadraticForm{}, RowSelection::all(rows()));
    const std::vector<double> product = probe_->gradient(sums);
    std::transform(product.begin(), product.end(), out,
                   [this](double sum) { return sum / static_cast<double>(rows()); });
    if (!intercept) {
      out[shape.features] = 0.0;
    }
  }

  [[nodiscard]] std::vector<double> second_moment(std::int64_t sample) override {
    const DeviceScope scope(info_.ordinal);
    return device_second_moment(data_, sample_rows(rows(), sample), products_);
  }

  [[nodiscard]] std::vector<double> moments() override {
    const DeviceScope scope(info_.ordinal);
    return device_moments(data_, data_.outputs(), products_);
  }

  void trained_rows(std::int64_t first, std::int64_t count, float* out) override {
    const DeviceScope scope(info_.ordinal);
    std::vector<T> rows(static_cast<std::size_t>(count * data_.features()));
    data_.copy_rows(first, count, rows.data());
    std::transform(rows.begin(), rows.end(), out,
                   [](T value) { return static_cast<float>(value); });
  }

  void start(BankPlan plan) override {
    require_device_serves(plan, rows(), data_.features());
    batch_size_ = plan.batch_size > 0 ? plan.batch_size : rows();
    for (ModelPlan& model : plan.models) {
      model.objective_rounding = loss_rounding(precision());
    }
    const DeviceScope scope(info_.ordinal);
    pass_.reset();
    fused_.reset();
    exact_.reset();
    probe_.reset();
    bank_.reset();
    if (line_ && line_->outputs() != plan.outputs) {
      line_.reset();
    }
    loss_ = pass_loss(plan.loss);
    seed_ = plan.seed;
    together_ = plan.together;
    step_ = plan.first_step;
    blocks_.reset();
    graph_.reset();
    if (steps_in_blocks(engine_) && batch_size_ < rows()) {
      blocks_.emplace(plan, data_.features(), data_.view().pitch, batch_size_, engine_,
                      info_.ordinal);
    }
    bank_ = std::make_unique<DeviceBank>(plan, data_.features(), stream_.get());
    const std::int64_t gathered = batch_size_ < rows() && !blocks_ ? batch_size_ : 0;
    if (engine_ == Engine::fused) {
      fused_ = std::make_unique<FusedPass<T>>(bank_->shape(), data_.pass_rows(),
                                              rounding_of(precision_), stream_.get());
      pass_ = std::make_unique<DeviceLossGradient<T>>(one_model(), data_.pass_rows(), 0, products_);
    } else {
      PassRows<T> step_rows = data_.pass_rows();
      step_rows.chunk_bytes = engine_ == Engine::graph ? graph_chunk_bytes : 0;
      pass_ = std::make_unique<DeviceLossGradient<T>>(
          bank_->shape(), step_rows, gathered, rounded_products_ ? *rounded_products_ : products_);
    }
    if (rounded_products_) {
      exact_ =
          std::make_unique<DeviceLossGradient<T>>(one_model(), data_.pass_rows(), 0, products_);
    }
    reports_.emplace(bank_->shape().models,
                     blocks_ ? steps_of_a_launch(bank_->shape().models) : most_portion_steps);
    if (engine_ == Engine::graph) {
      graph_.emplace(BatchRun{rows(), batch_size_, seed_, together_},
                     steps_of_a_portion(pass_bytes()));
    }
  }

  [[nodiscard]] bool uses_normal_equations() const override { return false; }

  void run(std::int64_t steps, std::vector<std::vector<StepRecord>>& history) override {
    const DeviceScope scope(info_.ordinal);
    const std::int64_t portion = blocks_  ? steps_of_a_launch(bank_->shape().models)
                                 : graph_ ? graph_->count()
                                          : steps_of_a_portion(pass_bytes());
    const std::int64_t ahead = portions_ahead();
    reports_->forget();
    while (steps > 0 && bank_->any_running()) {
      const std::int64_t count = std::min(steps, portion);
      if (graph_ && graph_->takes(step_, count)) {
        queue_graph(count);
      } else {
        queue_steps(count, steps - count);
      }
      reports_->send(count, bank_->view().states, stream_.get());
      steps -= count;
      receive(history, ahead);
    }
    receive(history, 0);
  }

  void exchange_state(StateArchive& archive) override {
    const DeviceScope scope(info_.ordinal);
    archive.exchange_in(step_, 0, std::numeric_limits<std::int64_t>::max() / 2);
    bank_->exchange(archive);
  }

  void evaluate() override {
    const DeviceScope scope(info_.ordinal);
    const RowSelection all = RowSelection::all(rows());
    queue_pass_and_update(all, {all.count, false}, UpdateMode::evaluate, nullptr);
    bank_->refresh();
  }

  void stop(std::int64_t model, Reason reason) override {
    const DeviceScope scope(info_.ordinal);
    bank_->stop(model, reason);
  }

  [[nodiscard]] ModelState state(std::int64_t model) const override {
    return bank_->states()[static_cast<std::size_t>(model)];
  }

  [[nodiscard]] std::vector<double> parameters(std::int64_t model) const override {
    const DeviceScope scope(info_.ordinal);
    return bank_->parameters(model);
  }

  [[nodiscard]] LossAndGradient evaluate_at(const std::vector<double>& parameters) override {
    const DeviceScope scope(info_.ordinal);
    const BankShape one = one_model();
    std::optional<DeviceLossGradient<T>> own;
    if (bank_->shape().models > 1 && fused_ == nullptr && exact_ == nullptr) {
      own.emplace(one, data_.pass_rows(), 0, products_);
    }
    DeviceLossGradient<T>& pass = own ? *own : beside_steps();
    pass.upload_weights(parameters.data(), one.outputs);
    const PassSums<T> sums = pass.run(loss_, RowSelection::all(rows()));
    const auto n = static_cast<double>(rows());
    LossAndGradient found;
    found.mean_loss = pass.losses(sums).front() / n;
    found.gradient = pass.gradient(sums);
    for (double& element : found.gradient) {
      element /= n;
    }
    return found;
  }

  [[nodiscard]] LineValue evaluate_on_line(const std::vector<double>& point,
                                           const std::vector<double>& direction,
                                           double length) override {
    const DeviceScope scope(info_.ordinal);
    if (!line_) {
      line_.emplace(data_.features(), bank_->shape().outputs, data_.pass_rows(), products_);
    }
    line_->aim(point, direction);
    return line_->value(loss_, length);
  }

  void features(const std::int64_t* rows, std::int64_t count, double* out) override {
    const DeviceScope scope(info_.ordinal);
    std::vector<T> row(static_cast<std::size_t>(data_.features()));
    for (std::int64_t i = 0; i < count; ++i) {
      data_.copy_rows(rows[i], 1, row.data());
      out = std::copy(row.begin(), row.end(), out);
    }
  }

  void scores(std::int64_t model, std::int64_t first, std::int64_t count, double* out) override {
    const DeviceScope scope(info_.ordinal);
    DeviceLossGradient<T>& pass = beside_steps();
    pass.upload_weights(bank_->parameters(model).data(), bank_->shape().outputs);
    const std::vector<double> found = pass.scores(first, count, bank_->shape().outputs);
    std::copy(found.begin(), found.end(), out);
  }

 private:
  [[nodiscard]] std::int64_t rows() const { return data_.rows(); }

  [[nodiscard]] std::int64_t pass_bytes() const {
    return std::min(batch_size_, rows()) * data_.view().pitch *
           static_cast<std::int64_t>(sizeof(T));
  }

  // Portions that the device works on while the host looks at one.
  [[nodiscard]] std::int64_t portions_ahead() const {
    return engine_ == Engine::stream ? 0 : portions_worth_ahead(pass_bytes());
  }

  // Until so many portions are on their way.
  void receive(std::vector<std::vector<StepRecord>>& history, std::int64_t left) {
    while (reports_->on_their_way() > left) {
      bank_->refresh(reports_->receive(history));
    }
  }

  template <class Data>
  void take(Data&& data) {
    const DeviceScope scope(info_.ordinal);
    pass_.reset();
    fused_.reset();
    exact_.reset();
    probe_.reset();
    line_.reset();
    bank_.reset();
    data_ = {};  // before the new data comes, so that one copy is held at a time
    data_ = DeviceData<T>(std::forward<Data>(data),
                          engine_ == Engine::stream ? RowPlace::windows : RowPlace::device,
                          stream_.get());
  }

  [[nodiscard]] BankShape one_model() const {
    return {bank_->shape().features, bank_->shape().outputs, 1};
  }

  // Whose products are not rounded.
  [[nodiscard]] DeviceLossGradient<T>& beside_steps() {
    return exact_ == nullptr ? *pass_ : *exact_;
  }

  void queue_pass_and_update(const RowSelection& rows, const RowsAhead& ahead, UpdateMode mode,
                             StepRecord* records, const std::int64_t* drawn = nullptr) {
    if (fused_ != nullptr) {
      const PassParameters parameters{bank_->view(), mode == UpdateMode::evaluate};
      queue_update(fused_->run(loss_, parameters, rows), rows.count, mode, bank_->view(), records,
                   products_);
      return;
    }
    bank_->round_parameters(data_.view().pitch, pass_->weights(), mode == UpdateMode::evaluate);
    const PassSums<T> sums = pass_->run(loss_, rows, ahead, drawn);
    queue_update(sums, rows.count, mode, bank_->view(), records, products_);
  }

  [[nodiscard]] UpdateMode step_mode() const {
    return batch_size_ >= rows() ? UpdateMode::judged_step : UpdateMode::blind_step;
  }

  void queue_graph(std::int64_t count) {
    graph_->launch(
        step_, stream_.get(), [this, count] { reports_->clear(count, stream_.get()); },
        [this](std::int64_t s, const RowSelection& batch, const std::int64_t* drawn) {
          queue_pass_and_update(batch, {batch.first + batch.count, false}, step_mode(),
                                reports_->records() + s * bank_->shape().models, drawn);
        });
    step_ += count;
  }

  // `following` steps will be queued after these.
  void queue_steps(std::int64_t count, std::int64_t following) {
    const std::int64_t models = bank_->shape().models;
    reports_->clear(count, stream_.get());
    if (blocks_) {
      blocks_->queue(loss_, data_.view(), bank_->view(),
                     {step_, count, batch_size_, seed_, together_}, reports_->records(),
                     stream_.get());
      step_ += count;
      return;
    }
    for (std::int64_t s = 0; s < count; ++s, ++step_) {
      const RowSelection batch = batch_of_step(rows(), batch_size_, seed_, step_, together_);
      const std::int64_t left = count + following - s;
      const bool reach_the_end = left > (rows() - batch.first) / batch_size_;
      const RowsAhead ahead{reach_the_end ? rows() : batch.first + left * batch_size_, left > 1};
      queue_pass_and_update(batch, ahead, step_mode(), reports_->records() + s * models);
    }
  }

  DeviceInfo info_;
  Precision precision_;
  Engine engine_;
  Stream stream_;
  MatrixProducts products_;
  std::optional<MatrixProducts> rounded_products_;  // of the steps, where precision_ rounds
  DeviceData<T> data_;
  PassLoss loss_;
  std::int64_t batch_size_ = 0;
  std::uint64_t seed_ = 0;
  std::int64_t together_ = 1;
  std::int64_t step_ = 0;
  std::unique_ptr<DeviceBank> bank_;
  std::optional<BlockSteps<T>> blocks_;           // of mini-batches by engines block and grid
  std::optional<StepsOfAGraph> graph_;            // of the engine of this name
  std::unique_ptr<FusedPass<T>> fused_;           // of the engine of this name
  std::unique_ptr<DeviceLossGradient<T>> pass_;   // of the steps; beside fused_, of one model
  std::unique_ptr<DeviceLossGradient<T>> exact_;  // of one model, where pass_ rounds
  std::unique_ptr<DeviceLossGradient<T>> probe_;  // of second_moment_product
  std::optional<ScoreLine<T>> line_;              // once asked for
  std::optional<StepReports> reports_;
};

}  // namespace

std::unique_ptr<Backend> make_cuda_backend(int ordinal, Precision precision, Engine engine) {
  const Engine chosen = engine == Engine::automatic ? Engine::products : engine;
  const DeviceInfo info = choose_device({DeviceChoice::Kind::cuda, ordinal}, 0);
  if (rounding_of(precision) != Rounding::none) {
    require_tensor_cores(precision, chosen, ordinal);
  }
  const DeviceScope scope(ordinal);
  if (precision == Precision::fp64) {
    return std::make_unique<CudaBackend<double>>(info, precision, chosen);
  }
  return std::make_unique<CudaBackend<float>>(info, precision, chosen);
}

}  // namespace steepest::kernels
