// SPDX-License-Identifier: Apache-2.0
#include "src/train/information.hpp"

#include <algorithm>
#include <cmath>

namespace steepest::train {
namespace {

constexpr std::int64_t block_bytes = std::int64_t{4} << 20;
constexpr std::int64_t rows_a_task = 64;
constexpr std::int64_t columns_a_task = 128;

// A block of the Hessian that one task adds up: columns of two groups.
struct HessianTile {
  std::int64_t group_a = 0;  // -1, both: of the second moment
  std::int64_t group_b = 0;
  std::int64_t column_a = 0;
  std::int64_t column_b = 0;
};

class InformationPass {
 public:
  InformationPass(const InferenceInput& input, kernels::ThreadPool& pool)
      : input_(input),
        pool_(pool),
        features_(input.model->features()),
        columns_(input.model->outputs()),
        classifies_(input.model->kind == ModelKind::softmax) {
    sum_.groups = classifies_ ? columns_ - 1 : 1;
    sum_.width = features_ + (input.intercept ? 1 : 0);
    const std::int64_t size = sum_.groups * sum_.width;
    sum_.hessian = Eigen::MatrixXd::Zero(size, size);
    sum_.moment = Eigen::MatrixXd::Zero(sum_.width, sum_.width);
    sum_.gradient = Eigen::MatrixXd::Zero(size, classifies_ ? 1 : columns_);
    sum_.residual.assign(classifies_ ? 0 : static_cast<std::size_t>(columns_), 0.0);
    sum_.target_squares = sum_.residual;
    block_rows_ = std::clamp<std::int64_t>(
        block_bytes / (sum_.width * static_cast<std::int64_t>(sizeof(double))), rows_a_task, 2048);
    set_weights();
    list_tiles();
  }

  Information run() {
    const std::int64_t rows = input_.data->rows();
    for (std::int64_t first = 0; first < rows; first += block_rows_) {
      add_block(first, std::min(block_rows_, rows - first));
    }
    mirror(sum_.hessian);
    mirror(sum_.moment);
    sum_.moment = classifies_ ? sum_.moment : sum_.hessian;
    return std::move(sum_);
  }

 private:
  static void mirror(Eigen::MatrixXd& upper) {
    const Eigen::MatrixXd half = upper.triangularView<Eigen::Upper>();
    upper = half.selfadjointView<Eigen::Upper>();
  }

  // Coefficients of centred rows, (outputs, p).
  void set_weights() {
    const Model& model = *input_.model;
    weights_ = Eigen::MatrixXd::Zero(columns_, sum_.width);
    offset_.assign(static_cast<std::size_t>(columns_), 0.0);
    for (std::int64_t o = 0; o < columns_; ++o) {
      double shift = 0.0;
      for (std::int64_t j = 0; j < features_; ++j) {
        weights_(o, j) = model.coefficients[static_cast<std::size_t>(o * features_ + j)];
        shift += weights_(o, j) * centre(j);
      }
      offset_[static_cast<std::size_t>(o)] = model.intercept[static_cast<std::size_t>(o)] + shift;
    }
  }

  void list_tiles() {
    if (classifies_) {
      list_tiles(-1, -1);
    }
    for (std::int64_t a = 0; a < sum_.groups; ++a) {
      for (std::int64_t b = a; b < sum_.groups; ++b) {
        list_tiles(a, b);
      }
    }
  }

  void list_tiles(std::int64_t a, std::int64_t b) {
    for (std::int64_t i = 0; i < sum_.width; i += columns_a_task) {
      for (std::int64_t j = a == b ? i : 0; j < sum_.width; j += columns_a_task) {
        tiles_.push_back({a, b, i, j});
      }
    }
  }

  [[nodiscard]] double centre(std::int64_t j) const {
    return input_.feature_mean[static_cast<std::size_t>(j)];
  }

  void add_block(std::int64_t first, std::int64_t count) {
    values_.resize(static_cast<std::size_t>(count * features_));
    input_.features(first, count, values_.data());
    design_.resize(count, sum_.width);
    residuals_.resize(count, columns_);
    const double* const weights = input_.data->weights(first, count, buffer_);
    const double* const targets = input_.data->targets(first, count, buffer_);
    const std::int32_t* const labels = input_.data->labels(first, count, buffer_);
    row_weights_ = weights == nullptr
                       ? Eigen::VectorXd::Ones(count)
                       : Eigen::VectorXd(Eigen::Map<const Eigen::VectorXd>(weights, count));
    pool_.for_each((count + rows_a_task - 1) / rows_a_task, [&](std::int64_t task, int /*w*/) {
      const std::int64_t begin = task * rows_a_task;
      for (std::int64_t r = begin; r < std::min(begin + rows_a_task, count); ++r) {
        prepare_row(r);
        if (classifies_) {
          to_probabilities(r);
        } else {
          for (std::int64_t o = 0; o < columns_; ++o) {
            residuals_(r, o) -= targets[r * columns_ + o];
          }
        }
      }
    });
    pool_.for_each(static_cast<std::int64_t>(tiles_.size()), [&](std::int64_t task, int /*w*/) {
      add_tile(tiles_[static_cast<std::size_t>(task)]);
    });
    add_gradient(count, labels);
    for (std::int64_t o = 0; !classifies_ && o < columns_; ++o) {
      for (std::int64_t r = 0; r < count; ++r) {
        const double y = targets[r * columns_ + o];
        sum_.target_squares[static_cast<std::size_t>(o)] += row_weights_(r) * y * y;
      }
    }
  }

