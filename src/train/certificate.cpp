// SPDX-License-Identifier: Apache-2.0
#include "src/train/certificate.hpp"

#include <Eigen/Core>
#include <algorithm>
#include <cmath>

#include "src/train/composite_gap.hpp"

namespace steepest::train {
namespace {

// Views of a row of a (C, d + 1) array.
struct Rows {
  const std::vector<double>& values;
  std::int64_t stride;

  [[nodiscard]] double coefficient(std::int64_t column, std::int64_t feature) const {
    return values[static_cast<std::size_t>(column * stride + feature)];
  }
  [[nodiscard]] double intercept(std::int64_t column) const {
    return coefficient(column, stride - 1);
  }
};

double entropy_term(double q) { return q > 0.0 ? q * std::log(q) : 0.0; }

// The mixture that makes residuals sum to 0: p' = (1 - theta) p + theta q.
struct Mixture {
  double theta = 0.0;
  std::vector<double> q;          // a score column's; logistic has that of its second class
  double negative_entropy = 0.0;  // sum_c q_c log q_c over all classes
};

// Mean probability of every column at the point, and the share of rows it should have.
Mixture balance(const CertifiedPoint& point) {
  const Rows now{point.gradient, point.features + 1};
  const Rows start{point.gradient_at_zero, point.features + 1};
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

Composite composite_of(const CertifiedPoint& point) {
  return {point.l2, point.l1, point.bounds, point.simplex};
}

MixtureBound bound_at(const CertifiedPoint& point) {
  const Rows now{point.gradient, point.features + 1};
  const Rows start{point.gradient_at_zero, point.features + 1};
  const Rows parameters{point.parameters, point.features + 1};
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
  const Composite h = composite_of(point);
  if (!h.is_composite()) {
    bound.total = bound.of_mixture + squares / (2.0 * point.l2);
    return bound;
  }
  const auto gradient = [&](std::int64_t c, std::int64_t j) {
    return mixed[static_cast<std::size_t>(c * point.features + j)];
  };
  const auto weight = [&](std::int64_t c, std::int64_t j) { return parameters.coefficient(c, j); };
  const double scale = largest_dual_scale(h, point.columns, point.features, gradient);
  bound.total = (1.0 - scale) * point.mean_loss + scale * bound.of_mixture +
                fenchel_gap(h, point.columns, point.features, scale, weight, gradient);
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
                           Rows{point.gradient_at_zero, point.features + 1}.intercept(c);
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
      least = std::min(least, bound.total + first_gradient.dot(first - intercepts()));
    }
    return least;
  }

