// SPDX-License-Identifier: Apache-2.0
// The bound on the distance to the optimum is never below that distance, and near it at the end.
#include <gtest/gtest.h>

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <random>

#include "steepest/fit.hpp"
#include "tests/backends.hpp"
#include "tests/problems.hpp"

namespace steepest::tests {
namespace {

struct RandomProblem {
  RowLoss loss;
  std::int64_t outputs = 1;
  Dataset data;
  FitOptions options;
};

// Every kind of problem a bound is given for: weights, intercepts and standardizing or not.
RandomProblem random_problem(unsigned seed) {
  std::mt19937 random(seed);
  const auto one_of = [&random](std::int64_t count) {
    return static_cast<std::int64_t>(random() % static_cast<unsigned>(count));
  };
  RandomProblem problem;
  const std::int64_t kind = one_of(3);
  problem.loss = kind == 0   ? RowLoss(SquaredLoss{})
                 : kind == 1 ? RowLoss(LogisticLoss{})
                             : RowLoss(SoftmaxLoss{});
  problem.outputs = kind == 0 ? 1 + one_of(2) : kind == 1 ? 2 : 2 + one_of(3);
  const ProblemShape shape{20 + one_of(60), 1 + one_of(5), problem.outputs, one_of(2) == 1};
  kernels::TrainingData rows = random_data(shape, kind != 0, seed + 1);
  problem.data.features = std::move(rows.features);
  problem.data.targets = std::move(rows.targets);
  problem.data.labels = std::move(rows.labels);
  problem.data.weights = std::move(rows.weights);
  for (std::int64_t i = 0; i < shape.rows; ++i) {  // off centre, unlike in scale, correlated
    float* const row = problem.data.features.row(i);
    for (std::int64_t j = 0; j < shape.features; ++j) {
      row[j] = 3.0F + static_cast<float>(j + 1) * row[j] + (j > 0 ? row[j - 1] : 0.0F);
    }
  }
  for (std::int64_t j = 0; j < shape.features; ++j) {
    problem.data.schema.columns.push_back({std::to_string(j), ColumnKind::numeric, {}, {}});
  }
  problem.data.schema.target_names.assign(kind == 0 ? static_cast<std::size_t>(problem.outputs) : 1,
                                          "y");
  for (std::int64_t c = 0; kind != 0 && c < problem.outputs; ++c) {
    problem.data.schema.classes.push_back(std::to_string(c));
  }
  problem.options.device.kind = DeviceChoice::Kind::cpu;
  problem.options.threads = 1;
  problem.options.precision = Precision::fp64;
  problem.options.loss = problem.loss;
  problem.options.l2 = std::pow(10.0, -3.0 + 3.0 * static_cast<double>(one_of(1000)) / 1000.0);
  problem.options.standardize = one_of(3) > 0;
  problem.options.intercept = one_of(4) > 0;
  return problem;
}

Dataset copy_of(const Dataset& data) {
  Dataset copy;
  copy.schema = data.schema;
  copy.features = FeatureMatrix(data.features.rows(), data.features.columns());
  std::copy_n(data.features.data(), data.features.rows() * data.features.columns(),
              copy.features.data());
  copy.targets = data.targets;
  copy.labels = data.labels;
  copy.weights = data.weights;
  return copy;
}

TEST(Certificate, NeverBelowTheTrueGapAndNearItAtTheEnd) {
  std::vector<double> ratios;
  for (unsigned seed = 0; seed < 1000; ++seed) {
    SCOPED_TRACE(seed);
    const RandomProblem problem = random_problem(seed);
    FitOptions exact = problem.options;
    exact.rule = parse_rule("lbfgs");
    exact.tolerance_gradient = 1e-13;
    const FitResult reference = fit(copy_of(problem.data), exact);
    ASSERT_LE(reference.at.gradient_max_norm, 1e-10);
    const double optimum = reference.at.objective();

    FitOptions short_run = problem.options;  // far from the optimum, by another rule each time
    const char* rules[] = {"gradient", "momentum:0.5", "accelerated", "lbfgs:2"};
    short_run.rule = parse_rule(rules[seed % 4]);
    short_run.precondition = seed % 3 == 0;
    short_run.epochs = 1 + seed % 7;
    const FitResult early = fit(copy_of(problem.data), short_run);
    ASSERT_TRUE(early.gap_bound) << early.gap_note;
    const double rounding = 1e-14 * (1.0 + std::fabs(optimum));
    EXPECT_GE(*early.gap_bound, early.at.objective() - optimum - rounding);

    FitOptions rounded = short_run;
    rounded.precision = Precision::fp32;
    rounded.epochs = 300;
    const FitResult in_float = fit(copy_of(problem.data), rounded);
    if (in_float.gap_bound) {
      EXPECT_GE(*in_float.gap_bound, in_float.at.objective() - optimum - 1e-7 * (1.0 + optimum));
    }

    const FitResult end = fit(copy_of(problem.data), problem.options);
    ASSERT_TRUE(end.termination.converged());
    ASSERT_TRUE(end.gap_bound) << end.gap_note;
    const double gap = end.at.objective() - optimum;
    EXPECT_GE(*end.gap_bound, gap - rounding);
    if (gap > 10.0 * rounding) {
      ratios.push_back(*end.gap_bound / gap);
    }
  }
  ASSERT_GT(ratios.size(), 100U);
  std::nth_element(ratios.begin(), ratios.begin() + static_cast<std::int64_t>(ratios.size() / 2),
                   ratios.end());
  RecordProperty("median", std::to_string(ratios[ratios.size() / 2]));
  EXPECT_LT(ratios[ratios.size() / 2], 100.0);
}

TEST(Certificate, ARunStopsOnItAndSaysSo) {
  for (const unsigned seed : {1U, 2U, 3U, 5U, 8U, 13U}) {
    SCOPED_TRACE(seed);
    RandomProblem problem = random_problem(seed);
    problem.options.rule = parse_rule(seed % 2 == 0 ? "lbfgs:2" : "accelerated");
    problem.options.precondition = false;
    problem.options.tolerance_gradient = 0.0;
    problem.options.tolerance_gap = 1e-3;
    const FitResult result = fit(copy_of(problem.data), problem.options);
    EXPECT_EQ(result.termination.reason, Reason::gap);
    EXPECT_TRUE(result.termination.converged());
    ASSERT_TRUE(result.gap_bound);
    EXPECT_LE(*result.gap_bound, 1e-3);
    EXPECT_NE(result.termination.inequality.find("gap_bound"), std::string::npos);
  }
}

// What a run returns is what it was judged by, when rounding ends it too.
TEST(Certificate, ARoundedEndIsThePointThatWasJudged) {
  int rounded = 0;
  for (unsigned seed = 0; seed < 200; ++seed) {
    RandomProblem problem = random_problem(seed);
    problem.options.precision = Precision::fp32;
    problem.options.rule = parse_rule("lbfgs:3");
    problem.options.precondition = false;
    problem.options.tolerance_gradient = 0.0;
    problem.options.epochs = 2000;
    const FitResult result = fit(copy_of(problem.data), problem.options);
    if (result.termination.reason != Reason::rounding) {
      continue;
    }
    SCOPED_TRACE(seed);
    ++rounded;
    EXPECT_FALSE(result.termination.converged());
    if (result.softmax) {  // a metric of the model that was kept
      EXPECT_NEAR(result.softmax->log_loss, result.at.mean_loss, 1e-6);
    } else {
      EXPECT_NEAR(result.linear->mse * static_cast<double>(problem.outputs),
                  2.0 * result.at.mean_loss, 1e-5 * (1.0 + result.linear->mse));
    }
  }
  EXPECT_GT(rounded, 50);
}

// 200 rows of two columns, each `mean` deviations from 0, and two classes that overlap.
Dataset far_from_zero(double mean) {
  std::mt19937 random(11);
  std::normal_distribution<double> normal;
  Dataset data;
  data.features = FeatureMatrix(200, 2);
  for (std::int64_t i = 0; i < 200; ++i) {
    const double a = normal(random);
    const double b = normal(random);
    data.features.row(i)[0] = static_cast<float>(mean + a);
    data.features.row(i)[1] = static_cast<float>(0.7 * mean + b);
    data.labels.push_back(a - 0.5 * b + normal(random) > 0.0 ? 1 : 0);
  }
  data.schema.columns.resize(2);
  data.schema.columns[0].name = "a";
  data.schema.columns[1].name = "b";
  data.schema.target_names = {"y"};
  data.schema.classes = {"no", "yes"};
  return data;
}

// The logistic objective with fixed signs of the coefficients, in long double, on rows that are
// standardized without rounding.
class ExactLogistic {
 public:
  using Vector = Eigen::Matrix<long double, Eigen::Dynamic, 1>;
  using Matrix = Eigen::Matrix<long double, Eigen::Dynamic, Eigen::Dynamic>;

