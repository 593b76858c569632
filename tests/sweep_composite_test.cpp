// SPDX-License-Identifier: Apache-2.0
// Sweeps with an l1 penalty or a constraint: their optimum is that of scikit-learn and SciPy, and
// their runs are those of fit.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "steepest/error.hpp"
#include "steepest/read.hpp"
#include "steepest/sweep.hpp"

namespace steepest::tests {
namespace {

using nlohmann::json;

json reference() {
  std::ifstream file(std::string(STEEPEST_SOURCE_FOLDER) + "/tests/reference/composite.json");
  return json::parse(file);
}

std::shared_ptr<RowSource> iris(const std::string& target) {
  ReadOptions read;
  read.paths = {std::string(STEEPEST_SOURCE_FOLDER) + "/data/iris.csv"};
  read.targets = {target};
  if (target != "species") {
    read.ignore = {"species"};
  }
  return std::make_shared<DatasetRows>(read_dataset(read));
}

SweepOptions options_of(std::string_view schedules) {
  SweepOptions options;
  options.schedules = parse_schedule_list(schedules);
  options.learning_rates = {{0.5, true}, {1.0, true}};
  options.epochs = 30;
  options.problem.threads = 2;
  return options;
}

void expect_runs_of_fit(const std::string& target, const SweepOptions& options) {
  const SweepResult result = sweep(iris(target), options);
  for (const SweepRun& run : result.runs) {
    FitOptions one = options.problem;
    one.schedule = run.what.schedule;
    one.rule = run.what.rule;
    one.learning_rate = run.what.schedule.learning_rate;
    one.batch_size = run.what.batch_size;
    one.epochs = options.epochs;
    one.seed = run.what.seed;
    one.tolerance_gradient = 0.0;
    one.precision = result.precision;
    const FitResult alone = fit(iris(target), one);
    EXPECT_EQ(alone.at.objective(), run.final_objective) << describe(run.what, 150);
    EXPECT_GE(run.suboptimality, 0.0);
  }
}

TEST(CompositeSweep, OptimaAreThoseOfScikitLearn) {
  const json all = reference();
  for (const auto& each : all["elastic_net"]) {
    SweepOptions options = options_of("constant");
    options.problem.l1 = each["l1"];
    options.problem.l2 = each["l2"].get<double>();
    const SweepResult result = sweep(iris("petal_width"), options);
    EXPECT_TRUE(result.optimum.converged) << result.optimum.method;
    EXPECT_NEAR(result.optimum.objective, each["objective"].get<double>(), 1e-9);
    EXPECT_EQ(result.l1, options.problem.l1);
  }
  for (const auto& each : all["softmax_l1"]) {
    SweepOptions options = options_of("constant");
    options.problem.l1 = each["l1"];
    options.problem.l2 = 0.0;
    const SweepResult result = sweep(iris("species"), options);
    EXPECT_NEAR(result.optimum.objective, each["objective"].get<double>(), 1e-8)
        << result.optimum.method;
  }
  for (const auto& each : all["constrained"]) {
    SweepOptions options = options_of("constant,cosine");
    options.problem.constraint = parse_constraint(each["constraint"].get<std::string>());
    const SweepResult result = sweep(iris("petal_width"), options);
    EXPECT_TRUE(result.optimum.converged) << result.optimum.method;
    EXPECT_NEAR(result.optimum.objective, each["objective"].get<double>(), 1e-9);
    EXPECT_EQ(to_string(result.constraint), each["constraint"].get<std::string>());
  }
}

TEST(CompositeSweep, RunsAreThoseOfFit) {
  SweepOptions options = options_of("constant,cosine");
  options.rules = {parse_rule("gradient"), parse_rule("nesterov:0.8"), parse_rule("adam")};
  options.batch_sizes = {0, 32};
  options.problem.l1 = 0.05;
  expect_runs_of_fit("petal_width", options);
  expect_runs_of_fit("species", options);
  options.problem.constraint = parse_constraint("box:-0.1:0.3");
  expect_runs_of_fit("petal_width", options);
  options.problem.l1 = 0.0;
  options.problem.constraint = parse_constraint("nonnegative");
  expect_runs_of_fit("petal_width", options);
  options.problem.constraint = parse_constraint("simplex");
  options.rules.pop_back();
  expect_runs_of_fit("petal_width", options);
}

// Accelerated descent looks ahead at points outside the set, below its optimum.
TEST(CompositeSweep, NoPointOutsideTheSetCounts) {
  SweepOptions options = options_of("constant");
  options.rules = {parse_rule("gradient"), parse_rule("accelerated"), parse_rule("nesterov:0.9")};
  options.epochs = 300;
  options.problem.constraint = parse_constraint("nonnegative");
  const SweepResult result = sweep(iris("petal_width"), options);
  EXPECT_TRUE(result.optimum.converged);
  FitOptions one = options.problem;
  one.precision = result.precision;
  one.tolerance_gradient = 1e-10;
  EXPECT_NEAR(result.optimum.objective, fit(iris("petal_width"), one).at.objective(), 1e-12);
  double least = 1.0;
  for (const SweepRun& run : result.runs) {
    EXPECT_GE(run.best_objective, result.optimum.objective - 1e-12);
    least = std::min(least, run.suboptimality);
  }
  EXPECT_LE(least, 1e-10);
}

TEST(CompositeSweep, RefusesWhatFitRefuses) {
  SweepOptions options = options_of("constant");
  options.problem.l1 = -1.0;
  EXPECT_THROW(static_cast<void>(plan_sweep(*iris("petal_width"), options)), OptionError);
  options.problem.l1 = 0.1;
  options.rules = {parse_rule("averaged")};
  EXPECT_THROW(static_cast<void>(plan_sweep(*iris("petal_width"), options)), OptionError);
  options.problem.l1 = 0.0;
  options.rules = {parse_rule("adam")};
  options.problem.constraint = parse_constraint("simplex");
  EXPECT_THROW(static_cast<void>(plan_sweep(*iris("petal_width"), options)), OptionError);
}

}  // namespace
}  // namespace steepest::tests
