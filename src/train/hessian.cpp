// SPDX-License-Identifier: Apache-2.0
#include "src/train/hessian.hpp"

#include <algorithm>
#include <cmath>

namespace steepest::train {
namespace {

constexpr std::int64_t block_elements = std::int64_t{1} << 19;
constexpr std::int64_t fewest_block_rows = 64;
constexpr std::int64_t most_block_rows = 4096;
constexpr std::int64_t columns_a_task = 64;

using RowMajor = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

// The derivative by two score columns, a <= b, and where it stands.
struct ColumnPair {
  std::int64_t a = 0;
  std::int64_t b = 0;
};

bool is_coupled(const RowLoss& loss) { return std::holds_alternative<SoftmaxLoss>(loss); }

class HessianPass {
 public:
  HessianPass(kernels::Backend& backend, const HessianRows& rows, const RowLoss& loss,
              kernels::ThreadPool& pool)
      : backend_(backend), rows_(rows), loss_(loss), pool_(pool), width_(rows.features + 1) {
    for (std::int64_t a = 0; a < rows_.columns; ++a) {
      const std::int64_t end = is_coupled(loss_) ? rows_.columns : a + 1;
      for (std::int64_t b = a; b < end; ++b) {
        pairs_.push_back({a, b});
      }
    }
    const std::int64_t groups = hessian_groups(loss_, rows_.columns);
    const std::int64_t size = rows_.columns / groups * width_;
    sums_.assign(static_cast<std::size_t>(groups), Eigen::MatrixXd::Zero(size, size));
    block_rows_ = std::clamp(block_elements / width_, fewest_block_rows, most_block_rows);
  }

  std::vector<Eigen::MatrixXd> run() {
    for (std::int64_t first = 0; first < rows_.rows; first += block_rows_) {
      read(first, std::min(block_rows_, rows_.rows - first));
      add_products();
    }
    for (Eigen::MatrixXd& sum : sums_) {
      const Eigen::MatrixXd lower = sum.triangularView<Eigen::Lower>();
      sum = lower.selfadjointView<Eigen::Lower>();
      sum /= static_cast<double>(rows_.rows);
    }
    return std::move(sums_);
  }

 private:
  void read(std::int64_t first, std::int64_t count) {
    const std::int64_t features = rows_.features;
    floats_.resize(count, features);
    backend_.trained_rows(first, count, floats_.data());
    block_.resize(count, width_);
    block_.leftCols(features) = floats_.cast<double>();
    block_.col(features).setOnes();
    scores_.resize(static_cast<std::size_t>(count * rows_.columns));
    backend_.scores(0, first, count, scores_.data());
    const double* const weights = rows_.data.weights(first, count, buffer_);
    row_weights_.assign(static_cast<std::size_t>(count), 1.0);
    if (weights != nullptr && rows_.weights.mean > 0.0) {
      for (std::int64_t i = 0; i < count; ++i) {
        row_weights_[static_cast<std::size_t>(i)] = weights[i] / rows_.weights.mean;
      }
    }
    targets_ = std::holds_alternative<HuberLoss>(loss_) ? rows_.data.targets(first, count, buffer_)
                                                        : nullptr;
    curvature_.resize(count, static_cast<Eigen::Index>(pairs_.size()));
    for (std::int64_t i = 0; i < count; ++i) {
      set_curvature(i);
    }
  }

  // Of row i by every pair of score columns.
  void set_curvature(std::int64_t i) {
    double* const z = scores_.data() + i * rows_.columns;
    if (is_coupled(loss_)) {
      const double largest = *std::max_element(z, z + rows_.columns);
      double total = 0.0;
      for (std::int64_t c = 0; c < rows_.columns; ++c) {
        z[c] = std::exp(z[c] - largest);
        total += z[c];
      }
      for (std::int64_t c = 0; c < rows_.columns; ++c) {
        z[c] /= total;
      }
    }
    const double weight = row_weights_[static_cast<std::size_t>(i)];
    for (std::size_t k = 0; k < pairs_.size(); ++k) {
      curvature_(i, static_cast<Eigen::Index>(k)) = weight * curvature(i, z, pairs_[k]);
    }
  }

  [[nodiscard]] double curvature(std::int64_t i, const double* z, const ColumnPair& pair) const {
    if (is_coupled(loss_)) {
      return pair.a == pair.b ? z[pair.a] * (1.0 - z[pair.a]) : -z[pair.a] * z[pair.b];
    }
    const double score = z[pair.a];
    if (std::holds_alternative<LogisticLoss>(loss_)) {
      const double rare = std::exp(-std::fabs(score));
      return rare / ((1.0 + rare) * (1.0 + rare));
    }
    if (std::holds_alternative<PoissonLoss>(loss_)) {
      return std::exp(score);
    }
    if (const auto* const huber = std::get_if<HuberLoss>(&loss_)) {
      const double target = (targets_[i * rows_.columns + pair.a] -
                             rows_.scaling.target_mean[static_cast<std::size_t>(pair.a)]) /
                            rows_.scaling.target_scale;
      return std::fabs(target - score) <= huber->delta ? 1.0 : 0.0;
    }
    return 1.0;
  }

  // Every task has a part of a sum to itself; blocks follow one another.
  void add_products() {
    const std::int64_t panels = (width_ + columns_a_task - 1) / columns_a_task;
    const auto pairs = static_cast<std::int64_t>(pairs_.size());
    pool_.for_each(pairs * panels, [&](std::int64_t task, int /*worker*/) {
      const ColumnPair pair = pairs_[static_cast<std::size_t>(task / panels)];
      const std::int64_t first = task % panels * columns_a_task;
      const std::int64_t count = std::min(columns_a_task, width_ - first);
      const Eigen::MatrixXd weighted =
          block_.middleCols(first, count).array().colwise() *
          curvature_.col(static_cast<Eigen::Index>(task / panels)).array();
      const std::size_t group = is_coupled(loss_) ? 0 : static_cast<std::size_t>(pair.a);
      const std::int64_t row = is_coupled(loss_) ? pair.b * width_ : 0;
      const std::int64_t column = (is_coupled(loss_) ? pair.a * width_ : 0) + first;
      sums_[group].block(row, column, width_, count).noalias() += block_.transpose() * weighted;
    });
  }

  kernels::Backend& backend_;
  const HessianRows& rows_;
  const RowLoss& loss_;
  kernels::ThreadPool& pool_;
  std::int64_t width_;
  std::int64_t block_rows_ = 0;
  std::vector<ColumnPair> pairs_;
  std::vector<Eigen::MatrixXd> sums_;
  RowMajor floats_;
  Eigen::MatrixXd block_;      // [x 1] of a block of rows
  Eigen::MatrixXd curvature_;  // (rows, pairs)
  std::vector<double> scores_;
  std::vector<double> row_weights_;
  RowBuffer buffer_;
  const double* targets_ = nullptr;
};

}  // namespace

std::int64_t hessian_groups(const RowLoss& loss, std::int64_t columns) {
  return is_coupled(loss) ? 1 : columns;
}

std::vector<Eigen::MatrixXd> mean_loss_hessian(kernels::Backend& backend, const HessianRows& rows,
                                               const RowLoss& loss, kernels::ThreadPool& pool) {
  return HessianPass(backend, rows, loss, pool).run();
}

}  // namespace steepest::train