 private:
  [[nodiscard]] Eigen::VectorXd last_of_rows(const std::vector<double>& values) const {
    Eigen::VectorXd last(start_.columns);
    for (std::int64_t c = 0; c < start_.columns; ++c) {
      last[c] = Rows{values, start_.features + 1}.intercept(c);
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

bool has_finite_bounds(const CertifiedPoint& point) {
  return !point.simplex.empty() ||
         (!point.bounds.empty() &&
          std::all_of(point.bounds.begin(), point.bounds.end() - 1, [](const Bound& bound) {
            return std::isfinite(bound.low) && std::isfinite(bound.high);
          }));
}

// The smallest eigenvalue of a Hessian, at least; not above 0 where it is singular to rounding.
double smallest_eigenvalue(const InverseHessian& inverse, std::int64_t stride) {
  const std::vector<double>& matrix = *inverse.matrix;
  double norm = 0.0;  // of the inverse: its largest eigenvalue at least
  for (std::int64_t i = 0; i < stride; ++i) {
    double sum = 0.0;
    for (std::int64_t j = 0; j < stride; ++j) {
      sum += std::fabs(matrix[static_cast<std::size_t>(i * stride + j)]);
    }
    norm = std::max(norm, sum);
  }
  return 1.0 / norm - inverse.ridge;
}

// The square of the smallest subgradient's 2-norm; bounds or l1, no simplex.
double subgradient_square(const CertifiedPoint& point) {
  const std::int64_t stride = point.features + 1;
  double square = 0.0;
  for (std::int64_t e = 0; e < point.columns * stride; ++e) {
    const auto i = static_cast<std::size_t>(e);
    const auto j = static_cast<std::size_t>(e % stride);
    const bool is_intercept = e % stride == point.features;
    double left = is_intercept && !point.intercept ? 0.0 : point.gradient[i];
    if (!is_intercept) {
      left =
          smallest_subgradient(left + point.l2 * point.parameters[i], point.l1, point.parameters[i],
                               point.bounds.empty() ? Bound{} : point.bounds[j]);
    }
    square += left * left;
  }
  return square;
}

GapBound composite_squared_gap(const CertifiedPoint& point,
                               const std::optional<InverseHessian>& inverse) {
  const std::int64_t stride = point.features + 1;
  const Rows now{point.gradient, stride};
  const Rows parameters{point.parameters, stride};
  const auto free = [&](std::int64_t c) { return point.intercept ? now.intercept(c) : 0.0; };
  const auto gradient = [&](std::int64_t c, std::int64_t j) {
    return now.coefficient(c, j) - free(c) * point.feature_mean[static_cast<std::size_t>(j)];
  };
  const auto weight = [&](std::int64_t c, std::int64_t j) { return parameters.coefficient(c, j); };
  const Composite h = composite_of(point);
  GapBound bound{std::nullopt,
                 "a bound needs a penalty (--l1 X or --l2 X), finite bounds, or the second moments "
                 "of features that are not collinear"};
  if (point.l1 > 0.0 || point.l2 > 0.0 || has_finite_bounds(point)) {
    double squares = 0.0;
    for (std::int64_t c = 0; c < point.columns; ++c) {
      squares += free(c) * free(c);
    }
    const double scale = largest_dual_scale(h, point.columns, point.features, gradient);
    const double rest = 1.0 - scale;
    bound = {
        0.5 * squares + 0.5 * rest * rest * std::max(0.0, 2.0 * point.mean_loss - squares) +
            std::max(0.0, fenchel_gap(h, point.columns, point.features, scale, weight, gradient)) +
            point.rounding * point.mean_loss,
        ""};
  }
  if (inverse && point.simplex.empty()) {
    const double smallest = smallest_eigenvalue(*inverse, stride);
    const double by_convexity = subgradient_square(point) / (2.0 * smallest);
    if (smallest > inverse->ridge && (!bound.value || by_convexity < *bound.value)) {
      bound = {by_convexity, ""};
    }
  }
  return bound;
}

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
  double size = point.mean_loss;
  for (std::int64_t c = 0; point.intercept && c < point.columns; ++c) {
    size += std::fabs(Rows{point.parameters, point.features + 1}.intercept(c));
  }
  return {std::max(0.0, least) + point.rounding * size, ""};
}

namespace {

// What a gap of squared loss is at most where rows are rounded to float32, and sums over them to
// `point.rounding`, of columns standardized to a quadratic mean of hypot(1, mean). Scores move by u
// sum_j |w_j| of them, and a gradient by u times the residuals of them, which the Hessian's inverse
// of elements `inverse(i, j)` turns into a step. The roots of the gaps add up at most.
template <class Inverse>
double beside_rounding(double gap, const CertifiedPoint& point, Inverse inverse) {
  constexpr double float_unit = 0x1p-24;
  const std::int64_t stride = point.features + 1;
  const double residual = std::sqrt(2.0 * point.mean_loss);
  std::vector<double> size;
  std::vector<double> moved;  // of a gradient
  for (const double mean : point.feature_mean) {
    size.push_back(std::hypot(1.0, mean));
    moved.push_back((float_unit + point.rounding) * size.back() * residual);
  }
  moved.push_back(point.intercept ? point.rounding * residual : 0.0);
  double of_scores = 0.0;
  for (std::int64_t c = 0; c < point.columns; ++c) {
    double score = 0.0;
    for (std::int64_t j = 0; j < point.features; ++j) {
      score += std::fabs(point.parameters[static_cast<std::size_t>(c * stride + j)]) *
               size[static_cast<std::size_t>(j)];
    }
    of_scores += 0.5 * (float_unit * score) * (float_unit * score);
  }
  double of_gradients = 0.0;
  for (std::int64_t i = 0; i < stride; ++i) {
    for (std::int64_t j = 0; j < stride; ++j) {
      of_gradients += 0.5 * std::fabs(inverse(i, j)) * moved[static_cast<std::size_t>(i)] *
                      moved[static_cast<std::size_t>(j)];
    }
  }
  const double root = std::sqrt(gap) + std::sqrt(of_scores) + std::sqrt(of_gradients);
  return root * root;
}

}  // namespace

GapBound squared_gap(const CertifiedPoint& point, const std::optional<InverseHessian>& inverse) {
  if (composite_of(point).is_composite()) {
    return composite_squared_gap(point, inverse);
  }
  const std::int64_t stride = point.features + 1;
  if (inverse) {
    const std::vector<double>& matrix = *inverse->matrix;
    const double smallest = smallest_eigenvalue(*inverse, stride);
    if (smallest > inverse->ridge) {
      double product = 0.0;
      for (std::int64_t c = 0; c < point.columns; ++c) {
        std::vector<double> g(static_cast<std::size_t>(stride));
        for (std::int64_t j = 0; j < stride; ++j) {
          const auto e = static_cast<std::size_t>(c * stride + j);
          const bool is_intercept = j == point.features;
          g[static_cast<std::size_t>(j)] =
              is_intercept && !point.intercept
                  ? 0.0
                  : point.gradient[e] + (is_intercept ? 0.0 : point.l2 * point.parameters[e]);
        }
        for (std::int64_t i = 0; i < stride; ++i) {
          for (std::int64_t j = 0; j < stride; ++j) {
            product += g[static_cast<std::size_t>(i)] * g[static_cast<std::size_t>(j)] *
                       matrix[static_cast<std::size_t>(i * stride + j)];
          }
        }
      }
      const double gap = std::max(0.0, product / 2.0 * (1.0 + inverse->ridge / smallest));
      return {beside_rounding(gap, point,
                              [&](std::int64_t i, std::int64_t j) {
                                return matrix[static_cast<std::size_t>(i * stride + j)];
                              }),
              ""};
    }
  }
  if (!(point.l2 > 0.0)) {
    return {std::nullopt, inverse ? "the features are collinear to rounding: --l2 X gives a bound"
                                  : "a bound needs a penalty (--l2 X), or the second moments of at "
                                    "most 2,000 features (--preconditioner second-moment)"};
  }
  const Rows gradient{point.gradient, stride};
  const Rows parameters{point.parameters, stride};
  double bound = 0.0;
  for (std::int64_t c = 0; c < point.columns; ++c) {
    const double free = point.intercept ? gradient.intercept(c) : 0.0;
    bound += free * free / 2.0;
    for (std::int64_t j = 0; j < point.features; ++j) {
      const double left = gradient.coefficient(c, j) + point.l2 * parameters.coefficient(c, j) -
                          free * point.feature_mean[static_cast<std::size_t>(j)];
      bound += left * left / (2.0 * point.l2);
    }
  }
  return {beside_rounding(bound, point,
                          [&](std::int64_t i, std::int64_t j) {
                            return i != j ? 0.0 : i == point.features ? 1.0 : 1.0 / point.l2;
                          }),
          ""};
}

}  // namespace steepest::train
