// SPDX-License-Identifier: Apache-2.0
#include "src/calibrate/affine_objective.hpp"

#include <Eigen/Cholesky>
#include <Eigen/Core>
#include <algorithm>
#include <cmath>

#include "steepest/objective.hpp"

namespace steepest::calibrate {
namespace {

// Rows that one sum is over.
constexpr std::int64_t block_rows = 1024;

class VectorObjective final : public AffineObjective {
 public:
  VectorObjective(const HeldLogits& held, double scale, kernels::ThreadPool& pool)
      : held_(held), scale_(scale), pool_(pool), curvature_(2 * held.classes()) {
    std::vector<double> squares(held.classes());
    for (std::int64_t r = 0; r < held.rows(); ++r) {
      const float* const z = held.logits.row(r);
      for (std::int64_t k = 0; k < held.classes(); ++k) {
        const double value = static_cast<double>(z[k]) / scale;
        squares[k] += value * value / static_cast<double>(held.rows());
      }
    }
    for (std::int64_t k = 0; k < held.classes(); ++k) {
      curvature_[2 * k] = squares[k];
      curvature_[2 * k + 1] = 1.0;
    }
  }

  [[nodiscard]] std::int64_t elements() const override { return 2 * held_.classes(); }

  double mean_nll(const std::vector<double>& theta, std::vector<double>& gradient) override {
    const std::int64_t blocks = (held_.rows() + block_rows - 1) / block_rows;
    std::vector<std::vector<double>> parts(blocks);
    std::vector<double> losses(blocks);
    pool_.for_each(blocks, [&](std::int64_t block, int /*worker*/) {
      parts[block].resize(theta.size());
      losses[block] = add_block(block, theta, parts[block]);
    });
    gradient.assign(theta.size(), 0.0);
    double loss = 0.0;
    const double share = 1.0 / static_cast<double>(held_.rows());
    for (std::int64_t block = 0; block < blocks; ++block) {
      loss += share * losses[block];
      for (std::size_t e = 0; e < gradient.size(); ++e) {
        gradient[e] += share * parts[block][e];
      }
    }
    return loss;
  }

  // The Hessian's diagonal is at most a quarter of the mean square; a half bounds it whole.
  void metric(double penalty, const double* v, double* out) override {
    constexpr double bound = 0.5;
    constexpr double least = 1e-6;
    for (std::int64_t e = 0; e < elements(); ++e) {
      out[e] = v[e] / (bound * curvature_[e] + 2.0 * penalty * penalty_factor(e) + least);
    }
  }

  [[nodiscard]] std::vector<double> start(double beta) const override {
    std::vector<double> theta(2 * held_.classes());
    for (std::int64_t k = 0; k < held_.classes(); ++k) {
      theta[2 * k] = beta * scale_;
    }
    return theta;
  }

  [[nodiscard]] ScoreScaling scaling(const std::vector<double>& theta) const override {
    ScoreScaling result{ScalingMethod::vector, {}, {}};
    for (std::int64_t k = 0; k < held_.classes(); ++k) {
      result.factors.push_back(theta[2 * k] / scale_);
      result.intercept.push_back(theta[2 * k + 1]);
    }
    return result;
  }

 protected:
  [[nodiscard]] double penalty_factor(std::int64_t element) const override {
    return element % 2 == 0 ? 0.0 : 1.0 / static_cast<double>(held_.classes());
  }

 private:
  double add_block(std::int64_t block, const std::vector<double>& theta,
                   std::vector<double>& gradient) const {
    const std::int64_t classes = held_.classes();
    const std::int64_t end = std::min((block + 1) * block_rows, held_.rows());
    std::vector<double> powers(classes);
    double loss = 0.0;
    for (std::int64_t r = block * block_rows; r < end; ++r) {
      const float* const z = held_.logits.row(r);
      for (std::int64_t k = 0; k < classes; ++k) {
        powers[k] = theta[2 * k] * (static_cast<double>(z[k]) / scale_) + theta[2 * k + 1];
      }
      const double largest = *std::max_element(powers.begin(), powers.end());
      const std::int32_t label = held_.labels[r];
      double total = 0.0;
      loss += largest - powers[label];
      for (double& power : powers) {
        power = std::exp(power - largest);
        total += power;
      }
      loss += std::log(total);
      for (std::int64_t k = 0; k < classes; ++k) {
        const double residual = powers[k] / total - (k == label ? 1.0 : 0.0);
        gradient[2 * k] += residual * (static_cast<double>(z[k]) / scale_);
        gradient[2 * k + 1] += residual;
      }
    }
    return loss;
  }

  const HeldLogits& held_;
  double scale_;
  kernels::ThreadPool& pool_;
  std::vector<double> curvature_;
};

class MatrixObjective final : public AffineObjective {
 public:
  MatrixObjective(const HeldLogits& held, double scale, const DeviceInfo& device, int threads)
      : classes_(held.classes()), rows_(held.rows()), scale_(scale) {
    backend_ = kernels::make_backend(device, threads, Precision::fp64);
    kernels::TrainingData data;
    data.features = FeatureMatrix(rows_, classes_);
    std::copy_n(held.logits.data(), rows_ * classes_, data.features.data());
    data.mean.assign(classes_, 0.0);
    data.scale.assign(classes_, scale);
    data.labels = held.labels;
    backend_->hold(std::move(data));
    kernels::BankPlan plan;
    plan.loss = SoftmaxLoss{};
    plan.outputs = classes_;
    plan.models.resize(1);
    backend_->start(plan);
  }

