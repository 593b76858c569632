// SPDX-License-Identifier: Apache-2.0
#include "src/train/newton_certificate.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "src/train/certificate_rounding.hpp"
#include "src/train/certified_rows.hpp"
#include "src/train/dual_correction.hpp"

namespace steepest::train {
namespace {

constexpr double share_with_room = 0.95;

// Columns corrected one by one.
struct Corrections {
  double square = 0.0;  // sum over columns of c (S + l2 I) c, at most
  std::vector<DualCorrection> columns;
};

// What the gradient by a coefficient of feature j may be off by, or of the intercept for j = d.
std::vector<double> errors_of(const RowLoss& loss, const CertifiedPoint& point) {
  if (!std::holds_alternative<PoissonLoss>(loss)) {
    std::vector<double> errors = gradient_errors(point, residual_size(point));
    errors.push_back(point.rounding * residual_size(point));
    return errors;
  }
  double residual = 0.0;
  const ParameterRows now{point.gradient, point.features + 1};
  const ParameterRows start{point.gradient_at_zero, point.features + 1};
  for (std::int64_t c = 0; c < point.columns; ++c) {
    const double target = 1.0 - start.intercept(c);
    residual =
        std::max(residual, count_rounding(point, c, target, target + now.intercept(c)).residual);
  }
  std::vector<double> errors;
  for (const double reach : point.feature_reach) {
    errors.push_back((point.row_rounding + 2.0 * point.rounding) * reach * residual);
  }
  errors.push_back(2.0 * point.rounding * residual);
  return errors;
}

std::optional<Corrections> correct(const std::vector<Eigen::MatrixXd>& moments,
                                   const std::vector<double>& errors, const CertifiedPoint& point) {
  const std::int64_t stride = point.features + 1;
  const Eigen::Index used = point.intercept ? stride : point.features;
  Corrections found;
  DualSlack slack;
  slack.row_rounding = point.row_rounding + 2.0 * point.score_rounding;  // x, and h
  slack.error = Eigen::Map<const Eigen::VectorXd>(errors.data(), used);
  for (std::int64_t c = 0; c < point.columns; ++c) {
    slack.moment = moments[static_cast<std::size_t>(c)].topLeftCorner(used, used);
    slack.moment.diagonal().head(point.features).array() += point.l2;
    slack.product = Eigen::Map<const Eigen::VectorXd>(point.gradient.data() + c * stride, used);
    slack.product.head(point.features) +=
        point.l2 *
        Eigen::Map<const Eigen::VectorXd>(point.parameters.data() + c * stride, point.features);
    std::optional<DualCorrection> moved = dual_correction(slack);
    if (!moved) {
      return std::nullopt;
    }
    found.square += moved->size * moved->size;
    found.columns.push_back(std::move(*moved));
  }
  return found;
}

// Reads blocks of rows for max |x_i c| over the rows that move and columns.
class Reach {
 public:
  Reach(kernels::Backend& backend, const NewtonPoint& newton, const RowLoss& bent)
      : backend_(backend), newton_(newton), huber_(std::get_if<HuberLoss>(&bent)) {}

  double largest(const std::vector<DualCorrection>& corrections, kernels::ThreadPool& pool) {
    constexpr std::int64_t block_elements = std::int64_t{1} << 16;
    constexpr std::int64_t most_rows = 4096;
    const std::int64_t features = newton_.point.features;
    const std::int64_t threads = pool.threads();
    const std::int64_t block =
        std::clamp<std::int64_t>(block_elements / (features + 1), 64, most_rows);
    std::vector<double> found(static_cast<std::size_t>(threads), 0.0);
    for (std::int64_t first = 0; first < newton_.rows.rows; first += block * threads) {
      const std::int64_t count = std::min(block * threads, newton_.rows.rows - first);
      read(first, count);
      pool.for_each((count + block - 1) / block, [&](std::int64_t b, int worker) {
        const std::int64_t begin = b * block;
        const std::int64_t size = std::min(block, count - begin);
        Eigen::MatrixXd rows = Eigen::MatrixXd::Ones(size, corrections.front().known.size());
        rows.leftCols(features) = floats_.middleRows(begin, size).cast<double>();
        double& mine = found[static_cast<std::size_t>(worker)];
        for (std::size_t c = 0; c < corrections.size(); ++c) {
          const Eigen::VectorXd reach = corrections[c].reach(rows, newton_.point.row_rounding);
          for (std::int64_t i = 0; i < size; ++i) {
            mine = moves(begin + i, c) ? std::max(mine, reach[i]) : mine;
          }
        }
      });
    }
    return *std::max_element(found.begin(), found.end());
  }

