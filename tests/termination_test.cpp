// SPDX-License-Identifier: Apache-2.0
#include "steepest/termination.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace steepest::tests {
namespace {

Evaluation at(double objective, double gradient = 1.0, double step = 1.0) {
  Evaluation evaluation;
  evaluation.mean_loss = objective;
  evaluation.gradient_max_norm = gradient;
  evaluation.step_max_norm = step;
  return evaluation;
}

TEST(Judge, MeetsTheGradientToleranceAtEquality) {
  Tolerances tolerances;
  tolerances.gradient = 0.5;
  StoppingState state;
  EXPECT_EQ(judge(tolerances, at(1.0, 0.500001), state), Reason::running);
  EXPECT_EQ(judge(tolerances, at(1.0, 0.5), state), Reason::gradient);
}

TEST(Judge, AZeroToleranceIsOff) {
  StoppingState state;
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(judge(Tolerances{}, at(1.0, 0.0, 0.0), state), Reason::running);
  }
}

TEST(Judge, CountsFlatEvaluationsInARow) {
  Tolerances tolerances;
  tolerances.loss = 1e-3;
  tolerances.patience = 3;
  StoppingState state;
  EXPECT_EQ(judge(tolerances, at(1.0), state), Reason::running);
  EXPECT_EQ(judge(tolerances, at(0.9999), state), Reason::running);
  EXPECT_EQ(judge(tolerances, at(0.9998), state), Reason::running);
  EXPECT_EQ(judge(tolerances, at(0.5), state), Reason::running);  // a real decrease starts anew
  EXPECT_EQ(judge(tolerances, at(0.5), state), Reason::running);
  EXPECT_EQ(judge(tolerances, at(0.6), state), Reason::running);  // worse is flat, too
  EXPECT_EQ(judge(tolerances, at(0.4999), state), Reason::loss);
}

TEST(Judge, CountsShortStepsInARow) {
  Tolerances tolerances;
  tolerances.step = 0.1;
  tolerances.patience = 2;
  StoppingState state;
  EXPECT_EQ(judge(tolerances, at(1.0, 1.0, 0.05), state), Reason::running);
  EXPECT_EQ(judge(tolerances, at(0.9, 1.0, 0.05), state), Reason::running);
  EXPECT_EQ(judge(tolerances, at(0.8, 1.0, 0.2), state), Reason::running);
  EXPECT_EQ(judge(tolerances, at(0.7, 1.0, 0.1), state), Reason::running);
  EXPECT_EQ(judge(tolerances, at(0.6, 1.0, 0.1), state), Reason::step);
}

TEST(Judge, SeesDivergence) {
  const double infinity = std::numeric_limits<double>::infinity();
  StoppingState state;
  EXPECT_EQ(judge(Tolerances{}, at(2.0), state), Reason::running);
  EXPECT_EQ(judge(Tolerances{}, at(1.9e4), state), Reason::running);
  EXPECT_EQ(judge(Tolerances{}, at(2.1e4), state), Reason::diverged);
  for (const double bad : {infinity, -infinity, infinity - infinity}) {
    StoppingState fresh;
    EXPECT_EQ(judge(Tolerances{}, at(bad), fresh), Reason::diverged);
    EXPECT_EQ(judge(Tolerances{}, at(1.0, bad), fresh), Reason::diverged);
  }
}

TEST(Termination, OnlyTolerancesConverge) {
  for (const Reason reason : {Reason::gradient, Reason::loss, Reason::step}) {
    EXPECT_TRUE((Termination{reason, ""}.converged())) << name(reason);
  }
  for (const Reason reason :
       {Reason::running, Reason::epochs, Reason::seconds, Reason::diverged, Reason::interrupted}) {
    EXPECT_FALSE((Termination{reason, ""}.converged())) << name(reason);
  }
}

}  // namespace
}  // namespace steepest::tests
