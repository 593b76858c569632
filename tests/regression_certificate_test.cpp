// SPDX-License-Identifier: Apache-2.0
// Bounds of regression against the distance to the optimum itself: in long double, on rows that are
// standardized without rounding.
#include <gtest/gtest.h>

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <optional>
#include <random>

#include "steepest/fit.hpp"

namespace steepest::tests {
namespace {

using Real = long double;
using Vector = Eigen::Matrix<Real, Eigen::Dynamic, 1>;
using Matrix = Eigen::Matrix<Real, Eigen::Dynamic, Eigen::Dynamic>;

// Derivatives of a row's loss by its score: docs/math.md, "Objective".
struct Slopes {
  Real first = 0.0L;
  Real second = 0.0L;
};

Slopes slopes_of(const RowLoss& loss, Real score, Real target) {
  const Real error = score - target;
  if (const auto* const huber = std::get_if<HuberLoss>(&loss)) {
    const Real delta = huber->delta;
    return {std::clamp(error, -delta, delta), std::fabs(error) > delta ? 0.0L : 1.0L};
  }
  if (std::holds_alternative<PoissonLoss>(loss)) {
    return {std::exp(score) - target, std::exp(score)};
  }
  return {error, 1.0L};
}

// l(z) - l(z0) - l'(z0) (z - z0), 0 or more, without a difference of large numbers.
Real divergence(const RowLoss& loss, Real score, Real best, Real target) {
  const Real moved = score - best;
  if (std::holds_alternative<PoissonLoss>(loss)) {
    return std::exp(best) * (std::expm1(moved) - moved);
  }
  const auto* const huber = std::get_if<HuberLoss>(&loss);
  if (huber == nullptr) {
    return moved * moved / 2;
  }
  const Real delta = huber->delta;
  const Real side = best < target ? -1.0L : 1.0L;
  const Real from = side * (best - target);
  const Real to = side * (score - target);
  if (from > delta) {
    return to > delta ? 0.0L : to < -delta ? -2 * delta * to : (delta - to) * (delta - to) / 2;
  }
  const Real beyond = std::max(Real(0), std::fabs(to) - delta);
  return moved * moved / 2 - beyond * beyond / 2;
}

struct RandomRegression {
  Dataset data;
  FitOptions options;
};

RandomRegression random_regression(const RowLoss& loss, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<double> normal;
  const auto one_of = [&random](std::initializer_list<double> values) {
    return *(values.begin() + random() % values.size());
  };
  RandomRegression made;
  const auto rows = static_cast<std::int64_t>(25 + random() % 60);
  const auto features = static_cast<std::int64_t>(1 + random() % 4);
  made.data.features = FeatureMatrix(rows, features);
  made.data.schema.columns.resize(static_cast<std::size_t>(features));
  made.data.schema.target_names = {"y"};
  std::vector<double> centre;
  std::vector<double> slope;
  for (std::int64_t j = 0; j < features; ++j) {
    made.data.schema.columns[static_cast<std::size_t>(j)].name = std::to_string(j);
    centre.push_back(one_of({0.0, 3.0, 100.0}));
    slope.push_back(0.5 * normal(random));
  }
  const bool weighted = random() % 2 == 0;
  const bool counts = std::holds_alternative<PoissonLoss>(loss);
  const double unit = counts ? 1.0 : one_of({1.0, 100.0});
  for (std::int64_t i = 0; i < rows; ++i) {
    double score = 0.5;
    for (std::int64_t j = 0; j < features; ++j) {
      const double x = normal(random) + (j > 0 ? 0.5 : 0.0);
      made.data.features.row(i)[j] = static_cast<float>((x + centre[static_cast<std::size_t>(j)]) *
                                                        static_cast<double>(j + 1));
      score += slope[static_cast<std::size_t>(j)] * x;
    }
    const double outlier = random() % 6 == 0 ? 10.0 : 0.5;
    made.data.targets.push_back(counts ? std::poisson_distribution<int>(std::exp(score))(random) +
                                             (i == 0 ? 1 : 0)
                                       : unit * (score + outlier * normal(random)));
    if (weighted) {
      made.data.weights.push_back(static_cast<double>(1 + random() % 3));
    }
  }
  made.options.device.kind = DeviceChoice::Kind::cpu;
  made.options.threads = 1;
  made.options.loss = loss;
  if (std::holds_alternative<HuberLoss>(loss)) {
    made.options.loss = HuberLoss{unit * one_of({0.1, 0.5, 2.0})};
  } else if (std::holds_alternative<QuantileLoss>(loss)) {
    made.options.loss = QuantileLoss{one_of({0.1, 0.5, 0.75})};
  }
  made.options.l2 = one_of({1e-4, 1e-2, 1.0});
  made.options.standardize = random() % 4 > 0;
  made.options.intercept = random() % 4 > 0;
  return made;
}

class ExactRegression {
 public:
  explicit ExactRegression(const RandomRegression& problem)
      : loss_(*problem.options.loss),
        l2_(*problem.options.l2),
        features_(problem.data.features.columns()),
        rows_(Matrix::Ones(problem.data.rows(), features_ + (problem.options.intercept ? 1 : 0))),
        targets_(problem.data.rows()),
        weights_(Vector::Ones(problem.data.rows())) {
    for (Eigen::Index i = 0; i < rows_.rows(); ++i) {
      for (Eigen::Index j = 0; j < features_; ++j) {
        rows_(i, j) = problem.data.features.row(i)[j];
      }
      targets_[i] = problem.data.targets[static_cast<std::size_t>(i)];
      if (!problem.data.weights.empty()) {
        weights_[i] = problem.data.weights[static_cast<std::size_t>(i)];
      }
    }
    weights_ /= weights_.sum();
    mean_ = Vector::Zero(features_);
    scale_ = Vector::Ones(features_);
    for (Eigen::Index j = 0; problem.options.standardize && j < features_; ++j) {
      const Real mean = weights_.dot(rows_.col(j));
      scale_[j] = std::sqrt(weights_.dot((rows_.col(j).array() - mean).square().matrix()));
      mean_[j] = problem.options.intercept ? mean : 0.0L;
      rows_.col(j) = (rows_.col(j).array() - mean_[j]) / scale_[j];
    }
  }

