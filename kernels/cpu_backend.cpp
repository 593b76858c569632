// SPDX-License-Identifier: Apache-2.0
// The CPU engine: passes over X on every thread, the update in between, no copy of the data.

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <string>

#include "kernels/backend.hpp"
#include "kernels/bank_pass.hpp"
#include "kernels/loss_gradient.hpp"
#include "kernels/loss_rounding.hpp"
#include "kernels/moment_steps.hpp"
#include "kernels/normal_equations.hpp"
#include "kernels/row_feed.hpp"
#include "kernels/second_moment.hpp"
#include "kernels/state_archive.hpp"
#include "kernels/update.hpp"
#include "steepest/error.hpp"

namespace steepest::kernels {
namespace {

// Passes that a search for the largest eigenvalue takes at least.
constexpr std::int64_t fewest_products = 10;

template <class T>
class CpuBackend final : public Backend {
 public:
  explicit CpuBackend(int threads) : pool_(threads) {}

  [[nodiscard]] DeviceInfo device() const override { return describe_cpu(pool_.threads()); }

  [[nodiscard]] Precision precision() const override {
    return std::is_same_v<T, double> ? Precision::fp64 : Precision::fp32;
  }

  [[nodiscard]] Storage storage() const override { return feed_->storage(); }

  void hold(TrainingData data) override {
    forget();
    data_ = std::move(data);
    feed_ = std::make_unique<MemoryFeed>(data_, pool_.threads());
    if (data_.storage == Storage::bfloat16) {
      feed_->settle(pool_);  // every pass shall see the same rows
    }
  }

  void hold(StreamedData data) override {
    forget();
    feed_ = std::make_unique<StreamedFeed>(std::move(data), pool_.threads());
  }

  void second_moment_product(bool intercept, const double* v, double* out) override {
    const BankShape shape{feed_->features(), 1, 1};
    std::vector<double> vector(v, v + shape.elements());
    if (!intercept) {
      vector.back() = 0.0;
    }
    if (normal_equations_pay(fewest_products)) {
      normal_equations().product(vector.data(), pool_, out);
    } else {
      row_product(shape, vector.data(), out);
    }
    if (!intercept) {
      out[shape.features] = 0.0;
    }
  }

  [[nodiscard]] std::vector<double> second_moment(std::int64_t sample) override {
    if (sample >= rows() && normal_equations_pay(most_moment_columns)) {
      return normal_equations().features_moment();
    }
    return kernels::second_moment<T>(*feed_, sample_rows(rows(), sample), 0, pool_);
  }

  [[nodiscard]] std::vector<double> moments() override {
    return kernels::second_moment<double>(*feed_, RowSelection::all(rows()), feed_->outputs(),
                                          pool_);
  }

  void trained_rows(std::int64_t first, std::int64_t count, float* out) override {
    constexpr std::int64_t block = 256;
    const std::int64_t d = feed_->features();
    const RowSelection selection{first, count, false, rows(), 0, 0, 1};
    pool_.for_each((count + block - 1) / block, [&](std::int64_t b, int worker) {
      std::array<std::int64_t, block> indexes{};
      std::array<const float*, block> pointers{};
      const std::int64_t begin = b * block;
      const std::int64_t size = std::min(block, count - begin);
      feed_->tile({&selection, begin, size, begin + size, worker}, indexes.data(), pointers.data());
      for (std::int64_t r = 0; r < size; ++r) {
        std::copy_n(pointers[static_cast<std::size_t>(r)], d, out + (begin + r) * d);
      }
    });
  }

  void start(BankPlan plan) override {
    const BankShape shape{feed_->features(), plan.outputs,
                          static_cast<std::int64_t>(plan.models.size())};
    bank_ = BankState::at_start(shape, std::move(plan.models), plan.initial,
                                std::move(plan.preconditioner), loss_rounding(precision()));
    bank_.bounds = std::move(plan.bounds);
    bank_.simplex = std::move(plan.simplex);
    for (ModelState& state : bank_.states) {
      state.step = plan.first_step;
    }
    known_.assign(bank_.states.size(), 0);
    batch_size_ = plan.batch_size > 0 ? plan.batch_size : rows();
    for (ModelPlan& model : bank_.plans) {
      model.objective_rounding = loss_rounding(precision());
      model.rows_share =
          std::min(1.0, static_cast<double>(batch_size_) / static_cast<double>(rows()));
    }
    seed_ = plan.seed;
    together_ = plan.together;
    step_ = plan.first_step;
    pass_.start(pass_loss(plan.loss), std::move(plan.folds), std::move(plan.masks));
    // A preconditioner from a sample of the rows says that all of them are too many.
    const bool sampled = !bank_.preconditioner.empty() && !normal_equations_.has_value();
    steps_on_moments_ = plan.allow_normal_equations && !pass_.is_masked() &&
                        std::holds_alternative<SquaredLoss>(pass_.loss()) && takes_moments(bank_) &&
                        batch_size_ >= rows() && !sampled && rows_are_many(plan.most_steps);
    const bool evaluates_on_moments =
        plan.allow_normal_equations && !pass_.is_masked() &&
        std::holds_alternative<SquaredLoss>(pass_.loss()) && batch_size_ < rows() &&
        rows_are_many(plan.most_steps / ((rows() - 1) / batch_size_ + 1));
    moments_before_step_ = evaluates_on_moments ? plan.most_steps : 0;
    if (!steps_on_moments_) {
      feed_->settle(pool_);
    }
    if (steps_on_moments_ || evaluates_on_moments) {
      normal_equations().start(shape);
    }
  }

