// SPDX-License-Identifier: Apache-2.0
// Least squares by QR against NIST's certified values and answers in 60 digits.
#include "src/train/least_squares.hpp"

#include <gtest/gtest.h>

#include <Eigen/QR>
#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>

#include "src/train/preconditioner.hpp"
#include "steepest/read.hpp"
#include "steepest/sweep.hpp"
#include "tests/backends.hpp"
#include "tests/problems.hpp"
#include "tests/reference_file.hpp"

namespace steepest::tests {
namespace {

using train::HessianRows;
using train::LeastSquares;

// Powers of x from the first to `degree`, rounded to float32, and targets.
Dataset polynomial(const std::vector<double>& x, const std::vector<double>& y,
                   std::int64_t degree) {
  Dataset data;
  data.features = FeatureMatrix(static_cast<std::int64_t>(x.size()), degree);
  data.targets = y;
  data.schema.target_names = {"y"};
  data.schema.columns.resize(static_cast<std::size_t>(degree));
  for (std::int64_t j = 0; j < degree; ++j) {
    data.schema.columns[static_cast<std::size_t>(j)].name = "x" + std::to_string(j + 1);
  }
  for (std::size_t i = 0; i < x.size(); ++i) {
    double power = 1.0;
    for (std::int64_t j = 0; j < degree; ++j) {
      power *= x[i];
      data.features.row(static_cast<std::int64_t>(i))[j] = static_cast<float>(power);
    }
  }
  return data;
}

// NIST's Wampler problems: 1 + x + ... + x^5 at 0, 1, ..., 20 and `size` times a disturbance that
// is orthogonal to these powers, so that all certified coefficients are 1. Every number is whole
// and below 2^24: float32 takes nothing away.
constexpr double disturbance_squares = 83554268.0;  // certified for size 1: Wampler3

Dataset wampler(double size) {
  const double disturbance[] = {759,   -2048, 2048,  -2048, 2523,  -2048, 2048,
                                -2048, 1838,  -2048, 2048,  -2048, 1838,  -2048,
                                2048,  -2048, 2523,  -2048, 2048,  -2048, 759};
  std::vector<double> x;
  std::vector<double> y;
  for (int i = 0; i <= 20; ++i) {
    x.push_back(i);
    double sum = 0.0;
    for (int power = 0; power <= 5; ++power) {
      sum += std::pow(i, power);
    }
    y.push_back(sum + size * disturbance[i]);
  }
  return polynomial(x, y, 5);
}

FeatureMatrix copy_of(const FeatureMatrix& features) {
  FeatureMatrix copy(features.rows(), features.columns());
  std::copy_n(features.data(), features.rows() * features.columns(), copy.data());
  return copy;
}

Dataset copy_of(const Dataset& data) {
  Dataset copy;
  copy.schema = data.schema;
  copy.features = copy_of(data.features);
  copy.targets = data.targets;
  copy.weights = data.weights;
  return copy;
}

// Rows held as they came, and what is asked of them.
class HeldRows {
 public:
  HeldRows(std::unique_ptr<kernels::Backend> backend, const Dataset& data, std::int64_t outputs)
      : backend_(std::move(backend)), rows_(copy_of(data)), weights_(train::sum_weights(rows_)) {
    const auto features = static_cast<std::size_t>(data.features.columns());
    scaling_.feature_mean.assign(features, 0.0);
    scaling_.feature_scale.assign(features, 1.0);
    scaling_.target_mean.assign(static_cast<std::size_t>(outputs), 0.0);
    kernels::TrainingData training;
    training.features = copy_of(data.features);
    training.mean = scaling_.feature_mean;
    training.scale = scaling_.feature_scale;
    training.targets = data.targets;
    training.weights = data.weights;
    train::normalise_weights(weights_, training.weights);
    backend_->hold(std::move(training));
  }

  LeastSquares solve(double l2 = 0.0, bool intercept = true, int threads = 2) {
    kernels::ThreadPool pool(threads);
    const HessianRows rows{rows_,
                           weights_,
                           scaling_,
                           rows_.rows(),
                           rows_.feature_count(),
                           static_cast<std::int64_t>(scaling_.target_mean.size())};
    return train::solve_least_squares(*backend_, rows, l2, intercept, pool);
  }

  [[nodiscard]] kernels::Backend& backend() { return *backend_; }
  [[nodiscard]] std::int64_t rows() const { return rows_.rows(); }
  [[nodiscard]] std::int64_t features() const { return rows_.feature_count(); }

