// SPDX-License-Identifier: Apache-2.0
#include "src/train/curvature.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "steepest/shuffle.hpp"

namespace steepest::train {
namespace {

double norm(const std::vector<double>& vector) {
  double square = 0.0;
  for (const double element : vector) {
    square += element * element;
  }
  return std::sqrt(square);
}

std::vector<double> fixed_direction(std::size_t length, bool intercept) {
  std::vector<double> vector(length);
  for (std::size_t j = 0; j < length; ++j) {
    const std::uint64_t bits = scramble(0x5eedULL + 0x9e3779b97f4a7c15ULL * (j + 1));
    vector[j] = static_cast<double>(bits >> 11) * 0x1.0p-53 - 0.5;
  }
  if (!intercept) {
    vector.back() = 0.0;
  }
  return vector;
}

}  // namespace

double largest_eigenvalue(kernels::Backend& backend, std::int64_t features, bool intercept) {
  constexpr int most_products = 100;
  constexpr double accuracy = 0.01;
  std::vector<double> v = fixed_direction(static_cast<std::size_t>(features + 1), intercept);
  std::vector<double> product(v.size());
  double bound = 0.0;
  for (int iteration = 0; iteration < most_products; ++iteration) {
    const double length = norm(v);
    if (length == 0.0) {
      break;
    }
    double theta = 0.0;
    for (double& element : v) {
      element /= length;
    }
    backend.second_moment_product(intercept, v.data(), product.data());
    for (std::size_t j = 0; j < v.size(); ++j) {
      theta += v[j] * product[j];
    }
    double residual = 0.0;
    for (std::size_t j = 0; j < v.size(); ++j) {
      const double gap = product[j] - theta * v[j];
      residual += gap * gap;
    }
    residual = std::sqrt(residual);
    bound = theta + residual;
    v.swap(product);
    if (residual <= accuracy * theta) {
      break;
    }
  }
  return bound;
}

double batch_curvature(double full, double row, std::int64_t rows, std::int64_t batch) {
  if (batch >= rows) {
    return full;
  }
  const auto n = static_cast<double>(rows);
  const auto b = static_cast<double>(batch);
  return n * (b - 1.0) / (b * (n - 1.0)) * full + (n - b) / (b * (n - 1.0)) * row;
}

}  // namespace steepest::train
