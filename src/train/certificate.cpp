// SPDX-License-Identifier: Apache-2.0
#include "src/train/certificate.hpp"

#include <Eigen/Core>
#include <algorithm>
#include <cmath>

#include "src/train/certificate_rounding.hpp"
#include "src/train/certified_rows.hpp"
#include "src/train/composite_gap.hpp"

namespace steepest::train {
namespace {

double entropy_term(double q) { return q > 0.0 ? q * std::log(q) : 0.0; }

// The mixture that makes residuals sum to 0: p' = (1 - theta) p + theta q.
struct Mixture {
  double theta = 0.0;
  std::vector<double> q;          // a score column's; logistic has that of its second class
  double negative_entropy = 0.0;  // sum_c q_c log q_c over all classes
};

// Mean probability of every column at the point, and the share of rows it should have.
Mixture balance(const CertifiedPoint& point) {
  const ParameterRows now{point.gradient, point.features + 1};
  const ParameterRows start{point.gradient_at_zero, point.features + 1};
  const bool two_classes = point.columns == 1;
  const double at_zero = two_classes ? 0.5 : 1.0 / static_cast<double>(point.columns);
  Mixture mixture;
  std::vector<double> share;
  std::vector<double> predicted;
  const auto demand = [&mixture](double wanted, double found) {
    if (found > wanted) {
      mixture.theta = std::max(mixture.theta, 1.0 - wanted / found);
    }
  };
  for (std::int64_t c = 0; c < point.columns; ++c) {
    share.push_back(at_zero - start.intercept(c));
    predicted.push_back(share.back() + now.intercept(c));
    demand(share.back(), predicted.back());
    if (two_classes) {
      demand(1.0 - share.back(), 1.0 - predicted.back());
    }
  }
  for (std::size_t c = 0; c < share.size(); ++c) {
    const double missing = share[c] - (1.0 - mixture.theta) * predicted[c];
    mixture.q.push_back(mixture.theta > 0.0 ? std::clamp(missing / mixture.theta, 0.0, 1.0)
                                            : at_zero);
    mixture.negative_entropy += entropy_term(mixture.q.back());
  }
  if (two_classes) {
    mixture.negative_entropy += entropy_term(1.0 - mixture.q.front());
  }
  return mixture;
}

// Without intercepts nothing has to sum to 0.
Mixture unbalanced(const CertifiedPoint& point) {
  Mixture mixture;
  mixture.q.assign(static_cast<std::size_t>(point.columns), 0.0);
  return mixture;
}

// A bound at a point, and what of it the mixture costs.
struct MixtureBound {
  double total = 0.0;
  double of_mixture = 0.0;
};

// kappa of a row's loss: scores that are off by e cost kappa e^2 / 2 at most.
double curvature_of(const CertifiedPoint& point) { return point.columns == 1 ? 0.25 : 0.5; }

// The quadratic mean of q - t for any probabilities is at most the root of 2.
constexpr double largest_residual = 1.4143;

MixtureBound bound_at(const CertifiedPoint& point) {
  const ParameterRows now{point.gradient, point.features + 1};
  const ParameterRows start{point.gradient_at_zero, point.features + 1};
  const ParameterRows parameters{point.parameters, point.features + 1};
  const Mixture mixture = point.intercept ? balance(point) : unbalanced(point);
  const double rest = 1.0 - mixture.theta;
  const double at_zero = point.columns == 1 ? 0.5 : 1.0 / static_cast<double>(point.columns);
  MixtureBound bound;
  bound.of_mixture = mixture.theta * (point.mean_loss + mixture.negative_entropy);
  double squares = 0.0;
  std::vector<double> mixed;  // G'
  for (std::int64_t c = 0; c < point.columns; ++c) {
    bound.of_mixture += point.intercept ? rest * parameters.intercept(c) * now.intercept(c) : 0.0;
    const double shift = mixture.q[static_cast<std::size_t>(c)] - at_zero;
    for (std::int64_t j = 0; j < point.features; ++j) {
      const double constant =
          mixture.theta > 0.0
              ? start.coefficient(c, j) + shift * point.feature_mean[static_cast<std::size_t>(j)]
              : 0.0;
      const double weight = parameters.coefficient(c, j);
      const double left =
          point.l2 * weight + rest * now.coefficient(c, j) + mixture.theta * constant;
      bound.of_mixture -= mixture.theta * weight * constant;
      squares += left * left;
      mixed.push_back(left - point.l2 * weight);
    }
  }
  const std::vector<double> errors =
      gradient_errors(point, rest * residual_size(point) + mixture.theta * largest_residual);
  const double hidden = 0.5 * curvature_of(point) * score_error(point) * score_error(point);
  const Composite h = composite_of(point);
  if (!h.is_composite()) {
    const double root = std::sqrt(squares) + euclidean_norm(errors);
    bound.total = bound.of_mixture + hidden + root * root / (2.0 * point.l2);
    return bound;
  }
  const auto gradient = [&](std::int64_t c, std::int64_t j) {
    return mixed[static_cast<std::size_t>(c * point.features + j)];
  };
  const auto weight = [&](std::int64_t c, std::int64_t j) { return parameters.coefficient(c, j); };
  const double scale = largest_dual_scale(h, point.columns, errors, gradient);
  bound.total = (1.0 - scale) * point.mean_loss + scale * (bound.of_mixture + hidden) +
                fenchel_gap(h, point.columns, errors, scale, weight, gradient);
  return bound;
}

// Intercepts whose gradient is nearly 0, by Broyden's method from the point's own (1965, "good"
// update of the inverse), with the bound by way of each.
class InterceptSearch {
 public:
  InterceptSearch(const CertifiedPoint& point, const EvaluateAt& evaluate)
      : start_(point),
        now_(point),
        evaluate_(evaluate),
        inverse_(Eigen::MatrixXd::Zero(point.columns, point.columns)) {
    constexpr double least_share = 1e-6;
    for (std::int64_t c = 0; c < point.columns; ++c) {
      const double share = (point.columns == 1 ? 0.5 : 1.0 / static_cast<double>(point.columns)) -
                           ParameterRows{point.gradient_at_zero, point.features + 1}.intercept(c);
      inverse_(c, c) = 1.0 / std::max(share * (1.0 - share), least_share);
    }
  }