  [[nodiscard]] bool uses_normal_equations() const override { return steps_on_moments_; }

  void run(std::int64_t steps, std::vector<std::vector<StepRecord>>& history) override {
    const bool full = batch_size_ >= rows();
    for (std::int64_t s = 0; s < steps && any_running(); ++s, ++step_) {
      before_ = bank_.states;
      if (steps_on_moments_) {
        moment_steps_.step(
            before_, rows(),
            [this](const std::vector<std::int64_t>& models) {
              pass(models, RowSelection::all(rows()), nullptr, false);
            },
            pool_, *normal_equations_, bank_, partials_);
      } else {
        const RowSelection next = batch_of_step(rows(), batch_size_, seed_, step_ + 1, together_);
        const RowSelection batch = batch_of_step(rows(), batch_size_, seed_, step_, together_);
        pass(running(), batch, &next, false);
        update(partials_, batch.count, full ? UpdateMode::judged_step : UpdateMode::blind_step,
               pool_, bank_);
        while (!full && any_trial(bank_)) {
          pass(running(), batch, nullptr, false);
          settle_trials(partials_, batch.count, pool_, bank_);
        }
      }
      for (std::size_t k = 0; k < before_.size(); ++k) {
        if (before_[k].reason == Reason::running) {
          const ModelState& now = bank_.states[k];
          history[k].push_back({before_[k].step, now.learning_rate, now.at});
        }
      }
    }
  }

  void exchange_state(StateArchive& archive) override {
    archive.exchange_in(step_, 0, std::numeric_limits<std::int64_t>::max() / 2);
    kernels::exchange_state(archive, bank_);
    if (steps_on_moments_) {
      normal_equations_->exchange(archive);
    }
    known_.assign(known_.size(), 0);
  }

  // A model that has ended is evaluated once. At an end, and that of the budget, the rows are
  // asked.
  void evaluate() override {
    std::vector<char> evaluated(known_.size(), 0);
    if (step_ < moments_before_step_) {
      evaluated = evaluate_on_moments(rows(), pool_, *normal_equations_, bank_, partials_);
    }
    chosen_.clear();
    for (std::size_t k = 0; k < known_.size(); ++k) {
      if (known_[k] == 0 && evaluated[k] == 0) {
        chosen_.push_back(static_cast<std::int64_t>(k));
      }
    }
    if (chosen_.empty()) {
      return;
    }
    before_ = bank_.states;
    pass(chosen_, RowSelection::all(rows()), nullptr, true);
    update(partials_, rows(), UpdateMode::evaluate, pool_, bank_);
    for (std::size_t k = 0; k < known_.size(); ++k) {
      if (known_[k] != 0 || evaluated[k] != 0) {
        bank_.states[k] = before_[k];
      } else {
        known_[k] = static_cast<char>(bank_.states[k].reason != Reason::running);
      }
    }
  }

  void stop(std::int64_t model, Reason reason) override {
    bank_.stop(model, reason);
    known_[static_cast<std::size_t>(model)] = 0;
  }

  [[nodiscard]] ModelState state(std::int64_t model) const override {
    return bank_.states[static_cast<std::size_t>(model)];
  }

  [[nodiscard]] std::vector<double> parameters(std::int64_t model) const override {
    const double* first = bank_.reported_of(model);
    return {first, first + bank_.shape.elements_per_model()};
  }

  [[nodiscard]] LossAndGradient evaluate_at(const std::vector<double>& parameters) override {
    const BankShape one{bank_.shape.features, bank_.shape.outputs, 1};
    LossGradient<T> pass;
    Partials sums;
    pass.set_parameters(one, parameters.data(), 0, one.columns());
    pass.run(pass_.loss(), *feed_, RowSelection::all(rows()), nullptr, pool_, sums);
    const auto n = static_cast<double>(rows());
    LossAndGradient found;
    for (const double part : sums.loss) {
      found.mean_loss += part / n;
    }
    for (std::int64_t e = 0; e < one.elements(); ++e) {
      found.gradient.push_back(gradient_sum(sums, one, e) / n);
    }
    return found;
  }

  void features(const std::int64_t* rows, std::int64_t count, double* out) override {
    const std::int64_t width = feed_->features();
    RowSelection one = RowSelection::all(this->rows());
    one.count = 1;
    for (std::int64_t i = 0; i < count; ++i) {
      one.first = rows[i];
      std::int64_t index = 0;
      const float* row = nullptr;
      feed_->tile({&one, 0, 1, 1, 0}, &index, &row);
      out = std::copy_n(row, width, out);
    }
  }

