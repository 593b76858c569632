// SPDX-License-Identifier: Apache-2.0
// Sweeps against closed forms, independent optima, single runs, and what theory says of schedules.
#include "steepest/sweep.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>

#include "src/train/sweep_curve.hpp"
#include "steepest/error.hpp"
#include "tests/reference_file.hpp"
#include "tests/sweep_problems.hpp"

namespace steepest::tests {
namespace {

// One standardized feature has the Hessian 1, so the gap shrinks by (1 - eta)^2 a step.
TEST(Sweep, FollowsTheClosedFormOfOneFeature) {
  const auto rows = linear_rows(300, 1, 0.0, 0.5, 4);
  double x_mean = 0, y_mean = 0, xx = 0, xy = 0;
  RowBuffer buffer;
  const float* x = rows->features(0, 300, buffer);
  const double* y = rows->targets(0, 300, buffer);
  for (int i = 0; i < 300; ++i) {
    x_mean += x[i] / 300.0;
    y_mean += y[i] / 300.0;
  }
  for (int i = 0; i < 300; ++i) {
    xx += (x[i] - x_mean) * (x[i] - x_mean) / 300.0;
    xy += (x[i] - x_mean) * (y[i] - y_mean) / 300.0;
  }
  const double first_gap = xy * xy / xx / 2.0;
  const std::vector<double> rates = {0.05, 0.3, 1.5, 1.9, 2.5};
  SweepOptions options = options_of("constant", {}, 12);
  for (const double rate : rates) {
    options.learning_rates.push_back({rate, false});
  }
  const SweepResult result = sweep(rows, options);
  EXPECT_NEAR(result.largest_curvature, 1.0, 0.011);
  ASSERT_EQ(result.runs.size(), 5U);
  for (std::size_t i = 0; i + 1 < rates.size(); ++i) {
    EXPECT_EQ(result.runs[i].reason, Reason::epochs);
    EXPECT_EQ(result.runs[i].steps, 12);
    for (const SweepPoint& point : result.runs[i].curve) {
      const double gap =
          first_gap * std::pow(1.0 - rates[i], 2.0 * static_cast<double>(point.step));
      EXPECT_NEAR(point.objective - result.optimum.objective, gap, 1e-6 * first_gap)
          << rates[i] << " at " << point.step;
      EXPECT_EQ(point.learning_rate, rates[i]);
    }
    EXPECT_EQ(result.runs[i].curve.size(), 13U);
  }
}

TEST(Sweep, TheOptimumIsTheOneFoundIndependently) {
  const auto expected = reference("iris_softmax");
  SweepOptions options = options_of("constant,cosine", {{1.0, true}}, 5);
  options.problem.l2 = expected.at("l2").get<double>();
  const SweepResult result = sweep(iris(), options);
  EXPECT_TRUE(result.optimum.converged) << result.optimum.method;
  // Standardized features are held in float32, whose rounding the reference does not have.
  EXPECT_NEAR(result.optimum.objective, expected.at("objective").get<double>(), 1e-8);
  for (const SweepRun& run : result.runs) {
    EXPECT_EQ(run.suboptimality, run.final_objective - result.optimum.objective);
    EXPECT_GT(run.suboptimality, 0.0);
  }
}

TEST(Sweep, SaysWhenATargetIsNotTheOptimum) {
  const auto expected = reference("iris_softmax");
  const double optimum = expected.at("objective").get<double>();
  const auto warnings_of = [&](double target) {
    SweepOptions options =
        options_of("constant,polyak:target=" + std::to_string(target), {{1.0, true}}, 5);
    options.problem.l2 = expected.at("l2").get<double>();
    std::string all;
    for (const std::string& warning : sweep(iris(), options).warnings) {
      all += warning + "\n";
    }
    return all;
  };
  EXPECT_NE(warnings_of(0.5 * optimum).find("below the optimum"), std::string::npos);
  EXPECT_NE(warnings_of(2.0 * optimum).find("above the optimum"), std::string::npos);
  SweepOptions right = options_of("polyak:target=0", {{1.0, true}}, 5);
  right.problem.l2 = expected.at("l2").get<double>();
  right.schedules.front().target = optimum;
  for (const std::string& warning : sweep(iris(), right).warnings) {
    EXPECT_EQ(warning.find("polyak"), std::string::npos) << warning;
  }
}

SweepOptions varied_options() {
  SweepOptions options = options_of("cosine,silver,wsd:warmup=3,plateau:patience=2,adagrad_norm",
                                    {{0.25, true}, {1.0, true}}, 8);
  options.batch_sizes = {0, 16};
  options.rules = {UpdateRule{}, parse_rule("nesterov:0.8")};
  options.seeds = {3, 4};
  return options;
}

TEST(Sweep, EachModelInABankEqualsTheModelAlone) {
  const SweepOptions options = varied_options();
  const SweepResult together = sweep(iris(), options);
  ASSERT_EQ(together.runs.size(), 60U);  // full batch takes one of the two seeds
  EXPECT_EQ(together.plan.banks, 3);
  for (const SweepRun& run : together.runs) {
    SweepOptions one = options_of("constant", {{run.what.schedule.learning_rate, false}}, 8);
    one.schedules = {run.what.schedule};
    one.batch_sizes = {run.what.batch_size};
    one.rules = {run.what.rule};
    one.seeds = {run.what.seed};
    const SweepResult alone = sweep(iris(), one);
    ASSERT_EQ(alone.runs.size(), 1U);
    EXPECT_EQ(alone.runs[0].steps, run.steps);
    ASSERT_EQ(alone.runs[0].curve.size(), run.curve.size());
    for (std::size_t i = 0; i < run.curve.size(); ++i) {
      EXPECT_EQ(alone.runs[0].curve[i].objective, run.curve[i].objective)
          << describe(run.what, 150) << " at " << run.curve[i].step;
      EXPECT_EQ(alone.runs[0].curve[i].learning_rate, run.curve[i].learning_rate);
    }
  }
}

// The fit of 6 epochs with seed 9 that a run should be.
FitOptions fit_like(const SweepRun& run) {
  FitOptions options;
  options.schedule = run.what.schedule;
  options.rule = run.what.rule;
  options.learning_rate = run.what.schedule.learning_rate;
  options.batch_size = run.what.batch_size;
  options.epochs = 6;
  options.seed = 9;
  options.tolerance_gradient = 0.0;
  options.precision = Precision::fp64;
  return options;
}

TEST(Sweep, ARunIsTheFitWithTheSameOptions) {
  SweepOptions options = options_of("cosine,one_cycle", {{0.5, true}}, 6);
  options.batch_sizes = {0, 16};
  options.seeds = {9};
  for (const SweepRun& run : sweep(iris(), options).runs) {
    const FitResult alone = fit(iris(), fit_like(run));
    EXPECT_EQ(alone.at.objective(), run.final_objective) << describe(run.what, 150);
  }
}

TEST(Sweep, ClipsGradientsAsAFitDoes) {
  SweepOptions options = options_of("constant", {{0.5, true}}, 6);
  options.batch_sizes = {0, 16};
  options.seeds = {9};
  const SweepResult plain = sweep(iris(), options);
  options.problem.clip_norm = 0.05;
  const SweepResult clipped = sweep(iris(), options);
  EXPECT_EQ(clipped.optimum.objective, plain.optimum.objective);
  for (std::size_t i = 0; i < 2; ++i) {
    const SweepRun& run = clipped.runs[i];
    EXPECT_GT(run.final_objective, plain.runs[i].final_objective);
    FitOptions fit_options = fit_like(run);
    fit_options.clip_norm = 0.05;
    EXPECT_EQ(fit(iris(), fit_options).at.objective(), run.final_objective);
  }
}

TEST(Sweep, GivesTheSameBitsForAnyNumberOfThreads) {
  SweepOptions options = varied_options();
  options.problem.threads = 1;
  const SweepResult one = sweep(iris(), options);
  for (const int threads : {2, 5}) {
    options.problem.threads = threads;
    const SweepResult other = sweep(iris(), options);
    EXPECT_EQ(other.optimum.objective, one.optimum.objective);
    for (std::size_t i = 0; i < one.runs.size(); ++i) {
      EXPECT_EQ(other.runs[i].final_objective, one.runs[i].final_objective);
      EXPECT_EQ(other.runs[i].curve.size(), one.runs[i].curve.size());
    }
  }
}

// Theory: constant full-batch steps converge below 2/L and diverge above it.
TEST(Sweep, RatesAboveTwoOverLDivergeAndStopNoOther) {
  SweepOptions options =
      options_of("constant", {{0.5, true}, {1.9, true}, {2.2, true}, {40, true}}, 400);
  const SweepResult result = sweep(linear_rows(500, 6, 1.0, 0.3, 2), options);
  EXPECT_EQ(result.runs[0].reason, Reason::epochs);
  EXPECT_EQ(result.runs[1].reason, Reason::epochs);
  EXPECT_LT(result.runs[1].suboptimality, 1e-6);
  for (const std::size_t i : {2U, 3U}) {
    EXPECT_EQ(result.runs[i].reason, Reason::diverged);
    EXPECT_LT(result.runs[i].steps, 400);
    EXPECT_TRUE(std::isnan(result.runs[i].suboptimality));
    EXPECT_GE(result.runs[i].curve.size(), 2U);
  }
  options.batch_sizes = {50};
  options.epochs = 20;
  const SweepResult batches = sweep(linear_rows(500, 6, 1.0, 0.3, 2), options);
  EXPECT_EQ(batches.runs[0].reason, Reason::epochs);
  EXPECT_EQ(batches.runs[3].reason, Reason::diverged);
}

// Theory: under the noise of mini-batches a rate that falls beats the same rate kept.
TEST(Sweep, DecayBeatsConstantUnderNoise) {
  SweepOptions options =
      options_of("constant,cosine,linear,inverse_sqrt:timescale=20", {{1.0, true}}, 20);
  options.batch_sizes = {10};
  const SweepResult result = sweep(linear_rows(1000, 5, 0.0, 1.0, 8), options);
  for (const std::size_t i : {1U, 2U, 3U}) {
    EXPECT_LT(result.runs[i].suboptimality, 0.5 * result.runs[0].suboptimality) << i;
  }
}

// Theory (arXiv 2309.16530): silver steps beat 1/L on smooth convex problems.
TEST(Sweep, SilverBeatsOneOverL) {
  const SweepOptions options = options_of("constant,silver", {{1.0, true}}, 255);
  const SweepResult result = sweep(linear_rows(400, 8, 3.0, 0.2, 5), options);
  EXPECT_LT(result.runs[1].suboptimality, 0.1 * result.runs[0].suboptimality);
}

TEST(Sweep, EveryScheduleReachesTheOptimumOrFallsTowardsIt) {
  SweepOptions any = options_of("constant", {{1.0, true}}, 1);
  any.problem.l2 = 0.05;
  const std::string optimum = fmt::format("{}", sweep(iris(), any).optimum.objective);
  std::string all;
  std::size_t tried = 0;
  for (const ScheduleEntry& entry : schedule_table()) {
    if (entry.kind == ScheduleKind::sgd_bb) {
      continue;  // of batches
    }
    ++tried;
    std::string text(entry.name);
    char separator = ':';
    for (const ScheduleKey& key : entry.keys) {
      if (key.required) {
        const std::string value = key.name == "milestones" ? "200+300"
                                  : key.name == "factors"  ? "0.5+0.25"
                                  : key.name == "gamma"    ? "0.999"
                                  : key.name == "decay"    ? "0.001"
                                  : key.name == "alpha"    ? "0.01"
                                  : key.name == "target"   ? optimum
                                                           : "100";
        text += separator + std::string(key.name) + "=" + value;
        separator = ',';
      }
    }
    if (entry.kind == ScheduleKind::large_constant) {
      text += ":scale=0.002";
    } else if (entry.kind == ScheduleKind::d_adaptation) {
      text += ":start=0.1";
    }
    all += (all.empty() ? "" : ",") + text;
  }
  SweepOptions options = options_of(all, {{1.0, true}}, 400);
  options.problem.l2 = 0.05;
  const SweepResult result = sweep(iris(), options);
  ASSERT_EQ(result.runs.size(), tried);
  for (const SweepRun& run : result.runs) {
    EXPECT_EQ(run.reason, Reason::epochs) << to_string(run.what.schedule);
    const double first = run.curve.front().objective - result.optimum.objective;
    EXPECT_LT(run.suboptimality, 0.02 * first) << to_string(run.what.schedule);
    EXPECT_GE(run.suboptimality, 0.0);
  }
}

TEST(Sweep, PlansSayWhatIsRunAndWhatItCosts) {
  SweepOptions options = options_of("constant,cosine", {{1.0, true}, {0.1, false}}, 10);
  options.batch_sizes = {0, 50, 500};
  options.seeds = {1, 2, 3};
  const SweepPlan plan = plan_sweep(*iris(), options);
  // 500 rows a step of 150 rows are full batch, too, and run once: 2 * 2 * (1 + 3) runs.
  EXPECT_EQ(plan.cases.size(), 16U);
  EXPECT_EQ(plan.banks, 4);
  EXPECT_EQ(plan.passes, 11.0 + 3 * 21.0);
  EXPECT_EQ(plan.passes_one_by_one, 4 * 11.0 + 12 * 21.0);
  EXPECT_EQ(plan.warnings.size(), 2U);
  EXPECT_EQ(describe(plan.cases[2], 150), "constant, gradient, rate 1/L, batch 50, seed 2");
}

TEST(Sweep, WideSweepsAreCutIntoBanksWithTheSameResults) {
  SweepOptions options = options_of("constant,cosine,linear", {}, 4);
  for (int i = 1; i <= 20; ++i) {
    options.learning_rates.push_back({0.05 * i, true});
  }
  const SweepResult result = sweep(iris(), options);
  EXPECT_GT(result.plan.banks, 1);
  ASSERT_EQ(result.runs.size(), 60U);
  options.schedules = parse_schedule_list("linear");
  options.learning_rates = {{1.0, true}};
  const SweepResult alone = sweep(iris(), options);
  EXPECT_EQ(alone.runs[0].final_objective, result.runs[59].final_objective);
}

TEST(Sweep, CurvesAreThinned) {
  SweepOptions options = options_of("constant", {{1.0, true}}, 3000);
  options.most_points = 50;
  const SweepResult result = sweep(iris(), options);
  const auto& curve = result.runs[0].curve;
  EXPECT_LE(curve.size(), 52U);
  EXPECT_GE(curve.size(), 30U);
  EXPECT_EQ(curve.front().step, 0);
  EXPECT_EQ(curve.back().step, 3000);
  EXPECT_EQ(curve.back().objective, result.runs[0].final_objective);
  for (std::size_t i = 1; i < curve.size(); ++i) {
    EXPECT_GT(curve[i].step, curve[i - 1].step);
    EXPECT_GE(curve[i].seconds, curve[i - 1].seconds);
  }
  EXPECT_EQ(train::curve_steps(30, 10, 200), (std::vector<std::int64_t>{0, 10, 20, 30}));
}

// Without a penalty the mean loss on the training rows, given again, is the objective.
TEST(Sweep, MeasuresTheLossOnValidationRows) {
  SweepOptions options = options_of("constant,cosine", {{0.5, true}, {1.0, true}}, 30);
  options.batch_sizes = {0, 32};
  options.most_points = 12;
  const SweepResult plain = sweep(linear_rows(200, 4, 0.5, 0.4, 3), options);
  const SweepResult same =
      sweep(linear_rows(200, 4, 0.5, 0.4, 3), options, {}, linear_rows(200, 4, 0.5, 0.4, 3));
  const SweepResult other =
      sweep(linear_rows(200, 4, 0.5, 0.4, 3), options, {}, linear_rows(90, 4, 0.5, 0.4, 7));
  EXPECT_TRUE(std::isnan(plain.optimum.validation_loss));
  EXPECT_NEAR(same.optimum.validation_loss, same.optimum.objective, 1e-12);
  for (std::size_t i = 0; i < plain.runs.size(); ++i) {
    EXPECT_TRUE(std::isnan(plain.runs[i].validation_loss));
    EXPECT_NEAR(same.runs[i].final_objective, plain.runs[i].final_objective, 1e-12);
    ASSERT_EQ(same.runs[i].curve.size(), plain.runs[i].curve.size());
    for (const SweepPoint& point : same.runs[i].curve) {
      EXPECT_NEAR(point.validation_loss, point.objective, 1e-12 * point.objective) << point.step;
    }
    EXPECT_GT(std::fabs(other.runs[i].validation_loss - other.runs[i].final_objective), 1e-3);
  }
}

TEST(Sweep, EndsWhenTheCallerAsks) {
  SweepOptions options = options_of("constant,cosine", {{0.5, true}, {1.0, true}}, 100000);
  options.batch_sizes = {0, 8};
  const SweepResult result = sweep(iris(), options, [](const SweepProgress& now) {
    EXPECT_EQ(now.runs, 8);
    return now.fraction <= 0.0;
  });
  EXPECT_TRUE(result.interrupted);
  EXPECT_EQ(result.runs.size(), 8U);
  for (const SweepRun& run : result.runs) {
    EXPECT_EQ(run.reason, Reason::interrupted);
  }
}

TEST(Sweep, RefusesWhatCannotBeRun) {
  const SweepOptions good = options_of("constant", {{1.0, true}}, 3);
  SweepOptions bad = good;
  bad.schedules.clear();
  EXPECT_THROW(static_cast<void>(plan_sweep(*iris(), bad)), OptionError);
  bad = good;
  bad.learning_rates = {{-1.0, false}};
  EXPECT_THROW(static_cast<void>(plan_sweep(*iris(), bad)), OptionError);
  bad = good;
  bad.epochs = 0;
  EXPECT_THROW(static_cast<void>(plan_sweep(*iris(), bad)), OptionError);
  bad = good;
  bad.rules = {parse_rule("accelerated")};
  bad.batch_sizes = {16};
  EXPECT_THROW(static_cast<void>(plan_sweep(*iris(), bad)), OptionError);
  bad = good;
  bad.schedules = parse_schedule_list("risk_adaptive");
  EXPECT_THROW(static_cast<void>(plan_sweep(*linear_rows(50, 2, 0, 1, 1), bad)), OptionError);
}

}  // namespace
}  // namespace steepest::tests
