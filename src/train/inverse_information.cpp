// SPDX-License-Identifier: Apache-2.0
#include "src/train/inverse_information.hpp"

#include <Eigen/Cholesky>
#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>
#include <limits>

namespace steepest::train {
namespace {

// A smaller eigenvalue of the scaled Hessian is rounding, of features that are float32.
constexpr double singular_below = 1e-13;

// A coefficient that this share of a direction without curvature belongs to is not determined.
constexpr double undetermined_above = 1e-8;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

}  // namespace

InverseInformation::InverseInformation(const Eigen::MatrixXd& hessian)
    : scale_(hessian.diagonal().cwiseMax(0.0).cwiseSqrt()) {
  inverse_scale_ = scale_.unaryExpr([](double scale) { return scale > 0.0 ? 1.0 / scale : 0.0; });
  empty_ = (scale_.array() <= 0.0).any();
  Eigen::MatrixXd scaled = inverse_scale_.asDiagonal() * hessian * inverse_scale_.asDiagonal();
  if (scaled.rows() <= most_eigenvectors) {
    take_eigenvectors(scaled);
  } else {
    factorize(scaled);
  }
}

double InverseInformation::variance(const Eigen::VectorXd& a) const {
  const Eigen::VectorXd scaled = inverse_scale_.cwiseProduct(a);
  if (scaled.isZero(0.0)) {  // of a parameter that no row depends on
    return nan;
  }
  if (inverse_.size() > 0 && (a.array() != 0.0).count() == 1) {  // of most parameters
    return scaled.dot(inverse_.diagonal().cwiseProduct(scaled));
  }
  if (vectors_.size() == 0) {
    return inverse_.size() > 0 ? scaled.dot(inverse_ * scaled) : nan;
  }
  const Eigen::VectorXd along = vectors_.transpose() * scaled;
  double sum = 0.0;
  for (std::int64_t k = 0; k < along.size(); ++k) {
    const double square = along(k) * along(k);
    if (values_(k) > floor_) {
      sum += square / values_(k);
    } else if (square > undetermined_above * scaled.squaredNorm()) {
      return nan;
    }
  }
  return sum;
}

Eigen::VectorXd InverseInformation::solve(const Eigen::VectorXd& gradient) const {
  const Eigen::VectorXd scaled = inverse_scale_.cwiseProduct(gradient);
  if (vectors_.size() == 0) {
    return inverse_.size() == 0 ? Eigen::VectorXd::Zero(gradient.size()).eval()
                                : inverse_scale_.cwiseProduct(inverse_ * scaled).eval();
  }
  Eigen::VectorXd along = vectors_.transpose() * scaled;
  for (std::int64_t k = 0; k < along.size(); ++k) {
    along(k) = values_(k) > floor_ ? along(k) / values_(k) : 0.0;
  }
  return inverse_scale_.cwiseProduct(vectors_ * along);
}

std::int64_t InverseInformation::rank() const {
  return vectors_.size() > 0 ? (values_.array() > floor_).count()
                             : (inverse_scale_.array() > 0.0).count();
}

std::vector<std::int64_t> InverseInformation::collinear() const {
  std::vector<std::int64_t> found;
  if (condition_ <= harmful_condition) {
    return found;
  }
  if (vectors_.size() == 0) {
    const double most = inverse_.size() == 0 ? 0.0 : inverse_.diagonal().maxCoeff();
    for (std::int64_t i = 0; i < inverse_.rows(); ++i) {
      if (inverse_(i, i) > 0.5 * most) {
        found.push_back(i);
      }
    }
    return found;
  }
  const double weak = values_.maxCoeff() / (harmful_condition * harmful_condition);
  for (std::int64_t i = 0; i < vectors_.rows(); ++i) {
    double all = 0.0;
    double from_weak = 0.0;
    for (std::int64_t k = 0; k < values_.size(); ++k) {
      const double part = vectors_(i, k) * vectors_(i, k) / std::max(values_(k), floor_);
      all += part;
      from_weak += values_(k) < weak ? part : 0.0;
    }
    if (from_weak > 0.5 * all && inverse_scale_(i) > 0.0) {
      found.push_back(i);
    }
  }
  return found;
}

void InverseInformation::take_eigenvectors(const Eigen::MatrixXd& scaled) {
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(scaled);
  values_ = solver.eigenvalues();
  vectors_ = solver.eigenvectors();
  floor_ = singular_below * values_.maxCoeff();
  // Eigenvalues of columns that are 0 say nothing of the others.
  double least = std::numeric_limits<double>::infinity();
  for (std::int64_t k = 0; k < values_.size(); ++k) {
    const bool of_empty =
        empty_ && vectors_.col(k).cwiseProduct(scale_).squaredNorm() == 0.0 && values_(k) == 0.0;
    least = of_empty ? least : std::min(least, values_(k));
  }
  condition_ = least > floor_ ? std::sqrt(values_.maxCoeff() / least)
                              : std::numeric_limits<double>::infinity();
}

void InverseInformation::factorize(Eigen::MatrixXd& scaled) {
  for (std::int64_t i = 0; i < scaled.rows(); ++i) {
    scaled(i, i) = inverse_scale_(i) > 0.0 ? scaled(i, i) : 1.0;
  }
  const Eigen::LLT<Eigen::MatrixXd> factor(scaled);
  const double inverse_condition = factor.info() == Eigen::Success ? factor.rcond() : 0.0;
  condition_ = inverse_condition > singular_below ? std::sqrt(1.0 / inverse_condition)
                                                  : std::numeric_limits<double>::infinity();
  if (inverse_condition > singular_below) {
    inverse_ = factor.solve(Eigen::MatrixXd::Identity(scaled.rows(), scaled.cols()));
  }
}

}  // namespace steepest::train