  double least_bound() {
    constexpr int most_passes = 12;
    constexpr double negligible = 0.1;
    MixtureBound bound = bound_at(now_);
    double least = bound.total;
    const Eigen::VectorXd first_gradient = gradient();
    const Eigen::VectorXd first = intercepts();
    const double error_of_first =
        curvature_of(start_) * score_error(start_) + start_.rounding * residual_size(start_);
    for (int pass = 0; pass < most_passes && std::fabs(bound.of_mixture) > negligible * least;
         ++pass) {
      const Eigen::VectorXd before = gradient();
      const Eigen::VectorXd step = -(inverse_ * before);
      move(step);
      const Eigen::VectorXd change = gradient() - before;
      const Eigen::VectorXd expected = inverse_ * change;
      const double scale = step.dot(expected);
      if (!step.allFinite() || !(std::fabs(scale) > 0.0)) {
        break;
      }
      inverse_ += (step - expected) * (step.transpose() * inverse_) / scale;
      bound = bound_at(now_);
      const Eigen::VectorXd moved = first - intercepts();
      least = std::min(
          least, bound.total + first_gradient.dot(moved) + error_of_first * moved.lpNorm<1>());
    }
    return least;
  }

 private:
  [[nodiscard]] Eigen::VectorXd last_of_rows(const std::vector<double>& values) const {
    Eigen::VectorXd last(start_.columns);
    for (std::int64_t c = 0; c < start_.columns; ++c) {
      last[c] = ParameterRows{values, start_.features + 1}.intercept(c);
    }
    return last;
  }
  [[nodiscard]] Eigen::VectorXd gradient() const { return last_of_rows(now_.gradient); }
  [[nodiscard]] Eigen::VectorXd intercepts() const { return last_of_rows(now_.parameters); }

  void move(const Eigen::VectorXd& step) {
    for (std::int64_t c = 0; c < start_.columns; ++c) {
      now_.parameters[static_cast<std::size_t>((c + 1) * (start_.features + 1) - 1)] += step[c];
    }
    kernels::LossAndGradient found = evaluate_(now_.parameters);
    now_.mean_loss = found.mean_loss;
    now_.gradient = std::move(found.gradient);
  }

  const CertifiedPoint& start_;
  CertifiedPoint now_;
  const EvaluateAt& evaluate_;
  Eigen::MatrixXd inverse_;  // of the gradient's derivative in the intercepts
};

}  // namespace

GapBound classifier_gap(const CertifiedPoint& point, const EvaluateAt& evaluate) {
  const Composite h = composite_of(point);
  if (h.is_composite() && !(point.l2 > 0.0 || point.l1 > 0.0 || has_finite_bounds(point))) {
    return {std::nullopt,
            "without a penalty (--l1 0 --l2 0) or finite bounds no bound on the distance to the "
            "optimum holds"};
  }
  if (!h.is_composite() && !(point.l2 > 0.0)) {
    return {std::nullopt,
            "without a penalty (--l2 0) no bound on the distance to the optimum holds"};
  }
  constexpr std::int64_t most_searched = 2000;
  const bool searches = point.intercept && evaluate && point.columns <= most_searched;
  const double least =
      searches ? InterceptSearch(point, evaluate).least_bound() : bound_at(point).total;
  double size = point.mean_loss;  // of terms of either sign
  const ParameterRows parameters{point.parameters, point.features + 1};
  for (std::int64_t c = 0; point.intercept && c < point.columns; ++c) {
    size += std::fabs(parameters.intercept(c));
    for (std::int64_t j = 0; j < point.features; ++j) {
      size +=
          std::fabs(parameters.coefficient(c, j)) * point.feature_size[static_cast<std::size_t>(j)];
    }
  }
  return {std::max(0.0, least) + point.rounding * size, ""};
}

}  // namespace steepest::train