 private:
  void read(std::int64_t first, std::int64_t count) {
    floats_.resize(count, newton_.point.features);
    backend_.trained_rows(first, count, floats_.data());
    if (huber_ != nullptr) {
      scores_.resize(static_cast<std::size_t>(count * newton_.point.columns));
      backend_.scores(0, first, count, scores_.data());
      targets_ = newton_.rows.data.targets(first, count, buffer_);
    }
  }

  // As the Hessian has it.
  [[nodiscard]] bool moves(std::int64_t row, std::size_t column) const {
    if (huber_ == nullptr) {
      return true;
    }
    const Scaling& scaling = newton_.rows.scaling;
    const std::size_t at = static_cast<std::size_t>(row * newton_.point.columns) + column;
    const double target = (targets_[at] - scaling.target_mean[column]) / scaling.target_scale;
    return std::fabs(target - scores_[at]) <= huber_->delta;
  }

  kernels::Backend& backend_;
  const NewtonPoint& newton_;
  const HuberLoss* huber_;
  Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> floats_;
  std::vector<double> scores_;
  const double* targets_ = nullptr;
  RowBuffer buffer_;
};

GapBound poisson_gap_of(const CertifiedPoint& point, double square, double reach) {
  if (!(reach < 0.5)) {
    return {std::nullopt,
            "the optimum is too far away for the Hessian at the end to prove a bound"};
  }
  const ParameterRows now{point.gradient, point.features + 1};
  const ParameterRows start{point.gradient_at_zero, point.features + 1};
  double largest = 0.0;  // E
  double squares = 0.0;  // sum over columns of m_mu E^2
  for (std::int64_t c = 0; c < point.columns; ++c) {
    const double target = 1.0 - start.intercept(c);
    const double mean = target + now.intercept(c);
    const double off = count_rounding(point, c, target, mean).score;
    largest = std::max(largest, off);
    squares += mean * off * off;
  }
  const double root = std::sqrt(squares) + std::sqrt(square);
  return {std::max(std::exp(largest), 1.0 / (1.0 - reach)) * root * root / 2.0, ""};
}

}  // namespace

GapBound newton_gap(kernels::Backend& backend, const NewtonPoint& newton, const RowLoss& loss,
                    kernels::ThreadPool& pool) {
  const CertifiedPoint& point = newton.point;
  const auto* const huber = std::get_if<HuberLoss>(&loss);
  if (huber == nullptr && !std::holds_alternative<PoissonLoss>(loss)) {
    return {std::nullopt, "no bound by the Hessian is known for this loss"};
  }
  const RowLoss bent = huber != nullptr ? RowLoss(HuberLoss{share_with_room * huber->delta}) : loss;
  const std::optional<Corrections> found =
      correct(mean_loss_hessian(backend, newton.rows, bent, pool), errors_of(loss, point), point);
  if (!found) {
    return {std::nullopt,
            "the features are collinear to rounding in the rows that decide: --l2 X gives a bound"};
  }
  const double reach = Reach(backend, newton, bent).largest(found->columns, pool);
  if (huber == nullptr) {
    return poisson_gap_of(point, found->square, reach);
  }
  const double share = std::fmin(1.0, huber->delta / (share_with_room * huber->delta + reach));
  const double root = score_error(point) + std::sqrt(found->square);
  return {(1.0 - share) * (largest_loss(loss, point) + point.penalty) + share * root * root / 2.0,
          ""};
}

}  // namespace steepest::train