  void scores(std::int64_t model, std::int64_t first, std::int64_t count, double* out) override {
    const BankShape one{bank_.shape.features, bank_.shape.outputs, 1};
    LossGradient<T> pass;
    pass.set_parameters(one, bank_.reported_of(model), 0, one.columns());
    constexpr std::int64_t block = 2048;
    std::vector<std::vector<T>> rounded(static_cast<std::size_t>(pool_.threads()));
    pool_.for_each((count + block - 1) / block, [&](std::int64_t b, int worker) {
      const std::int64_t begin = b * block;
      const std::int64_t size = std::min(block, count - begin);
      double* const to = out + begin * one.columns();
      if constexpr (std::is_same_v<T, double>) {
        pass.scores(*feed_, first + begin, size, worker, to);
      } else {
        std::vector<T>& mine = rounded[static_cast<std::size_t>(worker)];
        mine.resize(static_cast<std::size_t>(block * one.columns()));
        pass.scores(*feed_, first + begin, size, worker, mine.data());
        std::copy_n(mine.begin(), size * one.columns(), to);
      }
    });
  }

 private:
  [[nodiscard]] std::int64_t rows() const { return feed_->rows(); }

  [[nodiscard]] bool any_running() const {
    return std::any_of(bank_.states.begin(), bank_.states.end(),
                       [](const ModelState& state) { return state.reason == Reason::running; });
  }

  void forget() {
    feed_.reset();
    data_ = {};
    normal_equations_.reset();
    steps_on_moments_ = false;
    moments_before_step_ = 0;
  }

  // As rows_are_many(), or they are there.
  [[nodiscard]] bool normal_equations_pay(std::int64_t passes) const {
    return normal_equations_.has_value() || rows_are_many(passes);
  }

  // Whether second moments are worth their price instead of so many passes over the rows.
  [[nodiscard]] bool rows_are_many(std::int64_t passes) const {
    const std::int64_t columns = feed_->features() + 1 + feed_->outputs();
    return feed_->outputs() > 0 && moments_pay(columns, rows(), passes);
  }

  NormalEquations& normal_equations() {
    if (!normal_equations_) {
      normal_equations_.emplace(moments(), rows(), feed_->features(), feed_->outputs());
    }
    return *normal_equations_;
  }

  void row_product(const BankShape& shape, const double* v, double* out) {
    LossGradient<T> pass;
    Partials partials;
    feed_->settle(pool_);
    pass.set_parameters(shape, v, 0, 1);
    pass.run(QuadraticForm{}, *feed_, RowSelection::all(rows()), nullptr, pool_, partials);
    for (std::int64_t e = 0; e < shape.elements(); ++e) {
      out[e] =
          gradient_sum(partials, shape, static_cast<std::size_t>(e)) / static_cast<double>(rows());
    }
  }

  // An element of the gradient, parts added in order.
  static double gradient_sum(const Partials& partials, const BankShape& shape,
                             std::int64_t element) {
    double sum = 0.0;
    for (std::int64_t p = 0; p < partials.partitions; ++p) {
      sum += partials.gradient[static_cast<std::size_t>(p * shape.elements() + element)];
    }
    return sum;
  }

  const std::vector<std::int64_t>& running() {
    chosen_.clear();
    for (std::size_t k = 0; k < bank_.states.size(); ++k) {
      if (bank_.states[k].reason == Reason::running) {
        chosen_.push_back(static_cast<std::int64_t>(k));
      }
    }
    return chosen_;
  }

  // At the points the models report, or at those they take their gradients at.
  void pass(const std::vector<std::int64_t>& models, const RowSelection& rows,
            const RowSelection* next, bool reported) {
    if (!models.empty()) {
      pass_.run(bank_, models, reported, *feed_, rows, next, pool_, partials_);
    }
  }

  ThreadPool pool_;
  TrainingData data_;  // empty when streamed
  std::unique_ptr<RowFeed> feed_;
  BankState bank_;
  std::int64_t batch_size_ = 0;
  std::uint64_t seed_ = 0;
  std::int64_t together_ = 1;
  std::int64_t step_ = 0;
  BankPass<T> pass_;
  std::vector<std::int64_t> chosen_;  // models of a pass
  std::vector<char> known_;           // models that have ended and were evaluated since
  Partials partials_;
  std::optional<NormalEquations> normal_equations_;  // once asked for
  bool steps_on_moments_ = false;
  std::int64_t moments_before_step_ = 0;  // epochs of mini-batches end on them before this step
  MomentSteps moment_steps_;
  std::vector<ModelState> before_;
};

}  // namespace

std::unique_ptr<Backend> make_cpu_backend(int threads, Precision precision) {
  if (precision == Precision::fp64) {
    return std::make_unique<CpuBackend<double>>(threads);
  }
  if (precision != Precision::fp32) {
    throw OptionError("--precision " + std::string(name(precision)) +
                      " is for the tensor cores of a GPU, and this run is on the CPU: use --device "
                      "cuda, or --precision fp32");
  }
  return std::make_unique<CpuBackend<float>>(threads);
}

}  // namespace steepest::kernels