 private:
  std::unique_ptr<kernels::Backend> backend_;
  DatasetRows rows_;
  train::RowWeights weights_;
  train::Scaling scaling_;
};

// Half the mean square, summed in long double.
long double mean_loss_of(const Dataset& data, const std::vector<double>& parameters) {
  kernels::TrainingData rows;
  rows.features = copy_of(data.features);
  rows.targets = data.targets;
  return plain_mean_loss(SquaredLoss{}, rows, 1, parameters);
}

class LeastSquaresOn : public OnEveryBackend {};

TEST_P(LeastSquaresOn, AgreesWithNistOnWampler) {
  struct Case {
    double size;
    double tolerance;
  };
  // Digits of coefficients go with the residual, too: those of Wampler5 are 250 standard errors.
  for (const Case& problem :
       {Case{0.0, 1e-10}, Case{1.0, 1e-9}, Case{100, 1e-7}, Case{1e4, 1e-5}}) {
    const Dataset data = wampler(problem.size);
    HeldRows rows(make(), data, 1);
    const LeastSquares solved = rows.solve();
    EXPECT_EQ(solved.rank, 6);
    for (const double coefficient : solved.parameters) {
      EXPECT_NEAR(coefficient, 1.0, problem.tolerance) << problem.size;
    }
    const double squares = problem.size * problem.size * disturbance_squares;
    EXPECT_NEAR(static_cast<double>(mean_loss_of(data, solved.parameters)) * 42.0, squares,
                1e-12 * squares + 1e-12);
  }
}

// Certified values of Longley; the deflator is ten times NIST's, so that every number is whole.
TEST_P(LeastSquaresOn, AgreesWithNistOnLongley) {
  ReadOptions read;
  read.paths = {std::string(STEEPEST_SOURCE_FOLDER) + "/data/longley.csv"};
  read.targets = {"employed"};
  HeldRows rows(make(), read_dataset(read), 1);
  const LeastSquares solved = rows.solve();
  const double certified[] = {1.50618722713733,  -0.358191792925910e-01, -2.02022980381683,
                              -1.03322686717359, -0.511041056535807e-01, 1829.15146461355,
                              -3482258.63459582};
  for (std::size_t j = 0; j < 7; ++j) {
    EXPECT_NEAR(solved.parameters[j], certified[j], 1e-10 * std::fabs(certified[j])) << j;
  }
}

// The powers have a condition number of 2e15, their second moments one beyond double.
TEST_P(LeastSquaresOn, AgreesWithSixtyDigitsOnFilip) {
  const auto filip = reference("filip", "least_squares.json");
  const Dataset data =
      polynomial(filip["x"].get<std::vector<double>>(), filip["y"].get<std::vector<double>>(), 10);
  HeldRows rows(make(), data, 1);
  const LeastSquares solved = rows.solve();
  EXPECT_EQ(solved.rank, 11);
  const auto expected = filip["coefficients"].get<std::vector<double>>();  // intercept first
  for (std::size_t j = 0; j <= 10; ++j) {
    const double wanted = expected[(j + 1) % 11];
    EXPECT_NEAR(solved.parameters[j], wanted, 1e-6 * std::fabs(wanted)) << j;
  }
  const auto squares = filip["residual_squares"].get<double>();
  EXPECT_NEAR(static_cast<double>(mean_loss_of(data, solved.parameters)) * 2.0 * 82.0, squares,
              1e-9 * squares);
}

using Extended = Eigen::Matrix<long double, Eigen::Dynamic, Eigen::Dynamic>;

// Many blocks, weights, a penalty, two targets, with and without an intercept: against one
// factorization of all rows in long double.
TEST_P(LeastSquaresOn, SolvesBlocksOfRowsAsAWhole) {
  constexpr std::int64_t n = 6000;
  constexpr std::int64_t d = 9;
  constexpr double l2 = 0.3;
  kernels::TrainingData random = random_data({n, d, 2, true}, false, 3);
  Dataset data;
  data.features = std::move(random.features);
  data.targets = std::move(random.targets);
  data.weights = std::move(random.weights);
  data.schema.target_names = {"a", "b"};
  data.schema.columns.resize(d);
  for (const bool intercept : {true, false}) {
    const std::int64_t used = d + (intercept ? 1 : 0);
    Extended left = Extended::Zero(n + d, used);
    Extended right = Extended::Zero(n + d, 2);
    for (std::int64_t i = 0; i < n; ++i) {
      const auto row = static_cast<std::size_t>(i);
      const long double root = std::sqrt(static_cast<long double>(data.weights[row]));
      for (std::int64_t j = 0; j < d; ++j) {
        left(i, j) = root * data.features.row(i)[j];
      }
      left(i, used - 1) = intercept ? root : left(i, used - 1);
      right(i, 0) = root * data.targets[row * 2];
      right(i, 1) = root * data.targets[row * 2 + 1];
    }
    for (std::int64_t j = 0; j < d; ++j) {
      left(n + j, j) = std::sqrt(static_cast<long double>(l2 * n));
    }
    const Extended expected = left.colPivHouseholderQr().solve(right);
    HeldRows rows(make(), data, 2);
    const LeastSquares solved = rows.solve(l2, intercept);
    for (std::int64_t o = 0; o < 2; ++o) {
      for (std::int64_t j = 0; j < used; ++j) {
        EXPECT_NEAR(solved.parameters[static_cast<std::size_t>(o * (d + 1) + j)],
                    static_cast<double>(expected(j, o)), 1e-13);
      }
      if (!intercept) {
        EXPECT_EQ(solved.parameters[static_cast<std::size_t>(o * (d + 1) + d)], 0.0);
      }
    }
    for (const int threads : {1, 3, 5}) {
      EXPECT_EQ(rows.solve(l2, intercept, threads).parameters, solved.parameters) << threads;
    }
  }
}

// A column twice: the sum of both coefficients is that of the one, shared out evenly.
TEST_P(LeastSquaresOn, TakesTheSolutionNearestToZeroOfManyEqual) {
  Dataset data = wampler(1.0);
  Dataset twice = polynomial({}, {}, 6);
  twice.features = FeatureMatrix(21, 6);
  twice.targets = data.targets;
  for (std::int64_t i = 0; i < 21; ++i) {
    std::copy_n(data.features.row(i), 5, twice.features.row(i));
    twice.features.row(i)[5] = data.features.row(i)[2];
  }
  HeldRows rows(make(), twice, 1);
  const LeastSquares solved = rows.solve();
  EXPECT_EQ(solved.rank, 6);
  EXPECT_NEAR(solved.parameters[2], 0.5, 1e-8);
  EXPECT_NEAR(solved.parameters[5], 0.5, 1e-8);
  EXPECT_NEAR(solved.parameters[4], 1.0, 1e-8);
}

TEST_P(LeastSquaresOn, ConditionOfMomentsTellsWhereTheyFail) {
  const auto condition = [this](const Dataset& data, double l2) {
    HeldRows rows(make(), data, 1);
    return train::moment_condition(rows.backend().second_moment(rows.rows()),
                                   {rows.features(), true, 1.0, l2});
  };
  Dataset plain;
  plain.features = random_data({500, 4, 1, false}, false, 9).features;
  plain.targets.assign(500, 0.0);
  plain.schema.columns.resize(4);
  plain.schema.target_names = {"y"};
  EXPECT_LT(condition(plain, 0.0), 10.0);
  EXPECT_GT(condition(wampler(0.0), 0.0), train::moments_lose_digits);
  EXPECT_LT(condition(wampler(0.0), 1e13), 10.0);  // a penalty as large as the largest power
}

// What a sweep measures regrets from, on rows that need no rounding and on standardized ones.
TEST(LeastSquaresOptimum, OfASweepIsRightWhereSecondMomentsAreIllConditioned) {
  SweepOptions options;
  options.schedules = parse_schedule_list("constant");
  options.learning_rates = {{0.5, true}};
  options.epochs = 2;
  options.problem.device.kind = DeviceChoice::Kind::cpu;
  for (const bool standardize : {false, true}) {
    options.problem.standardize = standardize;
    const SweepResult result = sweep(std::make_shared<DatasetRows>(wampler(1.0)), options);
    EXPECT_TRUE(result.optimum.converged);
    EXPECT_EQ(result.optimum.method.find("QR of all rows"), 0U) << result.optimum.method;
    // Standardized features are rounded to float32, and the optimum is theirs.
    EXPECT_NEAR(result.optimum.objective * 42.0, disturbance_squares,
                (standardize ? 2e-5 : 1e-12) * disturbance_squares);
  }
}

INSTANTIATE_TEST_SUITE_P(Backends, LeastSquaresOn, testing::ValuesIn(backend_cases()),
                         backend_case_name);

}  // namespace
}  // namespace steepest::tests