  // How far above the optimum a model in the units of the input is: with the gradient 0 at the
  // optimum b0, sum_i w_i divergence_i + l2/2 |b - b0|^2. Nothing where the optimum of a quantile
  // was not found near it.
  [[nodiscard]] std::optional<double> gap(const Model& model) const {
    Vector here = Vector::Zero(rows_.cols());
    for (Eigen::Index j = 0; j < features_; ++j) {
      here[j] = Real(model.coefficients[static_cast<std::size_t>(j)]) * scale_[j];
    }
    if (here.size() > features_) {
      here[features_] =
          Real(model.intercept[0]) + here.head(features_).cwiseQuotient(scale_).dot(mean_);
    }
    if (std::holds_alternative<QuantileLoss>(loss_)) {
      return above_corner(here);
    }
    const Vector best = lowest(here);
    const Vector scores = rows_ * here;
    const Vector best_scores = rows_ * best;
    Real sum = l2_ / 2 * (here - best).head(features_).squaredNorm();
    for (Eigen::Index i = 0; i < scores.size(); ++i) {
      sum += weights_[i] * divergence(loss_, scores[i], best_scores[i], targets_[i]);
    }
    return static_cast<double>(sum);
  }

  // What features rounded to float32 may move scores by, squared and halved: about as much as any
  // bound has to leave room for.
  [[nodiscard]] double rounding(const Model& model) const {
    Real size = 0.0L;
    for (Eigen::Index j = 0; j < features_; ++j) {
      size += std::fabs(Real(model.coefficients[static_cast<std::size_t>(j)])) * scale_[j] *
              std::sqrt(weights_.dot(rows_.col(j).cwiseAbs2()));
    }
    const Real moved = 0x1p-24L * size;
    return static_cast<double>(moved * moved / 2);
  }

 private:
  // How far it is from `from` to `to`, but for the slope along the way.
  [[nodiscard]] Real change(const Vector& from, const Vector& to, Real slope) const {
    const Vector scores = rows_ * from;
    const Vector moved = rows_ * to;
    Real sum = slope + l2_ / 2 * (to - from).head(features_).squaredNorm();
    for (Eigen::Index i = 0; i < scores.size(); ++i) {
      sum += weights_[i] * divergence(loss_, moved[i], scores[i], targets_[i]);
    }
    return sum;
  }

  // By Newton's method with halved steps.
  [[nodiscard]] Vector lowest(Vector at) const {
    for (int iteration = 0; iteration < 40; ++iteration) {
      const Vector scores = rows_ * at;
      Vector first(scores.size());
      Vector second(scores.size());
      for (Eigen::Index i = 0; i < scores.size(); ++i) {
        const Slopes row = slopes_of(loss_, scores[i], targets_[i]);
        first[i] = weights_[i] * row.first;
        second[i] = weights_[i] * row.second;
      }
      Vector gradient = rows_.transpose() * first;
      Matrix hessian = rows_.transpose() * second.asDiagonal() * rows_;
      gradient.head(features_) += l2_ * at.head(features_);
      hessian.diagonal().head(features_).array() += l2_;
      const Vector step = hessian.completeOrthogonalDecomposition().solve(gradient);
      Real length = 1.0L;
      while (length > 1e-12L &&
             change(at, at - length * step, -length * gradient.dot(step)) > 0.0L) {
        length /= 2;
      }
      at -= length * step;
      if (step.norm() <= 1e-18L * at.norm()) {
        break;
      }
    }
    return at;
  }

