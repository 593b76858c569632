// SPDX-License-Identifier: Apache-2.0
// Huber, quantile and Poisson fits against optima of SciPy and scikit-learn, and their bounds.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "steepest/error.hpp"
#include "steepest/fit.hpp"
#include "steepest/read.hpp"
#include "tests/backends.hpp"
#include "tests/reference_file.hpp"
#include "tests/thrown.hpp"

namespace steepest::tests {
namespace {

class LossFit : public OnEveryBackend {};

Dataset read(const std::string& file, const std::string& target,
             const std::vector<std::string>& features) {
  ReadOptions options;
  options.paths = {std::string(STEEPEST_SOURCE_FOLDER) + "/data/" + file};
  options.targets = {target};
  options.features = features;
  options.target_kind = TargetKind::numbers;
  return read_dataset(options);
}

Dataset diamonds() { return read("diamonds.csv", "price", {"carat", "depth", "table"}); }

Dataset petals() {
  return read("iris.csv", "petal_width", {"sepal_length", "sepal_width", "petal_length"});
}

// Every `step`-th row.
Dataset thinned(const Dataset& all, std::int64_t step) {
  Dataset data;
  data.schema = all.schema;
  data.features = FeatureMatrix((all.rows() + step - 1) / step, all.features.columns());
  for (std::int64_t i = 0; i < data.rows(); ++i) {
    std::copy_n(all.features.row(i * step), all.features.columns(), data.features.row(i));
    data.targets.push_back(all.targets[static_cast<std::size_t>(i * step)]);
  }
  return data;
}

void expect_optimum(const FitResult& found, const nlohmann::json& expected, double objective,
                    double coefficients) {
  EXPECT_TRUE(found.termination.converged()) << found.termination.inequality;
  const double optimum = expected["objective"];
  EXPECT_NEAR(found.at.objective(), optimum, objective * optimum);
  for (std::size_t j = 0; j < found.model.coefficients.size(); ++j) {
    const double value = expected["coefficients"][j];
    EXPECT_NEAR(found.model.coefficients[j], value, coefficients * std::fabs(value)) << j;
  }
  const double intercept = expected["intercept"];
  EXPECT_NEAR(found.model.intercept[0], intercept, coefficients * std::fabs(intercept));
}

FitOptions on_cpu(const RowLoss& loss) {
  FitOptions options;
  options.device.kind = DeviceChoice::Kind::cpu;
  options.loss = loss;
  return options;
}

// 1e-7: features are standardized in float32.
TEST(LossFitOnDiamonds, HuberIsThatOfSciPy) {
  for (const auto& expected : reference("diamonds_huber", "losses.json")) {
    FitOptions options = on_cpu(HuberLoss{expected["delta"].get<double>()});
    options.l2 = expected["l2"].get<double>();
    const FitResult result = fit(diamonds(), options);
    expect_optimum(result, expected, 1e-7, 1e-6);
    ASSERT_TRUE(result.gap_bound) << result.gap_note;
    EXPECT_LE(*result.gap_bound, 1e-6 * result.at.objective());
    EXPECT_EQ(result.model.loss, to_string(*options.loss));
  }
}

TEST(LossFitOnDiamonds, PoissonIsThatOfScikitLearn) {
  for (const auto& expected : reference("diamonds_poisson", "losses.json")) {
    FitOptions options = on_cpu(PoissonLoss{});
    options.l2 = expected["l2"].get<double>();
    const FitResult result = fit(diamonds(), options);
    expect_optimum(result, expected, 1e-7, 1e-6);
    EXPECT_NEAR(*result.linear->poisson_deviance, expected["poisson_deviance"].get<double>(),
                1e-6 * 771);
    ASSERT_TRUE(result.gap_bound) << result.gap_note;
    EXPECT_LE(*result.gap_bound, 1e-7 * result.at.objective());
  }
}

TEST(LossFitOnDiamonds, QuantileIsThatOfScikitLearn) {
  const Dataset all = diamonds();
  for (const auto& expected : reference("diamonds_quantile", "losses.json")) {
    const FitResult result =
        fit(thinned(all, 10), on_cpu(QuantileLoss{expected["level"].get<double>()}));
    expect_optimum(result, expected, 1e-7, 1e-4);
    EXPECT_EQ(result.termination.reason, Reason::gap);
    ASSERT_TRUE(result.gap_bound) << result.gap_note;
    EXPECT_LE(*result.gap_bound, 2e-8 * result.at.objective());  // features are float32
    EXPECT_NEAR(*result.linear->pinball_loss, result.at.mean_loss, 1e-9 * result.at.mean_loss);
  }
}

// Its program takes a part of the rows only: the bound is of all of them.
TEST(LossFitOnDiamonds, QuantileOfAllRowsIsProved) {
  const FitResult result = fit(diamonds(), on_cpu(QuantileLoss{0.5}));
  EXPECT_EQ(result.termination.reason, Reason::gap);
  ASSERT_TRUE(result.gap_bound) << result.gap_note;
  EXPECT_LE(*result.gap_bound, 2e-8 * result.at.objective());  // features are float32
  FitOptions penalised = on_cpu(QuantileLoss{0.9});
  penalised.l2 = 0.01;
  const FitResult ridge = fit(diamonds(), penalised);
  EXPECT_EQ(ridge.termination.reason, Reason::gap);
  EXPECT_GT(ridge.at.penalty, 0.0);
}

TEST_P(LossFit, QuantileOfIrisIsThatOfScikitLearn) {
  for (const auto& expected : reference("iris_quantile", "losses.json")) {
    FitOptions options = fit_options();
    options.loss = QuantileLoss{expected["level"].get<double>()};
    const FitResult result = fit(petals(), options);
    expect_optimum(result, expected, tolerance(1e-6, 1e-5), tolerance(1e-4, 1e-2));
  }
}

// Without features but noise, the fit of an intercept alone is the quantile itself.
TEST(QuantileFit, InterceptIsTheQuantile) {
  for (const double level : {0.05, 0.25, 0.5, 0.9}) {
    Dataset data;
    data.schema.columns.resize(1);
    data.schema.columns[0].name = "x";
    data.schema.target_names = {"y"};
    data.features = FeatureMatrix(2001 * 2, 1);
    for (int i = 0; i < 2001; ++i) {  // x = +-1 for every target: its slope is 0
      for (int side = 0; side < 2; ++side) {
        data.features.row(2 * i + side)[0] = side == 0 ? -1.0F : 1.0F;
        data.targets.push_back(std::pow(i / 2000.0, 3.0));
      }
    }
    const FitResult result = fit(std::move(data), on_cpu(QuantileLoss{level}));
    EXPECT_EQ(result.termination.reason, Reason::gap) << result.termination.inequality;
    EXPECT_NEAR(result.model.coefficients[0], 0.0, 1e-3);
    EXPECT_NEAR(result.model.intercept[0], std::pow(level, 3.0), 2e-3);
  }
}

// Ties without end, weights of 0, rows that say the same, an exact fit.
TEST(QuantileFit, StandsDegenerateData) {
  for (int kind = 0; kind < 4; ++kind) {
    std::mt19937 random(static_cast<unsigned>(kind));
    Dataset data;
    data.schema.columns.resize(2);
    data.schema.columns[0].name = "a";
    data.schema.columns[1].name = "b";
    data.schema.target_names = {"y"};
    data.features = FeatureMatrix(300, 2);
    for (std::int64_t i = 0; i < 300; ++i) {
      float* const row = data.features.row(i);
      row[0] = static_cast<float>(random() % 3);
      row[1] = kind == 1 ? 2.0F * row[0] : static_cast<float>(random() % 2);  // collinear
      data.targets.push_back(kind == 2 ? 3.0 + row[0] - row[1] : static_cast<double>(random() % 4));
      if (kind == 3) {
        data.weights.push_back(static_cast<double>(random() % 3));
      }
    }
    const FitResult result = fit(std::move(data), on_cpu(QuantileLoss{0.3}));
    EXPECT_EQ(result.termination.reason, Reason::gap)
        << kind << ": " << result.termination.inequality;
    if (kind == 1) {
      EXPECT_FALSE(result.gap_bound);
      EXPECT_NE(result.gap_note.find("collinear"), std::string::npos) << result.gap_note;
      continue;
    }
    ASSERT_TRUE(result.gap_bound) << result.gap_note;
    EXPECT_LE(*result.gap_bound, 1e-6 * (1.0 + result.at.objective())) << kind;
  }
}

// n = 600, three targets, weights; what is fitted at once is what is fitted one by one.
TEST(QuantileFit, SeveralTargetsAreFittedAtOnce) {
  for (const RowLoss& loss : {RowLoss(QuantileLoss{0.7}), RowLoss(HuberLoss{0.5})}) {
    const auto data = [](int only) {
      std::mt19937 random(4);
      std::normal_distribution<double> normal;
      Dataset made;
      made.schema.columns.resize(3);
      made.features = FeatureMatrix(600, 3);
      for (std::int64_t i = 0; i < 600; ++i) {
        for (std::int64_t j = 0; j < 3; ++j) {
          made.features.row(i)[j] = static_cast<float>(normal(random));
        }
        for (int o = 0; o < 2; ++o) {
          const double y = o + static_cast<double>(made.features.row(i)[o]) + normal(random);
          if (only < 0 || only == o) {
            made.targets.push_back(y);
          }
        }
        made.weights.push_back(static_cast<double>(random() % 3));
      }
      for (int j = 0; j < 3; ++j) {
        made.schema.columns[static_cast<std::size_t>(j)].name = "x" + std::to_string(j);
      }
      made.schema.target_names.assign(only < 0 ? 2 : 1, "y");
      return made;
    };
    const FitResult both = fit(data(-1), on_cpu(loss));
    EXPECT_TRUE(both.termination.converged());
    double sum = 0.0;
    for (int o = 0; o < 2; ++o) {
      const FitResult alone = fit(data(o), on_cpu(loss));
      sum += alone.at.objective();
      for (std::size_t j = 0; j < 3; ++j) {
        EXPECT_NEAR(both.model.coefficients[static_cast<std::size_t>(o) * 3 + j],
                    alone.model.coefficients[j], 1e-5)
            << name(loss);
      }
    }
    EXPECT_NEAR(both.at.objective(), sum, 1e-7 * sum);
  }
}

Dataset random_counts(unsigned seed, std::int64_t rows) {
  std::mt19937 random(seed);
  std::normal_distribution<double> normal;
  Dataset data;
  data.schema.columns.resize(4);
  data.schema.target_names = {"count"};
  data.features = FeatureMatrix(rows, 4);
  for (std::int64_t j = 0; j < 4; ++j) {
    data.schema.columns[static_cast<std::size_t>(j)].name = "x" + std::to_string(j);
  }
  for (std::int64_t i = 0; i < rows; ++i) {
    double score = 1.0;
    for (std::int64_t j = 0; j < 4; ++j) {
      data.features.row(i)[j] = static_cast<float>(2.0 + normal(random));
      score += 0.3 * (j % 2 == 0 ? 1 : -1) * static_cast<double>(data.features.row(i)[j]);
    }
    data.targets.push_back(
        static_cast<double>(std::poisson_distribution<int>(std::exp(score))(random)));
    data.weights.push_back(static_cast<double>(1 + random() % 3));
  }
  return data;
}

// The bound is never below the distance, wherever a run is stopped, and small at the end.
TEST(LossCertificate, IsNeverBelowTheTrueGap) {
  for (unsigned seed = 0; seed < 40; ++seed) {
    const bool counts = seed % 2 == 0;
    FitOptions options = on_cpu(counts ? RowLoss(PoissonLoss{}) : RowLoss(HuberLoss{0.8}));
    options.l2 = seed % 4 == 3 ? 0.0 : std::pow(10.0, -3.0 + seed % 4);
    options.intercept = seed % 3 != 0;
    options.standardize = seed % 5 != 0;
    options.tolerance_gradient = 1e-11;
    const FitResult end = fit(random_counts(seed, 120), options);
    ASSERT_TRUE(end.gap_bound) << end.gap_note;
    EXPECT_LE(*end.gap_bound, 1e-9 * (1.0 + end.at.objective())) << seed;
    options.rule = parse_rule("lbfgs");
    for (const std::int64_t epochs : {1, 2, 4, 8}) {
      options.epochs = epochs;
      const FitResult early = fit(random_counts(seed, 120), options);
      ASSERT_TRUE(early.gap_bound) << early.gap_note;
      const double gap = early.at.objective() - end.at.objective();
      EXPECT_GE(*early.gap_bound, gap - 1e-12 * end.at.objective()) << seed << ", " << epochs;
    }
  }
}

// A wide Huber loss is squared loss; the median is its limit for a narrow one.
TEST_P(LossFit, HuberLiesBetweenSquaresAndTheMedian) {
  FitOptions options = fit_options();
  options.loss = SquaredLoss{};
  const FitResult squares = fit(petals(), options);
  options.loss = HuberLoss{1e6};
  const FitResult wide = fit(petals(), options);
  EXPECT_NEAR(wide.at.objective(), squares.at.objective(), tolerance(1e-9, 1e-6));
  if (GetParam().kind != DeviceKind::cpu) {
    return;  // quasi-Newton steps, which the narrow one needs, are the CPU's
  }
  options.loss = HuberLoss{1e-6};
  const FitResult narrow = fit(petals(), options);
  options.loss = QuantileLoss{0.5};
  const FitResult median = fit(petals(), options);
  if (GetParam().precision == Precision::fp64) {
    EXPECT_NEAR(narrow.linear->mae, median.linear->mae, 1e-3 * median.linear->mae);
    EXPECT_LE(2.0 * *median.linear->pinball_loss, narrow.linear->mae * (1.0 + 1e-9));
  }
}

// Targets in other units: the loss and D are in those of the target.
TEST_P(LossFit, UnitsOfTheTargetCarryThrough) {
  for (const RowLoss& loss : {RowLoss(HuberLoss{0.2}), RowLoss(QuantileLoss{0.3})}) {
    FitOptions options = fit_options();
    options.loss = loss;
    const FitResult one = fit(petals(), options);
    Dataset scaled = petals();
    for (double& target : scaled.targets) {
      target *= 1000.0;
    }
    if (std::holds_alternative<HuberLoss>(loss)) {
      options.loss = HuberLoss{200.0};
    }
    const FitResult thousand = fit(std::move(scaled), options);
    const double unit = std::holds_alternative<HuberLoss>(loss) ? 1e6 : 1e3;
    EXPECT_NEAR(thousand.at.objective(), unit * one.at.objective(),
                tolerance(1e-7, 1e-5) * unit * one.at.objective());
    EXPECT_NEAR(thousand.model.coefficients[2], 1000.0 * one.model.coefficients[2],
                tolerance(1e-3, 1e-1));
  }
}

TEST(PoissonFit, RefusesWhatIsNoCount) {
  Dataset data = random_counts(1, 50);
  data.targets[17] = -1.0;
  const std::string message =
      thrown_message<InputError>([&] { return fit(std::move(data), on_cpu(PoissonLoss{})); });
  EXPECT_NE(message.find("row 18"), std::string::npos) << message;
  Dataset zeros = random_counts(1, 50);
  zeros.targets.assign(50, 0.0);
  EXPECT_THROW(static_cast<void>(fit(std::move(zeros), on_cpu(PoissonLoss{}))), InputError);
}

// Counts of millions, of fractions, and features that predict them by orders of magnitude.
TEST(PoissonFit, ReachesTheOptimumWhateverTheScale) {
  for (const double unit : {1e-3, 1.0, 1e6}) {
    Dataset data = random_counts(3, 400);
    for (double& target : data.targets) {
      target *= unit;
    }
    const FitResult result = fit(std::move(data), on_cpu(PoissonLoss{}));
    const FitResult plain = fit(random_counts(3, 400), on_cpu(PoissonLoss{}));
    EXPECT_TRUE(result.termination.converged()) << result.termination.inequality;
    EXPECT_NEAR(result.at.objective(), unit * plain.at.objective(), 1e-9 * unit);
    EXPECT_NEAR(result.model.intercept[0], plain.model.intercept[0] + std::log(unit), 1e-6);
  }
}

// The curvature of this loss has no bound: at the automatic rate these rules swing for ever.
TEST(PoissonFit, TakesBackStepsThatSwingAboutTheOptimum) {
  const FitResult best = fit(random_counts(3, 400), on_cpu(PoissonLoss{}));
  for (const char* rule : {"accelerated", "nesterov:0.9", "momentum:0.9"}) {
    for (const double clip : {0.0, 1e3}) {
      FitOptions options = on_cpu(PoissonLoss{});
      options.rule = parse_rule(rule);
      options.clip_norm = clip;
      const FitResult result = fit(random_counts(3, 400), options);
      EXPECT_TRUE(result.termination.converged()) << rule << result.termination.inequality;
      EXPECT_NEAR(result.at.objective(), best.at.objective(), 1e-9) << rule;
    }
  }
}

TEST(LossFitChecks, SameBitsForAnyNumberOfThreads) {
  for (const RowLoss& loss :
       {RowLoss(HuberLoss{100.0}), RowLoss(QuantileLoss{0.8}), RowLoss(PoissonLoss{})}) {
    FitOptions options = on_cpu(loss);
    options.threads = 1;
    const FitResult one = fit(thinned(diamonds(), 7), options);
    options.threads = 3;
    const FitResult three = fit(thinned(diamonds(), 7), options);
    EXPECT_EQ(one.model.coefficients, three.model.coefficients) << name(loss);
    EXPECT_EQ(one.model.intercept, three.model.intercept) << name(loss);
  }
}

// Steps of a rate of one's own see subgradients, and say so.
// D is far below the deviation of a target with gross outliers: the very case for Huber's loss.
// Descents one after another are one run: its clock goes on.
TEST(LossFitChecks, HistoriesOfSeveralDescentsAreOfOneClock) {
  for (const RowLoss& loss : {RowLoss(QuantileLoss{0.5}), RowLoss(HuberLoss{0.01})}) {
    const FitResult result = fit(petals(), on_cpu(loss));
    ASSERT_GT(result.history.size(), 10U);
    for (std::size_t i = 1; i < result.history.size(); ++i) {
      EXPECT_GE(result.history[i].seconds, result.history[i - 1].seconds) << name(loss) << i;
    }
  }
}

TEST(LossFitChecks, HuberFindsItsWayPastGrossOutliers) {
  std::mt19937 random(3);
  std::normal_distribution<double> normal;
  Dataset data;
  data.schema.columns.resize(2);
  data.schema.columns[0].name = "a";
  data.schema.columns[1].name = "b";
  data.schema.target_names = {"y"};
  data.features = FeatureMatrix(400, 2);
  for (std::int64_t i = 0; i < 400; ++i) {
    float* const row = data.features.row(i);
    row[0] = static_cast<float>(normal(random));
    row[1] = static_cast<float>(normal(random));
    const double line = 2.0 * static_cast<double>(row[0]) - static_cast<double>(row[1]) + 5.0;
    data.targets.push_back(line + 0.1 * normal(random) + (i % 20 == 0 ? 1e6 : 0.0));
  }
  const FitResult result = fit(std::move(data), on_cpu(HuberLoss{0.2}));
  EXPECT_TRUE(result.termination.converged()) << result.termination.inequality;
  EXPECT_NEAR(result.model.coefficients[0], 2.0, 0.05);
  EXPECT_NEAR(result.model.coefficients[1], -1.0, 0.05);
  EXPECT_NEAR(result.model.intercept[0], 5.0, 0.05);
  ASSERT_TRUE(result.gap_bound);
  EXPECT_LE(*result.gap_bound, 1e-5 * result.at.objective());
  for (std::size_t i = 1; i < result.history.size(); ++i) {
    EXPECT_GE(result.history[i].step, result.history[i - 1].step);
  }
}

TEST(LossFitChecks, QuantileByBatchesIsHonest) {
  FitOptions options = on_cpu(QuantileLoss{0.5});
  options.batch_size = 16;
  options.learning_rate = 0.05;
  options.epochs = 300;
  const FitResult result = fit(petals(), options);
  EXPECT_EQ(result.termination.reason, Reason::epochs);
  EXPECT_FALSE(result.gap_bound);
  const double optimum = reference("iris_quantile", "losses.json")[1]["objective"];
  EXPECT_GE(result.at.objective(), optimum * (1 - 1e-6));
  EXPECT_LE(result.at.objective(), optimum * 1.01);
}

TEST(LossFitChecks, QuantileRunsEndEarlyWhenTold) {
  FitOptions options = on_cpu(QuantileLoss{0.5});
  options.epochs = 3;
  FitResult result = fit(petals(), options);
  EXPECT_EQ(result.termination.reason, Reason::epochs);
  EXPECT_FALSE(result.gap_bound);
  EXPECT_LT(result.at.objective(), 1.0);
  result = fit(petals(), on_cpu(QuantileLoss{0.5}), [](const FitProgress&) { return false; });
  EXPECT_EQ(result.termination.reason, Reason::interrupted);
}

INSTANTIATE_TEST_SUITE_P(Backends, LossFit, testing::ValuesIn(backend_cases()), backend_case_name);

}  // namespace
}  // namespace steepest::tests