  ExactLogistic(const Dataset& data, double l1, double l2, bool intercept)
      : l1_(l1), l2_(l2), rows_(Matrix::Ones(data.features.rows(), intercept ? 3 : 2)) {
    for (std::int64_t i = 0; i < rows_.rows(); ++i) {
      rows_(i, 0) = data.features.row(i)[0];
      rows_(i, 1) = data.features.row(i)[1];
      sign_.push_back(data.labels[static_cast<std::size_t>(i)] == 1 ? 1.0L : -1.0L);
    }
    for (std::int64_t j = 0; j < 2; ++j) {
      const long double mean = rows_.col(j).mean();
      scale_.push_back(std::sqrt((rows_.col(j).array() - mean).square().mean()));
      mean_.push_back(intercept ? mean : 0.0L);
      rows_.col(j) = (rows_.col(j).array() - mean_.back()) / scale_.back();
    }
  }

  // How far above the optimum a model in the units of the input is; its coefficients keep their
  // signs on the way there where there is an l1 penalty.
  long double gap(const Model& model) const {
    Vector w(rows_.cols());
    w[0] = model.coefficients[2] * scale_[0];
    w[1] = model.coefficients[3] * scale_[1];
    if (w.size() == 3) {
      w[2] =
          model.intercept[1] + model.coefficients[2] * mean_[0] + model.coefficients[3] * mean_[1];
    }
    const long double here = objective(w);
    const Vector start = w;
    for (int iteration = 0; iteration < 60; ++iteration) {
      Vector gradient(w.size());
      Matrix hessian = Matrix::Zero(w.size(), w.size());
      const Vector margins = rows_ * w;
      gradient.setZero();
      for (std::int64_t i = 0; i < rows_.rows(); ++i) {
        const long double y = sign_[static_cast<std::size_t>(i)];
        const long double p = 1.0L / (1.0L + std::exp(y * margins[i]));
        gradient -= y * p * rows_.row(i).transpose();
        hessian += p * (1.0L - p) * rows_.row(i).transpose() * rows_.row(i);
      }
      gradient /= rows_.rows();
      hessian /= rows_.rows();
      for (std::int64_t j = 0; j < 2; ++j) {
        gradient[j] += l2_ * w[j] + l1_ * (start[j] > 0.0L ? 1.0L : -1.0L);
        hessian(j, j) += l2_;
      }
      const Vector step = hessian.ldlt().solve(gradient);
      long double length = 1.0L;
      while (objective(w - length * step) > objective(w) && length > 1e-9L) {
        length /= 2;
      }
      w -= length * step;
    }
    EXPECT_TRUE(l1_ == 0.0L || (w[0] * start[0] > 0.0L && w[1] * start[1] > 0.0L));
    return here - objective(w);
  }

