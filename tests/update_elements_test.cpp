// SPDX-License-Identifier: Apache-2.0
// The update in vectors against the formula of one element.
#include "kernels/update_elements.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "tests/problems.hpp"
#include "tests/vector_levels.hpp"

namespace steepest::tests {
namespace {

using namespace kernels;

constexpr std::int64_t stride = 23;  // no whole number of vectors
constexpr std::int64_t outputs = 3;
constexpr std::int64_t elements = stride * outputs;
constexpr std::int64_t parts = 4;

ModelPlan plan_of(RuleKind kind, bool has_intercept) {
  ModelPlan plan;
  plan.rule = {kind, 0.9};
  plan.penalty.l2 = 0.125;
  plan.has_intercept = has_intercept;
  return plan;
}

BankState bank_of(const ModelPlan& plan) {
  BankState bank = BankState::at_start({stride - 1, outputs, 1}, {plan},
                                       random_parameters(elements, 1.0, 1), {});
  bank.velocities = random_parameters(elements, 0.1, 2);
  return bank;
}

TEST(UpdateElements, AreThoseOfTheFormula) {
  at_every_vector_level([] {
    const std::vector<double> partial = random_parameters(parts * elements, 10.0, 3);
    for (const RuleKind kind :
         {RuleKind::gradient, RuleKind::momentum, RuleKind::nesterov, RuleKind::accelerated}) {
      for (const bool has_intercept : {true, false}) {
        const ModelPlan plan = plan_of(kind, has_intercept);
        BankState found = bank_of(plan);
        BankState wanted = bank_of(plan);
        ModelArrays arrays(found, 0);
        UpdateSums sums;
        const GradientParts from{partial.data(), parts, elements, 0.5};
        for (const std::int64_t cut : {std::int64_t{0}, std::int64_t{31}}) {  // as two tasks
          reduce_elements(plan, from, arrays, stride, cut, cut == 0 ? 31 : elements, sums);
        }
        StepFactors factors;
        factors.rate = 0.25;
        factors.momentum = {0.75, 0.5};
        factors.clip = 0.625;
        step_elements(plan, factors, arrays, 0, elements, sums);

        ModelArrays plain(wanted, 0);
        UpdateSums expected;
        for (std::int64_t e = 0; e < elements; ++e) {
          double total = 0.0;
          for (std::int64_t p = 0; p < parts; ++p) {
            total += partial[static_cast<std::size_t>(p * elements + e)];
          }
          plain.gradient[e] = penalised_gradient(plan, e % stride == stride - 1, total * 0.5,
                                                 plain.now[e], {}, expected);
          double none = 0.0;
          plain.next[e] =
              stepped_parameter(plan, factors, e % stride == stride - 1, {}, plain.gradient[e],
                                plain.gradient[e], plain.now[e], plain.velocity[e], none, expected);
        }
        EXPECT_EQ(found.gradients, wanted.gradients);
        EXPECT_EQ(found.velocities, wanted.velocities);
        EXPECT_EQ(found.parameters[1], wanted.parameters[1]);
        EXPECT_EQ(sums.gradient_max, expected.gradient_max);
        EXPECT_EQ(sums.step_max, expected.step_max);
        EXPECT_NEAR(sums.penalty, expected.penalty, 1e-14 * expected.penalty);
        EXPECT_NEAR(sums.gradient_square, expected.gradient_square,
                    1e-14 * expected.gradient_square);
        EXPECT_NEAR(sums.uphill, expected.uphill, 1e-12 * (1.0 + std::fabs(expected.uphill)));
      }
    }
  });
}

TEST(UpdateElements, ShowWhatIsNotFinite) {
  at_every_vector_level([] {
    const ModelPlan plan = plan_of(RuleKind::gradient, true);
    for (const std::int64_t where : {0, 8, 21, 22, 68}) {
      std::vector<double> partial(elements, 1.0);
      partial[static_cast<std::size_t>(where)] = std::numeric_limits<double>::quiet_NaN();
      BankState bank = bank_of(plan);
      ModelArrays arrays(bank, 0);
      UpdateSums sums;
      reduce_elements(plan, {partial.data(), 1, elements, 1.0}, arrays, stride, 0, elements, sums);
      EXPECT_FALSE(std::isfinite(sums.gradient_square)) << where;
    }
  });
}

}  // namespace
}  // namespace steepest::tests
