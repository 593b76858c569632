// SPDX-License-Identifier: Apache-2.0
// Fits with an l1 penalty or a constraint against scikit-learn and SciPy on the same rows.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "steepest/error.hpp"
#include "steepest/fit.hpp"
#include "steepest/read.hpp"
#include "tests/backends.hpp"

namespace steepest::tests {
namespace {

using nlohmann::json;

class CompositeFit : public OnEveryBackend {};

json reference() {
  std::ifstream file(std::string(STEEPEST_SOURCE_FOLDER) + "/tests/reference/composite.json");
  return json::parse(file);
}

ReadOptions iris_options(const std::string& target) {
  ReadOptions read;
  read.paths = {std::string(STEEPEST_SOURCE_FOLDER) + "/data/iris.csv"};
  read.targets = {target};
  return read;
}

// Petal width from the three other lengths, or the species from all four.
Dataset petals() {
  ReadOptions read = iris_options("petal_width");
  read.ignore = {"species"};
  return read_dataset(read);
}
Dataset species() { return read_dataset(iris_options("species")); }

// Versicolor and virginica.
Dataset two_species() {
  const Dataset all = species();
  Dataset two;
  two.schema = all.schema;
  two.schema.classes.erase(two.schema.classes.begin());
  two.features = FeatureMatrix(100, all.features.columns());
  std::copy_n(all.features.row(50), 100 * all.features.columns(), two.features.data());
  for (std::size_t i = 50; i < 150; ++i) {
    two.labels.push_back(all.labels[i] - 1);
  }
  return two;
}

void expect_coefficients(const FitResult& result, const std::vector<double>& expected,
                         double tolerance) {
  const std::vector<double>& found = result.model.coefficients;
  ASSERT_GE(found.size(), expected.size());
  const std::size_t first = found.size() - expected.size();  // logistic: after the reference class
  for (std::size_t j = 0; j < expected.size(); ++j) {
    EXPECT_NEAR(found[first + j], expected[j], tolerance) << j;
    if (expected[j] == 0.0) {
      EXPECT_EQ(found[first + j], 0.0) << j;
    }
  }
}

std::vector<double> flat(const json& rows) {
  std::vector<double> all;
  for (const auto& row : rows) {
    const auto values = row.get<std::vector<double>>();
    all.insert(all.end(), values.begin(), values.end());
  }
  return all;
}

void expect_proved(const FitResult& result, double optimum, double tolerance) {
  EXPECT_NEAR(result.at.objective(), optimum, tolerance);
  ASSERT_TRUE(result.gap_bound.has_value()) << result.gap_note;
  // An objective in float is itself known to some 1e-8.
  const double hidden = std::max(1e-9, tolerance / 20.0);
  EXPECT_GE(*result.gap_bound, result.at.objective() - optimum - hidden);
  EXPECT_LE(*result.gap_bound, 1e3 * tolerance);
}

TEST_P(CompositeFit, ElasticNetIsThatOfScikitLearn) {
  const json all = reference();
  for (const auto& each : all["elastic_net"]) {
    for (const char* rule : {"auto", "gradient", "momentum", "nesterov"}) {
      FitOptions options = fit_options();
      options.l1 = each["l1"];
      options.l2 = each["l2"].get<double>();
      if (rule != std::string("auto")) {
        options.rule = parse_rule(rule);
      }
      const FitResult result = fit(petals(), options);
      EXPECT_EQ(result.termination.reason, Reason::gradient)
          << rule << " " << result.termination.inequality;
      expect_coefficients(result, each["coefficients"], tolerance(1e-7, 1e-4));
      EXPECT_NEAR(result.model.intercept[0], each["intercept"].get<double>(),
                  tolerance(1e-6, 1e-3));
      expect_proved(result, each["objective"], tolerance(1e-9, 1e-6));
      EXPECT_EQ(result.model.l1, options.l1);
    }
  }
}

TEST_P(CompositeFit, ClassifiersAreThoseOfScikitLearn) {
  const json all = reference();
  for (const bool two : {false, true}) {
    for (const auto& each : all[two ? "logistic_l1" : "softmax_l1"]) {
      FitOptions options = fit_options();
      options.l1 = each["l1"];
      options.l2 = 0.0;
      options.tolerance_gradient = tolerance(1e-9, 5e-6);
      if (two) {
        options.loss = LogisticLoss{};
      }
      const FitResult result = fit(two ? two_species() : species(), options);
      EXPECT_EQ(result.termination.reason, Reason::gradient) << result.termination.inequality;
      expect_coefficients(result, flat(each["coefficients"]), tolerance(2e-4, 5e-3));
      expect_proved(result, each["objective"], tolerance(1e-8, 1e-5));
    }
  }
}

TEST_P(CompositeFit, ConstraintsHoldInTheUnitsOfTheInput) {
  const json all = reference();
  for (const auto& each : all["constrained"]) {
    const Constraint constraint = parse_constraint(each["constraint"].get<std::string>());
    for (const char* rule : {"auto", "gradient", "nesterov", "momentum:0.5"}) {
      for (const bool standardize : {true, false}) {
        if (!standardize && rule != std::string("auto")) {
          continue;  // as badly scaled as the columns are
        }
        FitOptions options = fit_options();
        options.constraint = constraint;
        options.standardize = standardize;
        if (rule != std::string("auto")) {
          options.rule = parse_rule(rule);
        }
        const FitResult result = fit(petals(), options);
        EXPECT_EQ(result.termination.reason, Reason::gradient)
            << rule << " " << result.termination.inequality;
        double sum = 0.0;
        const auto expected = each["coefficients"].get<std::vector<double>>();
        for (std::size_t j = 0; j < 3; ++j) {
          const double b = result.model.coefficients[j];
          EXPECT_NEAR(b, expected[j], tolerance(2e-6, 1e-3)) << rule;
          EXPECT_GE(b, constraint.low);
          EXPECT_LE(b, constraint.high);
          sum += b;
        }
        if (constraint.kind == ConstraintKind::simplex) {
          EXPECT_NEAR(sum, 1.0, 1e-12);
        }
        EXPECT_NEAR(result.at.objective(), each["objective"].get<double>(), tolerance(1e-9, 1e-6));
        EXPECT_EQ(result.model.constraint, each["constraint"].get<std::string>());
      }
    }
  }
}

// Adaptive rules take the proximal step in their own metric; batches keep the bounds as well.
TEST_P(CompositeFit, EveryRuleKeepsTheBoundsOnBatches) {
  const double optimum = reference()["constrained"][1]["objective"];
  for (const char* rule : {"gradient", "momentum", "nesterov", "adagrad", "rmsprop", "adam",
                           "averaged", "schedule_free"}) {
    FitOptions options = fit_options();
    options.constraint = parse_constraint("box:-0.1:0.3");
    options.rule = parse_rule(rule);
    options.batch_size = 30;
    const FitResult result = fit(petals(), options);
    for (const double b : result.model.coefficients) {
      EXPECT_GE(b, -0.1) << rule;
      EXPECT_LE(b, 0.3) << rule;
    }
    EXPECT_GE(result.at.objective(), optimum - tolerance(1e-10, 1e-7)) << rule;
    EXPECT_LE(result.at.objective(), 1.1 * optimum) << rule;
  }
}

// Bounds hold at any point, however far from the optimum: stop early and compare.
TEST_P(CompositeFit, GapsBoundTheDistanceToTheOptimum) {
  const json all = reference();
  for (const std::int64_t steps : {1, 3, 10}) {
    FitOptions options = fit_options();
    options.epochs = steps;
    for (const auto& each : all["elastic_net"]) {
      options.l1 = each["l1"];
      options.l2 = each["l2"].get<double>();
      const FitResult result = fit(petals(), options);
      ASSERT_TRUE(result.gap_bound.has_value());
      EXPECT_GE(*result.gap_bound,
                result.at.objective() - each["objective"].get<double>() - tolerance(1e-9, 1e-6));
    }
    options.l2 = 0.0;
    for (const auto& each : all["softmax_l1"]) {
      options.l1 = each["l1"];
      const FitResult result = fit(species(), options);
      ASSERT_TRUE(result.gap_bound.has_value());
      EXPECT_GE(*result.gap_bound,
                result.at.objective() - each["objective"].get<double>() - tolerance(1e-9, 1e-6));
    }
    options.l1 = 0.0;
    options.l2.reset();
    for (const auto& each : all["constrained"]) {
      options.constraint = parse_constraint(each["constraint"].get<std::string>());
      const FitResult result = fit(petals(), options);
      if (result.gap_bound) {
        EXPECT_GE(*result.gap_bound,
                  result.at.objective() - each["objective"].get<double>() - tolerance(1e-9, 1e-6));
      }
    }
  }
}

TEST_P(CompositeFit, GivesTheSameBitsForAnyNumberOfThreads) {
  FitOptions options = fit_options();
  options.l1 = 0.02;
  options.threads = 1;
  const FitResult first = fit(species(), options);
  for (const int threads : {2, 5}) {
    options.threads = threads;
    EXPECT_EQ(fit(species(), options).model.coefficients, first.model.coefficients);
  }
}

TEST_P(CompositeFit, RefusesWhatDoesNotGoTogether) {
  const auto expect_refusal = [this](const char* what, auto change) {
    FitOptions options = fit_options();
    change(options);
    EXPECT_THROW(static_cast<void>(fit(petals(), options)), OptionError) << what;
  };
  expect_refusal("l1 below 0", [](FitOptions& o) { o.l1 = -1.0; });
  expect_refusal("lbfgs", [](FitOptions& o) {
    o.l1 = 0.1;
    o.rule = parse_rule("lbfgs");
  });
  expect_refusal("metric", [](FitOptions& o) {
    o.constraint = parse_constraint("nonnegative");
    o.precondition = true;
  });
  expect_refusal("average", [](FitOptions& o) {
    o.l1 = 0.1;
    o.rule = parse_rule("averaged");
  });
  expect_refusal("simplex", [](FitOptions& o) {
    o.constraint = parse_constraint("simplex");
    o.rule = parse_rule("adam");
  });
}

// A rate that a warm-up's end makes too large: the run goes back and on, and says so.
TEST_P(CompositeFit, AnAutomaticRateThatDivergesGoesOnFromTheLastGoodPoint) {
  for (const std::int64_t batch : {std::int64_t{0}, std::int64_t{30}}) {
    FitOptions options = fit_options();
    options.rule = parse_rule("gradient");
    options.batch_size = batch;
    options.schedule = parse_schedule("piecewise:milestones=300+350,factors=1+1000");
    options.epochs = batch == 0 ? 600 : 120;
    options.l2 = 0.01;
    options.tolerance_gradient = 0.0;
    const FitResult result = fit(petals(), options);
    EXPECT_NE(result.termination.reason, Reason::diverged);
    ASSERT_FALSE(result.warnings.empty());
    EXPECT_NE(result.warnings.back().find("diverged: going on from step"), std::string::npos)
        << result.warnings.back();
    EXPECT_TRUE(std::isfinite(result.at.objective()));
    EXPECT_TRUE(std::is_sorted(
        result.history.begin(), result.history.end(),
        [](const HistoryPoint& a, const HistoryPoint& b) { return a.step < b.step; }));
    options.learning_rate = 0.5;
    EXPECT_EQ(fit(petals(), options).termination.reason, Reason::diverged);
  }
}

INSTANTIATE_TEST_SUITE_P(Backends, CompositeFit, testing::ValuesIn(backend_cases()),
                         backend_case_name);

}  // namespace
}  // namespace steepest::tests
