// SPDX-License-Identifier: Apache-2.0
// Paths and folds: every model of a bank against the same one trained alone.
#include "steepest/path.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <set>

#include "src/data/row_subset.hpp"
#include "src/train/folds.hpp"
#include "steepest/error.hpp"
#include "steepest/fit.hpp"
#include "steepest/sweep.hpp"
#include "tests/problems.hpp"

namespace steepest::tests {
namespace {

// Correlated features of unequal sizes with the targets or labels of a true model, and noise.
Dataset problem(const RowLoss& loss, std::int64_t rows, std::int64_t classes, bool weighted) {
  std::mt19937 random(7);
  std::normal_distribution<double> normal;
  constexpr std::int64_t d = 5;
  Dataset data;
  data.features = FeatureMatrix(rows, d);
  for (std::int64_t j = 0; j < d; ++j) {
    data.schema.columns.push_back({"x" + std::to_string(j + 1), ColumnKind::numeric, {}, {}});
  }
  data.schema.target_names = {"y"};
  for (std::int64_t c = 0; classifies(loss) && c < classes; ++c) {
    data.schema.classes.push_back(std::to_string(c));
  }
  for (std::int64_t i = 0; i < rows; ++i) {
    float* const x = data.features.row(i);
    double previous = normal(random);
    double score = 0.0;
    for (std::int64_t j = 0; j < d; ++j) {
      previous = 0.6 * previous + 0.8 * normal(random);
      x[j] = static_cast<float>(previous * (1.0 + 0.3 * static_cast<double>(j)));
      score += x[j] * (j % 2 == 0 ? 0.7 : -0.4);
    }
    score += normal(random);
    if (classifies(loss)) {
      const auto last = static_cast<double>(classes - 1);
      data.labels.push_back(
          static_cast<std::int32_t>(std::clamp(std::floor(score + last / 2.0), 0.0, last)));
    } else {
      data.targets.push_back(score + 3.0);
    }
    if (weighted) {
      data.weights.push_back(static_cast<double>(random() % 3));
    }
  }
  return data;
}

Dataset copy_of(const Dataset& data) {
  Dataset copy;
  copy.schema = data.schema;
  copy.targets = data.targets;
  copy.labels = data.labels;
  copy.weights = data.weights;
  copy.features = FeatureMatrix(data.rows(), data.features.columns());
  std::copy_n(data.features.data(), data.rows() * data.features.columns(), copy.features.data());
  return copy;
}

// The rows of one fold, or all others.
Dataset rows_of(const Dataset& data, const std::vector<std::uint8_t>& folds, int fold, bool only) {
  Dataset part;
  part.schema = data.schema;
  const std::int64_t d = data.features.columns();
  part.features = FeatureMatrix(0, d);
  for (std::int64_t i = 0; i < data.rows(); ++i) {
    const auto row = static_cast<std::size_t>(i);
    if ((folds[row] == fold) != only) {
      continue;
    }
    std::copy_n(data.features.row(i), d, part.features.append_row());
    if (!data.targets.empty()) {
      part.targets.push_back(data.targets[row]);
    }
    if (!data.labels.empty()) {
      part.labels.push_back(data.labels[row]);
    }
    if (!data.weights.empty()) {
      part.weights.push_back(data.weights[row]);
    }
  }
  return part;
}

// By definition, in double.
double mean_loss(const Model& model, const Dataset& data) {
  std::vector<double> scores = model.scores(data.features);
  if (model.kind == ModelKind::softmax) {
    softmax_in_place(scores, model.outputs());
  }
  double sum = 0.0;
  double weights = 0.0;
  for (std::size_t i = 0; i < static_cast<std::size_t>(data.rows()); ++i) {
    const auto outputs = static_cast<std::size_t>(model.outputs());
    const double loss =
        model.kind == ModelKind::softmax
            ? -std::log(scores[i * outputs + static_cast<std::size_t>(data.labels[i])])
            : 0.5 * (scores[i] - data.targets[i]) * (scores[i] - data.targets[i]);
    const double weight = data.weights.empty() ? 1.0 : data.weights[i];
    sum += weight * loss;
    weights += weight;
  }
  return sum / weights;
}

FitOptions exact_options(const RowLoss& loss) {
  FitOptions options;
  options.loss = loss;
  options.precision = Precision::fp64;
  options.tolerance_gradient = 1e-9;
  options.standardize = false;  // so that a fold alone has the scale that it has among all
  options.threads = 2;
  return options;
}

TEST(Path, EveryModelOfAFoldIsTheOneTrainedAlone) {
  constexpr int folds = 4;
  for (const RowLoss& loss :
       {RowLoss(SquaredLoss{}), RowLoss(LogisticLoss{}), RowLoss(SoftmaxLoss{})}) {
    for (const bool weighted : {false, true}) {
      const std::int64_t classes = std::holds_alternative<LogisticLoss>(loss) ? 2 : 3;
      const Dataset data = problem(loss, 203, classes, weighted);
      FitOptions options = exact_options(loss);
      options.l2_path = {1e-4, 1e-2, 1.0};
      options.folds = folds;
      options.seed = 3;
      const FitResult result = fit(copy_of(data), options);
      ASSERT_TRUE(result.path);
      EXPECT_EQ(result.path->models, 12);
      EXPECT_EQ(result.path->banks, 1);
      const auto fold_of_row = train::make_folds(DatasetRows(copy_of(data)), folds, options.seed);
      for (const PathPoint& point : result.path->points) {
        EXPECT_TRUE(point.converged);
        double train_loss = 0.0;
        for (int fold = 0; fold < folds; ++fold) {
          FitOptions alone = exact_options(loss);
          alone.l2 = point.l2;
          const FitResult one = fit(rows_of(data, *fold_of_row, fold, false), alone);
          EXPECT_TRUE(one.termination.converged()) << one.termination.inequality;
          const double expected = mean_loss(one.model, rows_of(data, *fold_of_row, fold, true));
          EXPECT_NEAR(point.fold_losses[static_cast<std::size_t>(fold)], expected, 1e-6 * expected)
              << name(loss) << " l2 " << point.l2 << " fold " << fold;
          train_loss += one.at.mean_loss / folds;
        }
        EXPECT_NEAR(point.train_loss, train_loss, 1e-6 * train_loss);
      }
      // What is kept is the fit to all rows with the penalty picked.
      FitOptions alone = exact_options(loss);
      alone.l2 = result.path->points[result.path->best].l2;
      const FitResult one = fit(copy_of(data), alone);
      EXPECT_EQ(result.model.coefficients, one.model.coefficients);
      EXPECT_EQ(result.model.l2, alone.l2);
    }
  }
}

TEST(Path, SumsUpFoldsByWeightAndPicks) {
  const Dataset data = problem(SquaredLoss{}, 150, 0, true);
  FitOptions options = exact_options(SquaredLoss{});
  options.l2_path = spaced(1e-3, 10.0, 9, true);
  options.folds = 5;
  options.pick_one_standard_error = true;
  const PathResult path = *fit(copy_of(data), options).path;
  const auto fold_of_row = train::make_folds(DatasetRows(copy_of(data)), 5, 0);
  const std::vector<double> weights =
      train::fold_weights(DatasetRows(copy_of(data)), *fold_of_row, 5);
  const double best = path.points[path.best].validation_loss;
  const double limit = best + *path.points[path.best].standard_error;
  for (std::size_t i = 0; i < path.points.size(); ++i) {
    const PathPoint& point = path.points[i];
    double sum = 0.0;
    double mean = 0.0;
    for (std::size_t f = 0; f < 5; ++f) {
      sum += weights[f];
      mean += weights[f] * point.fold_losses[f];
    }
    mean /= sum;
    double variance = 0.0;
    for (std::size_t f = 0; f < 5; ++f) {
      variance += weights[f] / sum * (point.fold_losses[f] - mean) * (point.fold_losses[f] - mean);
    }
    EXPECT_NEAR(point.validation_loss, mean, 1e-12 * mean);
    EXPECT_NEAR(*point.standard_error, std::sqrt(variance / 4.0), 1e-12 * mean);
    EXPECT_GE(point.validation_loss, best);
    if (point.l2 > path.points[path.one_standard_error].l2) {
      EXPECT_GT(point.validation_loss, limit);
    }
  }
  EXPECT_LE(path.points[path.one_standard_error].validation_loss, limit);
  EXPECT_EQ(path.picked, path.one_standard_error);
}

// Without a penalty nothing is left out, with a large one nothing but the intercept is left.
TEST(Path, DegreesOfFreedomFallFromAllToOne) {
  FitOptions options = exact_options(SquaredLoss{});
  options.l2_path = {0.0, 1e-2, 1.0, 1e9};
  options.folds = 3;
  const PathResult path = *fit(problem(SquaredLoss{}, 90, 0, false), options).path;
  EXPECT_NEAR(*path.points[0].degrees_of_freedom, 6.0, 1e-9);
  EXPECT_LT(*path.points[2].degrees_of_freedom, *path.points[1].degrees_of_freedom);
  EXPECT_NEAR(*path.points[3].degrees_of_freedom, 1.0, 1e-6);
}

TEST(Path, ValidationRowsChooseAsFitsAloneWould) {
  for (const RowLoss& loss : {RowLoss(SquaredLoss{}), RowLoss(SoftmaxLoss{})}) {
    const Dataset data = problem(loss, 160, 3, false);
    const Dataset held = problem(loss, 60, 3, false);
    FitOptions options = exact_options(loss);
    options.standardize = true;
    options.l2_path = {1e-3, 1e-1, 10.0};
    options.validation = std::make_shared<DatasetRows>(copy_of(held));
    const PathResult path = *fit(copy_of(data), options).path;
    EXPECT_EQ(options.validation->in_memory()->features.rows(), 60) << "rows are left as they are";
    for (const PathPoint& point : path.points) {
      FitOptions alone = exact_options(loss);
      alone.standardize = true;
      alone.l2 = point.l2;
      const double expected = mean_loss(fit(copy_of(data), alone).model, held);
      EXPECT_NEAR(point.validation_loss, expected, 1e-6 * expected);
      EXPECT_FALSE(point.standard_error);
      EXPECT_GE(point.validation_loss, path.points[path.best].validation_loss);
    }
  }
}

TEST(Path, WidePathsTakeSeveralBanksAndAnyNumberOfThreads) {
  FitOptions options = exact_options(SoftmaxLoss{});
  options.l2_path = spaced(1e-4, 1.0, 20, true);
  options.folds = 3;  // 20 * 3 * 3 columns
  options.threads = 1;
  const PathResult one = *fit(problem(SoftmaxLoss{}, 300, 3, true), options).path;
  EXPECT_EQ(one.banks, 2);
  options.threads = 3;
  const PathResult three = *fit(problem(SoftmaxLoss{}, 300, 3, true), options).path;
  for (std::size_t i = 0; i < one.points.size(); ++i) {
    EXPECT_EQ(one.points[i].fold_losses, three.points[i].fold_losses);
  }
}

// A source that cannot be held: all rows but the first.
TEST(Path, StreamedRowsGiveTheSameLossesAndStandardErrors) {
  for (const RowLoss& loss : {RowLoss(SquaredLoss{}), RowLoss(SoftmaxLoss{})}) {
    std::vector<std::uint8_t> first(200, 1);
    first[0] = 0;
    const Dataset data = problem(loss, 200, 3, true);
    const auto streamed = [&] {
      return std::make_shared<data::RowSubset>(
          std::make_shared<DatasetRows>(copy_of(data)),
          std::make_shared<const std::vector<std::int64_t>>(std::vector<std::int64_t>{0}), true);
    };
    FitOptions options = exact_options(loss);
    options.standardize = true;
    options.l2_path = {1e-3, 1e-1};
    options.folds = 4;
    const FitResult held = fit(rows_of(data, first, 1, true), options);
    const FitResult read = fit(streamed(), options);
    for (std::size_t i = 0; i < 2; ++i) {
      EXPECT_EQ(read.path->points[i].fold_losses, held.path->points[i].fold_losses);
    }
    FitOptions inferring = exact_options(loss);
    inferring.standardize = true;
    inferring.inference = true;
    const Inference one = *fit(rows_of(data, first, 1, true), inferring).inference;
    const Inference other = *fit(streamed(), inferring).inference;
    const std::vector<double>& errors = one.standard_errors.coefficients;
    ASSERT_FALSE(errors.empty());
    for (std::size_t j = 0; j < errors.size(); ++j) {
      // Rows that were held come back from their scale to float again.
      EXPECT_NEAR(other.standard_errors.coefficients[j], errors[j], 1e-7 * errors[j]);
    }
  }
}

TEST(Path, RefusesWhatDoesNotGoTogether) {
  const auto refuses = [](FitOptions options) {
    EXPECT_THROW(static_cast<void>(fit(problem(SquaredLoss{}, 30, 0, false), options)),
                 OptionError);
  };
  FitOptions options = exact_options(SquaredLoss{});
  options.l2_path = {1e-3, 1.0};
  refuses(options);  // nothing to choose by
  options.folds = 1;
  refuses(options);
  options.folds = 31;
  refuses(options);
  options.folds = 3;
  options.batch_size = 10;
  refuses(options);
  options.batch_size = 0;
  options.learning_rate = 0.1;
  refuses(options);
  options.learning_rate.reset();
  options.l2_path = {1.0, -1.0};
  refuses(options);
}

TEST(Folds, AreEvenOverAllRowsAndOverEachClass) {
  const DatasetRows data(problem(SoftmaxLoss{}, 101, 3, false));
  RowBuffer buffer;
  const std::int32_t* const labels = data.labels(0, 101, buffer);
  const auto folds = train::make_folds(data, 4, 9);
  std::vector<int> all(4, 0);
  std::vector<std::vector<int>> of_class(3, std::vector<int>(4, 0));
  for (std::size_t i = 0; i < 101; ++i) {
    ++all[(*folds)[i]];
    ++of_class[static_cast<std::size_t>(labels[i])][(*folds)[i]];
  }
  const auto even = [](const std::vector<int>& counts) {
    const auto [least, most] = std::minmax_element(counts.begin(), counts.end());
    return *most - *least <= 1;
  };
  EXPECT_TRUE(even(all));
  for (const std::vector<int>& counts : of_class) {
    EXPECT_TRUE(even(counts));
  }
  EXPECT_EQ(*train::make_folds(data, 4, 9), *folds);
  EXPECT_NE(*train::make_folds(data, 4, 10), *folds);
}

TEST(Folds, RefuseAClassOfOneRowAndFoldsOfNoWeight) {
  Dataset data = problem(SoftmaxLoss{}, 50, 3, false);
  data.schema.classes.emplace_back("3");
  data.labels[20] = 3;
  EXPECT_THROW(static_cast<void>(train::make_folds(DatasetRows(std::move(data)), 4, 9)),
               InputError);
  Dataset weighted = problem(SquaredLoss{}, 6, 0, false);
  weighted.weights = {1, 0, 0, 0, 0, 0};
  const DatasetRows rows(std::move(weighted));
  EXPECT_THROW(static_cast<void>(train::fold_weights(rows, *train::make_folds(rows, 3, 0), 3)),
               InputError);
}

}  // namespace
}  // namespace steepest::tests
