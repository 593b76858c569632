// SPDX-License-Identifier: Apache-2.0
#include "steepest/model.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "steepest/objective.hpp"

namespace steepest {

std::string_view name(ModelKind kind) { return kind == ModelKind::linear ? "linear" : "softmax"; }

const std::vector<std::string>& Model::output_names() const {
  return kind == ModelKind::linear ? schema.target_names : schema.classes;
}

std::vector<double> Model::scores(const FeatureMatrix& rows) const {
  const std::int64_t width = features();
  const std::int64_t columns = outputs();
  std::vector<double> result(static_cast<std::size_t>(rows.rows() * columns));
  for (std::int64_t i = 0; i < rows.rows(); ++i) {
    const float* x = rows.row(i);
    for (std::int64_t o = 0; o < columns; ++o) {
      const double* w = coefficients.data() + o * width;
      double sum = 0.0;
      for (std::int64_t j = 0; j < width; ++j) {
        sum += w[j] * static_cast<double>(x[j]);
      }
      result[static_cast<std::size_t>(i * columns + o)] =
          sum + intercept[static_cast<std::size_t>(o)];
    }
  }
  return result;
}

std::vector<double> Model::predictions(const FeatureMatrix& rows) const {
  std::vector<double> values = scores(rows);
  if (loss == PoissonLoss::name) {
    for (double& value : values) {
      value = std::exp(value);
    }
  }
  return values;
}

std::vector<double> Model::calibrated_scores(const FeatureMatrix& rows) const {
  std::vector<double> result = scores(rows);
  if (calibration) {
    calibration->apply(result.data(), rows.rows(), outputs());
  }
  return result;
}

std::string penalty_text(const Model& model) {
  std::string text = fmt::format("l2 {:.4g}", model.l2);
  if (model.l1 > 0.0) {
    text += fmt::format(", l1 {:.4g}", model.l1);
  }
  return model.constraint == "none" ? text : text + ", " + model.constraint;
}

void softmax_in_place(std::vector<double>& scores, std::int64_t classes) {
  for (auto row = scores.begin(); row != scores.end(); row += classes) {
    const double largest = *std::max_element(row, row + classes);
    double total = 0.0;
    for (auto score = row; score != row + classes; ++score) {
      *score = std::exp(*score - largest);
      total += *score;
    }
    for (auto score = row; score != row + classes; ++score) {
      *score /= total;
    }
  }
}

}  // namespace steepest