  [[nodiscard]] std::int64_t elements() const override { return classes_ * (classes_ + 1); }

  double mean_nll(const std::vector<double>& theta, std::vector<double>& gradient) override {
    kernels::LossAndGradient found = backend_->evaluate_at(theta);
    gradient = std::move(found.gradient);
    return found.mean_loss;
  }

  // The inverse of a bound on the Hessian of every output: half the second moments (Boehning 1992,
  // "Multinomial logistic regression algorithm"), and the penalty, which spares another element of
  // each. Of many classes, of its diagonal alone.
  void metric(double penalty, const double* v, double* out) override {
    if (penalty != metric_penalty_) {
      make_metric(penalty);
    }
    const std::int64_t stride = classes_ + 1;
    if (bounds_.empty()) {
      for (std::int64_t e = 0; e < elements(); ++e) {
        out[e] = v[e] / diagonal_[e];
      }
      return;
    }
    for (std::int64_t k = 0; k < classes_; ++k) {
      const Eigen::Map<const Eigen::VectorXd> from(v + k * stride, stride);
      Eigen::Map<Eigen::VectorXd>(out + k * stride, stride) = bounds_[k].solve(from);
    }
  }

  [[nodiscard]] std::vector<double> start(double beta) const override {
    std::vector<double> theta(static_cast<std::size_t>(elements()));
    for (std::int64_t k = 0; k < classes_; ++k) {
      theta[k * (classes_ + 1) + k] = beta * scale_;
    }
    return theta;
  }

  [[nodiscard]] ScoreScaling scaling(const std::vector<double>& theta) const override {
    ScoreScaling result{ScalingMethod::matrix, {}, {}};
    for (std::int64_t k = 0; k < classes_; ++k) {
      const double* const row = theta.data() + k * (classes_ + 1);
      std::transform(row, row + classes_, std::back_inserter(result.factors),
                     [this](double factor) { return factor / scale_; });
      result.intercept.push_back(row[classes_]);
    }
    return result;
  }

 protected:
  [[nodiscard]] double penalty_factor(std::int64_t element) const override {
    const auto classes = static_cast<double>(classes_);
    const std::int64_t row = element / (classes_ + 1);
    const std::int64_t column = element % (classes_ + 1);
    return column == classes_ ? 1.0 / classes
           : column == row    ? 0.0
                              : 1.0 / (classes * (classes - 1.0) * scale_ * scale_);
  }

 private:
  using Square = Eigen::MatrixXd;

  void make_metric(double penalty) {
    constexpr std::int64_t few_classes = 128;
    constexpr double ridge = 1e-9;
    const std::int64_t stride = classes_ + 1;
    if (moment_.size() == 0) {
      const std::vector<double> found = backend_->second_moment(most_moment_rows);
      moment_ = Eigen::Map<const Square>(found.data(), stride, stride);
    }
    const Square half = 0.5 * moment_;
    const double least = ridge * half.diagonal().maxCoeff();
    bounds_.clear();
    diagonal_.resize(elements());
    for (std::int64_t k = 0; k < classes_; ++k) {
      for (std::int64_t j = 0; j < stride; ++j) {
        diagonal_[k * stride + j] =
            half(j, j) + 2.0 * penalty * penalty_factor(k * stride + j) + least;
      }
      if (classes_ <= few_classes) {
        Square bound = half;
        bound.diagonal() = Eigen::Map<const Eigen::VectorXd>(diagonal_.data() + k * stride, stride);
        bounds_.emplace_back(bound);
      }
    }
    metric_penalty_ = penalty;
  }

  static constexpr std::int64_t most_moment_rows = 16384;

  std::int64_t classes_;
  std::int64_t rows_;
  double scale_;
  std::unique_ptr<kernels::Backend> backend_;
  Square moment_;  // of logits and 1, in the scale of the parameters
  std::vector<Eigen::LLT<Square>> bounds_;
  std::vector<double> diagonal_;
  double metric_penalty_ = -1.0;
};

}  // namespace

Evaluation AffineObjective::evaluate(const std::vector<double>& theta, double penalty,
                                     std::vector<double>& gradient) {
  Evaluation at;
  at.mean_loss = mean_nll(theta, gradient);
  for (std::int64_t e = 0; e < elements(); ++e) {
    const double factor = penalty * penalty_factor(e);
    at.penalty += factor * theta[e] * theta[e];
    gradient[e] += 2.0 * factor * theta[e];
    at.gradient_max_norm = std::max(at.gradient_max_norm, std::fabs(gradient[e]));
  }
  return at;
}

std::unique_ptr<AffineObjective> make_vector_objective(const HeldLogits& held, double scale,
                                                       kernels::ThreadPool& pool) {
  return std::make_unique<VectorObjective>(held, scale, pool);
}

std::unique_ptr<AffineObjective> make_matrix_objective(const HeldLogits& held, double scale,
                                                       const DeviceInfo& device, int threads) {
  return std::make_unique<MatrixObjective>(held, scale, device, threads);
}

}  // namespace steepest::calibrate
