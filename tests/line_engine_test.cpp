// SPDX-License-Identifier: Apache-2.0
// Engine line: trials judged along lines whose scores are kept, steps on the host.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "kernels/host_steps.hpp"
#include "kernels/state_archive.hpp"
#include "steepest/error.hpp"
#include "tests/backends.hpp"
#include "tests/named_data.hpp"
#include "tests/problems.hpp"
#include "tests/rate_plans.hpp"
#include "tests/thrown.hpp"

namespace steepest::tests {
namespace {

using kernels::Backend;
using kernels::BankPlan;
using kernels::ModelPlan;

using History = std::vector<std::vector<kernels::StepRecord>>;

// On the CPU: over its passes, as over those of a GPU.
class LineEngine : public OnEveryBackend {
 protected:
  [[nodiscard]] std::unique_ptr<Backend> make_line() const {
    return GetParam().kind == DeviceKind::cpu
               ? kernels::make_line_backend(kernels::make_cpu_backend(2, GetParam().precision), 2)
               : make();
  }
};

// First rates that are far too long, right and far too short.
std::vector<ModelPlan> searching_plans() {
  std::vector<ModelPlan> plans;
  for (const char* schedule : {"armijo", "armijo:c=0.1,gamma=0.7,growth=4", "barzilai_borwein",
                               "barzilai_borwein:quotient=alternating,memory=3"}) {
    for (const double rate : {1e4, 0.3, 1e-4}) {
      plans.push_back(plan_of(schedule, "gradient", rate));
      plans.back().penalty.l2 = 0.05;
      plans.back().has_intercept = rate < 1.0;
    }
  }
  return plans;
}

TEST_P(LineEngine, AValueOnALineIsThatOfItsPoint) {
  for (const RowLoss& loss : every_loss()) {
    for (const std::int64_t outputs : {1, 3, 40}) {
      const ProblemShape shape{1100, 5, outputs, true};
      const std::int64_t columns = columns_of(loss, outputs);
      const bool constant = std::holds_alternative<SoftmaxLoss>(loss) && columns == 1;
      if (columns != outputs || constant) {
        continue;
      }
      const auto backend = GetParam().kind == DeviceKind::cpu
                               ? kernels::make_cpu_backend(2, GetParam().precision)
                               : kernels::make_cuda_backend(0, GetParam().precision);
      backend->hold(random_data_for(loss, shape, 4));
      backend->start(bank_of(loss, shape, {plan_of("constant", "gradient", 0.1)}));
      const std::vector<double> point = random_parameters(columns * 6, 0.3, 8);
      const std::vector<double> direction = random_parameters(columns * 6, 0.3, 9);
      for (const double length : {0.0, 0.7, -0.4}) {
        const kernels::LineValue found = backend->evaluate_on_line(point, direction, length);
        std::vector<double> at = point;
        for (std::size_t e = 0; e < at.size(); ++e) {
          at[e] -= length * direction[e];
        }
        const kernels::LossAndGradient expected = backend->evaluate_at(at);
        double slope = 0.0;
        for (std::size_t e = 0; e < at.size(); ++e) {
          slope += expected.gradient[e] * direction[e];
        }
        const double size = std::fmax(1.0, std::fabs(expected.mean_loss));
        EXPECT_NEAR(found.mean_loss, expected.mean_loss, size * tolerance(1e-13, 2e-6))
            << to_string(loss);
        // A quantile's kinks are crossed by rounding.
        const double kink = std::holds_alternative<QuantileLoss>(loss) ? 3e-3 : 0.0;
        EXPECT_NEAR(found.slope, slope, size * tolerance(1e-12, 5e-6 + kink)) << to_string(loss);
      }
      EXPECT_NE(backend->evaluate_on_line(direction, point, 0.7).mean_loss,
                backend->evaluate_on_line(point, direction, 0.7).mean_loss);
    }
  }
}

TEST_P(LineEngine, StandsTrialsThatOverflow) {
  const ProblemShape shape{200, 3, 1};
  const auto backend = make_line();
  backend->hold(random_data_for(PoissonLoss{}, shape, 4));
  backend->start(bank_of(PoissonLoss{}, shape, {plan_of("armijo", "gradient", 1e30)}));
  History history(1);
  backend->run(300, history);
  backend->evaluate();
  EXPECT_TRUE(std::isfinite(backend->state(0).at.mean_loss));
  EXPECT_LT(backend->state(0).at.gradient_max_norm, tolerance(1e-6, 1e-4));
}

TEST_P(LineEngine, TakesTheStepsOfPasses) {
  const ProblemShape shape{400, 5, 3, true};
  const BankPlan bank = bank_of(SoftmaxLoss{}, shape, searching_plans());
  const auto expected = kernels::make_cpu_backend(1, Precision::fp64);
  const auto found = make_line();
  EXPECT_EQ(found->engine(), Engine::line);
  const std::size_t models = bank.models.size();
  History histories[2] = {History(models), History(models)};
  int side = 0;
  for (Backend* const backend : {expected.get(), found.get()}) {
    backend->hold(random_data(shape, true, 3));
    backend->start(bank);
    backend->run(25, histories[side]);
    backend->run(15, histories[side++]);
  }
  std::int64_t taken_back = 0;
  std::int64_t compared = 0;
  for (std::size_t k = 0; k < models; ++k) {
    ASSERT_EQ(histories[1][k].size(), histories[0][k].size()) << k;
    for (std::size_t s = 0; s < histories[0][k].size(); ++s) {
      const kernels::StepRecord& one = histories[1][k][s];
      const kernels::StepRecord& other = histories[0][k][s];
      if (s > 0 && other.at.gradient_max_norm < tolerance(1e-4, 2e-2)) {
        break;  // where rounding comes to choose the rates
      }
      EXPECT_EQ(one.step, other.step);
      EXPECT_NEAR(one.learning_rate / other.learning_rate, 1.0, tolerance(1e-6, 2e-2))
          << k << " " << s;
      EXPECT_NEAR(one.at.mean_loss, other.at.mean_loss, tolerance(1e-10, 1e-4)) << k << " " << s;
      taken_back += s > 0 && other.learning_rate < histories[0][k][s - 1].learning_rate ? 1 : 0;
      ++compared;
    }
    expected->evaluate();
    found->evaluate();
    const auto model = static_cast<std::int64_t>(k);
    EXPECT_NEAR(found->state(model).at.objective(), expected->state(model).at.objective(),
                tolerance(1e-9, 1e-5))
        << k;
  }
  EXPECT_GT(taken_back, 40);
  EXPECT_GT(compared, 100);
}

TEST_P(LineEngine, GoesOnToTheSameBits) {
  const ProblemShape shape{300, 6, 1, true};
  const BankPlan bank = bank_of(LogisticLoss{}, shape, {plan_of("armijo", "gradient", 100.0)});
  const auto backend = make_line();
  const auto other = make_line();
  for (Backend* const each : {backend.get(), other.get()}) {
    each->hold(random_data(shape, true, 6));
    each->start(bank);
  }
  History history(1);
  backend->run(3, history);  // in the middle of a search
  auto written = kernels::StateArchive::writing();
  backend->exchange_state(written);
  backend->run(30, history);
  auto read = kernels::StateArchive::reading(written.written(), "the state");
  other->exchange_state(read);
  other->run(30, history);
  EXPECT_EQ(other->parameters(0), backend->parameters(0));
  EXPECT_EQ(other->state(0).step, 33);
}

TEST_P(LineEngine, RefusesWhatHasNoLine) {
  const ProblemShape shape{60, 3, 1};
  const auto backend = make_line();
  backend->hold(random_data(shape, false, 7));
  const auto refusal = [&](const char* schedule, const char* rule, std::int64_t batch) {
    BankPlan bank = bank_of(SquaredLoss{}, shape, {plan_of(schedule, rule, 0.1)});
    bank.batch_size = batch;
    return thrown_message<OptionError>([&] { backend->start(bank); });
  };
  const std::string others =
      "--engine line is for schedules that search for their rate along a line, armijo and "
      "barzilai_borwein: use --engine products";
  EXPECT_EQ(refusal("constant", "gradient", 0), others);
  EXPECT_EQ(refusal("adgd", "gradient", 0), others);
  EXPECT_EQ(refusal("constant", "lbfgs:4", 0), others);
  EXPECT_EQ(refusal("armijo", "gradient", 20),
            "--engine line takes all rows a step: use --batch-size full, or --engine products");
}

TEST_P(LineEngine, Fits) {
  if (GetParam().kind == DeviceKind::cpu) {
    GTEST_SKIP() << "--engine is for a GPU";
  }
  FitOptions options = fit_options();
  options.schedule = parse_schedule("armijo");
  options.rule = parse_rule("gradient");
  options.tolerance_gradient = 1e-4;
  options.epochs = 500;
  const ProblemShape shape{500, 5, 1, true};
  const FitResult found = fit(named_random_data(shape, false, 9), options);
  EXPECT_EQ(found.engine, Engine::line);
  EXPECT_TRUE(found.termination.converged());
  options.engine = Engine::automatic;
  options.device.kind = DeviceChoice::Kind::cpu;
  const FitResult expected = fit(named_random_data(shape, false, 9), options);
  EXPECT_NEAR(found.at.objective(), expected.at.objective(), 1e-6);
}

INSTANTIATE_TEST_SUITE_P(
    Backends, LineEngine,
    testing::Values(BackendCase{DeviceKind::cpu, Precision::fp64, Engine::line},
                    BackendCase{DeviceKind::cpu, Precision::fp32, Engine::line},
                    BackendCase{DeviceKind::cuda, Precision::fp64, Engine::line},
                    BackendCase{DeviceKind::cuda, Precision::fp32, Engine::line}),
    backend_case_name);

}  // namespace
}  // namespace steepest::tests