  // Above the corner b0 of the rows that the point nearly meets, where the dual variables of these
  // rows show that it is the optimum: 0 = sum_E a_i x_i + sum_others w_i u_i x_i - l2 b0, x_E b0 =
  // y_E. Then it is sum_i (w_i l(e_i) - a_i e_i) + l2/2 |b - b0|^2, others' terms being 0.
  [[nodiscard]] std::optional<double> above_corner(const Vector& here) const {
    const Vector errors = targets_ - rows_ * here;
    const Real size = errors.cwiseAbs().mean();
    const auto level = Real(std::get<QuantileLoss>(loss_).level);
    const Eigen::Index p = rows_.cols();
    std::vector<Eigen::Index> met;
    Vector left = Vector::Zero(p);
    for (Eigen::Index i = 0; i < errors.size(); ++i) {
      if (std::fabs(errors[i]) < 1e-5L * size) {
        met.push_back(i);
      } else {
        left += weights_[i] * (errors[i] > 0.0L ? level : level - 1.0L) * rows_.row(i).transpose();
      }
    }
    const auto count = static_cast<Eigen::Index>(met.size());
    Matrix system = Matrix::Zero(p + count, p + count);
    Vector wanted = Vector::Zero(p + count);
    system.diagonal().head(features_).array() = -l2_;
    system.topRightCorner(p, count) = rows_(met, Eigen::all).transpose();
    system.bottomLeftCorner(count, p) = rows_(met, Eigen::all);
    wanted.head(p) = -left;
    wanted.tail(count) = targets_(met);
    const Vector solved = system.fullPivLu().solve(wanted);
    Real sum = l2_ / 2 * (here - solved.head(p)).head(features_).squaredNorm();
    for (Eigen::Index k = 0; k < count; ++k) {
      const Eigen::Index i = met[static_cast<std::size_t>(k)];
      const Real dual = solved[p + k];
      if (!(dual >= weights_[i] * (level - 1.0L) && dual <= weights_[i] * level)) {
        return std::nullopt;
      }
      sum += (weights_[i] * (errors[i] > 0.0L ? level : level - 1.0L) - dual) * errors[i];
    }
    return static_cast<double>(sum);
  }

  RowLoss loss_;
  Real l2_;
  Eigen::Index features_;
  Matrix rows_;
  Vector targets_;
  Vector weights_;  // with sum 1
  Vector mean_;
  Vector scale_;
};

Dataset copy_of(const Dataset& data) {
  Dataset copy;
  copy.schema = data.schema;
  copy.features = FeatureMatrix(data.features.rows(), data.features.columns());
  std::copy_n(data.features.data(), data.features.rows() * data.features.columns(),
              copy.features.data());
  copy.targets = data.targets;
  copy.weights = data.weights;
  return copy;
}

class RegressionCertificate : public testing::TestWithParam<RowLoss> {};

TEST_P(RegressionCertificate, IsNeverBelowTheGapOfTheRowsAsTheyCame) {
  std::vector<double> ratios;
  int checked = 0;
  for (unsigned seed = 0; seed < 80; ++seed) {
    SCOPED_TRACE(seed);
    RandomRegression problem = random_regression(GetParam(), seed);
    const ExactRegression exact(problem);
    const FitResult end = fit(copy_of(problem.data), problem.options);
    ASSERT_TRUE(end.gap_bound) << end.gap_note;
    const std::optional<double> gap = exact.gap(end.model);
    if (!gap) {
      continue;
    }
    ++checked;
    EXPECT_GE(*end.gap_bound, *gap);
    const bool corners = std::holds_alternative<QuantileLoss>(GetParam());
    const double hidden = corners || !problem.options.standardize ? 0.0 : exact.rounding(end.model);
    if (*gap + hidden > 0.0) {
      ratios.push_back(*end.gap_bound / (*gap + hidden));
    }
    if (corners) {
      continue;  // its bound comes with its last stage only
    }
    problem.options.precision = seed % 2 == 0 ? Precision::fp64 : Precision::fp32;
    if (std::holds_alternative<HuberLoss>(GetParam()) && seed % 3 == 0) {
      problem.options.l2 = 0.0;
    }
    problem.options.epochs = 1 + seed % 5;
    const FitResult early = fit(copy_of(problem.data), problem.options);
    if (early.gap_bound) {
      EXPECT_GE(*early.gap_bound, *ExactRegression(problem).gap(early.model));
    }
  }
  EXPECT_GT(checked, 60);
  ASSERT_GT(ratios.size(), 50U);
  std::nth_element(ratios.begin(), ratios.begin() + static_cast<std::int64_t>(ratios.size() / 2),
                   ratios.end());
  RecordProperty("median", std::to_string(ratios[ratios.size() / 2]));
  EXPECT_LT(ratios[ratios.size() / 2], 100.0);
}

INSTANTIATE_TEST_SUITE_P(, RegressionCertificate,
                         testing::Values(RowLoss(SquaredLoss{}), RowLoss(HuberLoss{}),
                                         RowLoss(QuantileLoss{}), RowLoss(PoissonLoss{})),
                         [](const auto& parameter) { return std::string(name(parameter.param)); });

}  // namespace
}  // namespace steepest::tests
