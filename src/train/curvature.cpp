// SPDX-License-Identifier: Apache-2.0
#include "src/train/curvature.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "steepest/shuffle.hpp"

namespace steepest::train {
namespace {

double dot(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0.0;
  for (std::size_t j = 0; j < a.size(); ++j) {
    sum += a[j] * b[j];
  }
  return sum;
}

// P u, or u where P is the identity.
std::vector<double> preconditioned(const std::vector<double>& matrix,
                                   const std::vector<double>& u) {
  if (matrix.empty()) {
    return u;
  }
  std::vector<double> product(u.size(), 0.0);
  for (std::size_t i = 0; i < u.size(); ++i) {
    for (std::size_t j = 0; j < u.size(); ++j) {
      product[j] += u[i] * matrix[i * u.size() + j];
    }
  }
  return product;
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

double largest_eigenvalue(kernels::Backend& backend, const HessianBound& bound,
                          const std::vector<double>& preconditioner) {
  constexpr int most_products = 100;
  constexpr double accuracy = 0.01;
  std::vector<double> u =
      fixed_direction(static_cast<std::size_t>(bound.features + 1), bound.intercept);
  std::vector<double> product(u.size());
  double estimate = 0.0;
  for (int iteration = 0; iteration < most_products; ++iteration) {
    std::vector<double> v = preconditioned(preconditioner, u);
    const double length = std::sqrt(dot(u, v));
    if (!(length > 0.0)) {
      break;
    }
    for (std::size_t j = 0; j < u.size(); ++j) {
      u[j] /= length;
      v[j] /= length;
    }
    backend.second_moment_product(bound.intercept, v.data(), product.data());
    for (std::size_t j = 0; j < product.size(); ++j) {
      const bool is_intercept = static_cast<std::int64_t>(j) == bound.features;
      product[j] = bound.loss_curvature * product[j] + (is_intercept ? 0.0 : bound.l2 * v[j]);
    }
    const double theta = dot(v, product);
    std::vector<double> gap(u.size());
    for (std::size_t j = 0; j < u.size(); ++j) {
      gap[j] = product[j] - theta * u[j];
    }
    const double residual = std::sqrt(std::max(0.0, dot(gap, preconditioned(preconditioner, gap))));
    estimate = theta + residual;
    u.swap(product);
    if (residual <= accuracy * theta) {
      break;
    }
  }
  return estimate;
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