 private:
  [[nodiscard]] long double objective(const Vector& w) const {
    const Vector margins = rows_ * w;
    long double sum = 0.0L;
    for (std::int64_t i = 0; i < margins.size(); ++i) {
      sum += std::log1p(std::exp(-sign_[static_cast<std::size_t>(i)] * margins[i]));
    }
    return sum / margins.size() + l2_ / 2 * (w[0] * w[0] + w[1] * w[1]) +
           l1_ * (std::fabs(w[0]) + std::fabs(w[1]));
  }

  long double l1_;
  long double l2_;
  Matrix rows_;
  std::vector<long double> sign_;
  std::vector<long double> mean_;
  std::vector<long double> scale_;
};

// Features are rounded when they are standardized: far from 0 and without an intercept that hides
// far more of the gap than sums do.
TEST(Certificate, CountsTheRoundingOfFeatures) {
  struct Penalty {
    double l1;
    double l2;
    const char* constraint;
  };
  constexpr Penalty penalties[] = {{0.0, 1e-6, "none"},
                                   {0.0, 1e-3, "none"},
                                   {0.0, 1e-3, "box:-1e6:1e6"},
                                   {1e-3, 1e-3, "none"},
                                   {1e-3, 0.0, "none"}};
  for (const double mean : {0.0, 30.0, 3000.0}) {
    for (const Penalty& penalty : penalties) {
      for (const bool intercept : {true, false}) {
        for (const Precision precision : {Precision::fp64, Precision::fp32}) {
          FitOptions options;
          options.device.kind = DeviceChoice::Kind::cpu;
          options.loss = LogisticLoss{};
          options.precision = precision;
          options.l1 = penalty.l1;
          options.l2 = penalty.l2;
          options.constraint = parse_constraint(penalty.constraint);
          options.intercept = intercept;
          options.tolerance_gradient = 1e-12;
          options.epochs = 3000;
          const FitResult result = fit(far_from_zero(mean), options);
          ASSERT_TRUE(result.gap_bound) << result.gap_note;
          const ExactLogistic exact(far_from_zero(mean), penalty.l1, penalty.l2, intercept);
          const auto gap = static_cast<double>(exact.gap(result.model));
          EXPECT_GE(*result.gap_bound, gap)
              << "mean " << mean << ", l1 " << penalty.l1 << ", l2 " << penalty.l2 << ", "
              << penalty.constraint << (intercept ? "" : ", no intercept") << ", "
              << name(precision);
        }
      }
    }
  }
}

// The automatic tolerance grows with the curvature in float, but no start is an end for it.
TEST(Certificate, AStartIsNotCalledConverged) {
  for (const char* const rule : {"gradient", "accelerated"}) {
    FitOptions options;
    options.device.kind = DeviceChoice::Kind::cpu;
    options.precision = Precision::fp32;
    options.intercept = false;
    options.l2 = 1e-4;
    options.rule = parse_rule(rule);
    options.epochs = 50;
    const FitResult result = fit(far_from_zero(3000.0), options);
    EXPECT_LE(result.tolerances.gradient, 1e-3);
    EXPECT_FALSE(result.termination.converged()) << result.termination.inequality;
  }
}

TEST(Certificate, IsNotGivenForWhatIsNotFinite) {
  for (unsigned seed = 0; seed < 30; ++seed) {
    SCOPED_TRACE(seed);
    RandomProblem problem = random_problem(seed);
    problem.options.rule = parse_rule("gradient");
    problem.options.learning_rate = 1e200;
    problem.options.epochs = 1;
    problem.options.tolerance_gap = 1e-3;
    const FitResult result = fit(copy_of(problem.data), problem.options);
    EXPECT_NE(result.termination.reason, Reason::gap);
    EXPECT_TRUE(!result.gap_bound || *result.gap_bound > 1.0);
  }
}

TEST(Certificate, SaysWhyThereIsNone) {
  RandomProblem problem = random_problem(4);
  while (!classifies(problem.loss)) {
    problem = random_problem(static_cast<unsigned>(problem.data.rows()) + 100);
  }
  problem.options.l2 = 0.0;
  problem.options.epochs = 5;
  const FitResult result = fit(copy_of(problem.data), problem.options);
  EXPECT_FALSE(result.gap_bound);
  EXPECT_NE(result.gap_note.find("without a penalty"), std::string::npos);
}

// Without a penalty too, squared loss has a bound: its Hessian is known.
TEST(Certificate, SquaredLossWithoutPenaltyIsBoundedByItsHessian) {
  for (unsigned seed = 0; seed < 60; ++seed) {
    RandomProblem problem = random_problem(seed);
    if (classifies(problem.loss)) {
      continue;
    }
    SCOPED_TRACE(seed);
    problem.options.l2 = 0.0;
    const double optimum = fit(copy_of(problem.data), problem.options).at.objective();
    problem.options.rule = parse_rule("gradient");
    problem.options.epochs = 3;
    const FitResult early = fit(copy_of(problem.data), problem.options);
    ASSERT_TRUE(early.gap_bound) << early.gap_note;
    const double gap = early.at.objective() - optimum;
    EXPECT_GE(*early.gap_bound, gap - 1e-9 * optimum - 1e-15);
    EXPECT_LE(*early.gap_bound, gap * (1.0 + 1e-4) + 1e-12);  // rows are rounded to float32
  }
}

}  // namespace
}  // namespace steepest::tests