  // The design's row, centred, and its scores.
  void prepare_row(std::int64_t r) {
    const float* const x = values_.data() + r * features_;
    for (std::int64_t j = 0; j < features_; ++j) {
      design_(r, j) = static_cast<double>(x[j]) - centre(j);
    }
    if (input_.intercept) {
      design_(r, features_) = 1.0;
    }
    for (std::int64_t o = 0; o < columns_; ++o) {
      double score = offset_[static_cast<std::size_t>(o)];
      for (std::int64_t j = 0; j < features_; ++j) {
        score += weights_(o, j) * design_(r, j);
      }
      residuals_(r, o) = score;
    }
  }

  void to_probabilities(std::int64_t r) {
    const double largest = residuals_.row(r).maxCoeff();
    double total = 0.0;
    for (std::int64_t o = 0; o < columns_; ++o) {
      residuals_(r, o) = std::exp(residuals_(r, o) - largest);
      total += residuals_(r, o);
    }
    residuals_.row(r) /= total;
  }

  // w of a linear model; w (p_a [a = b] - p_a p_b) of a pair of classes.
  [[nodiscard]] Eigen::VectorXd curvature(const HessianTile& tile) const {
    if (!classifies_ || tile.group_a < 0) {
      return row_weights_;
    }
    const auto a = residuals_.col(tile.group_a + 1).array();
    const auto b = residuals_.col(tile.group_b + 1).array();
    if (tile.group_a == tile.group_b) {
      return row_weights_.array() * a * (1.0 - a);
    }
    return -row_weights_.array() * a * b;
  }

  void add_tile(const HessianTile& tile) {
    const std::int64_t width_a = std::min(columns_a_task, sum_.width - tile.column_a);
    const std::int64_t width_b = std::min(columns_a_task, sum_.width - tile.column_b);
    const Eigen::MatrixXd scaled =
        curvature(tile).asDiagonal() * design_.middleCols(tile.column_b, width_b);
    const bool of_moment = tile.group_a < 0;
    Eigen::MatrixXd& sum = of_moment ? sum_.moment : sum_.hessian;
    const std::int64_t row = (of_moment ? 0 : tile.group_a * sum_.width) + tile.column_a;
    const std::int64_t column = (of_moment ? 0 : tile.group_b * sum_.width) + tile.column_b;
    sum.block(row, column, width_a, width_b).noalias() +=
        design_.middleCols(tile.column_a, width_a).transpose() * scaled;
  }

  void add_gradient(std::int64_t count, const std::int32_t* labels) {
    for (std::int64_t r = 0; classifies_ && r < count; ++r) {
      residuals_(r, labels[r]) -= 1.0;
    }
    pool_.for_each(classifies_ ? sum_.groups : columns_, [&](std::int64_t task, int /*worker*/) {
      const std::int64_t column = classifies_ ? task + 1 : task;
      const Eigen::VectorXd weighted = row_weights_.cwiseProduct(residuals_.col(column));
      if (classifies_) {
        sum_.gradient.col(0).segment(task * sum_.width, sum_.width) +=
            design_.transpose() * weighted;
      } else {
        sum_.gradient.col(task) += design_.transpose() * weighted;
        sum_.residual[static_cast<std::size_t>(task)] += weighted.dot(residuals_.col(column));
      }
    });
  }

  const InferenceInput& input_;
  kernels::ThreadPool& pool_;
  std::int64_t features_;
  std::int64_t columns_;  // score columns of the model: targets or classes
  bool classifies_;
  std::int64_t block_rows_ = 0;
  Information sum_;
  Eigen::MatrixXd weights_;
  std::vector<double> offset_;
  std::vector<HessianTile> tiles_;
  std::vector<float> values_;
  RowBuffer buffer_;
  Eigen::MatrixXd design_;     // (rows, p)
  Eigen::MatrixXd residuals_;  // (rows, columns): scores, then probabilities or residuals
  Eigen::VectorXd row_weights_;
};

}  // namespace

Information information_at_model(const InferenceInput& input, kernels::ThreadPool& pool) {
  return InformationPass(input, pool).run();
}

}  // namespace steepest::train
