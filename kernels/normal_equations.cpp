// SPDX-License-Identifier: Apache-2.0
#include "kernels/normal_equations.hpp"

#include <algorithm>

#include "kernels/state_archive.hpp"
#include "kernels/symmetric_product.hpp"

namespace steepest::kernels {

NormalEquations::NormalEquations(std::vector<double> moment, std::int64_t rows,
                                 std::int64_t features, std::int64_t outputs)
    : moment_(std::move(moment)),
      rows_(rows),
      features_(features),
      outputs_(outputs),
      width_(features + 1 + outputs) {}

std::vector<double> NormalEquations::features_moment() const {
  const std::int64_t size = features_ + 1;
  std::vector<double> result(static_cast<std::size_t>(size * size));
  for (std::int64_t i = 0; i < size; ++i) {
    std::copy_n(moment_.begin() + i * width_, size, result.begin() + i * size);
  }
  return result;
}

void NormalEquations::product(const double* v, ThreadPool& pool, double* out) const {
  const std::int64_t size = features_ + 1;
  symmetric_product(moment_.data(), size, width_, v, 1, size, pool, out);
}

void NormalEquations::start(const BankShape& shape) {
  shape_ = shape;
  const auto n = static_cast<double>(rows_);
  const auto elements = static_cast<std::size_t>(shape.elements());
  anchor_.assign(elements, 0.0);
  anchor_gradient_.assign(elements, 0.0);
  anchor_loss_.assign(static_cast<std::size_t>(shape.models), 0.0);
  moved_.assign(elements, 0.0);
  for (std::int64_t c = 0; c < shape.columns(); ++c) {
    const std::int64_t target = shape.stride() + c % outputs_;
    const double* const products = moment_.data() + target * width_;
    for (std::int64_t j = 0; j < shape.stride(); ++j) {
      anchor_gradient_[static_cast<std::size_t>(c * shape.stride() + j)] = -n * products[j];
    }
    anchor_loss_[static_cast<std::size_t>(c / outputs_)] += n * products[target] / 2;
  }
}

void NormalEquations::pass(const BankState& bank, bool reported, ThreadPool& pool,
                           Partials& partials) {
  const auto n = static_cast<double>(rows_);
  const std::int64_t stride = shape_.stride();
  partials.partitions = 1;
  partials.gradient.resize(static_cast<std::size_t>(shape_.elements()));
  partials.loss = anchor_loss_;
  const auto runs = [&bank](std::int64_t k) {
    return bank.states[static_cast<std::size_t>(k)].reason == Reason::running;
  };
  const std::int64_t each = shape_.elements_per_model();
  std::int64_t end = 0;
  for (std::int64_t begin = 0; begin < shape_.models; begin = end) {
    end = begin + 1;
    if (!runs(begin)) {
      continue;
    }
    while (end < shape_.models && runs(end)) {
      ++end;
    }
    for (std::int64_t k = begin; k < end; ++k) {
      const double* const now = reported ? bank.reported_of(k) : bank.parameters_of(k);
      for (std::int64_t e = 0; e < each; ++e) {
        const auto element = static_cast<std::size_t>(k * each + e);
        moved_[element] = now[e] - anchor_[element];
      }
    }
    symmetric_product(moment_.data(), stride, width_, moved_.data() + begin * each,
                      (end - begin) * shape_.outputs, stride, pool,
                      partials.gradient.data() + begin * each);
    for (std::int64_t e = begin * each; e < end * each; ++e) {
      const auto element = static_cast<std::size_t>(e);
      const double curved = n * partials.gradient[element];
      partials.loss[static_cast<std::size_t>(e / each)] +=
          moved_[element] * (anchor_gradient_[element] + curved / 2);
      partials.gradient[element] = anchor_gradient_[element] + curved;
    }
  }
}

bool NormalEquations::faded(const Partials& partials, std::int64_t model) const {
  constexpr double digits_kept = 1e-6;  // of double's 16, ten are left
  const auto k = static_cast<std::size_t>(model);
  return partials.loss[k] < digits_kept * anchor_loss_[k];
}

void NormalEquations::anchor(const BankState& bank, const Partials& partials, std::int64_t model) {
  const std::int64_t each = shape_.elements_per_model();
  const std::int64_t first = model * each;
  std::copy_n(bank.parameters_of(model), each, anchor_.begin() + first);
  std::fill_n(anchor_gradient_.begin() + first, each, 0.0);
  double& loss = anchor_loss_[static_cast<std::size_t>(model)];
  loss = 0.0;
  for (std::int64_t p = 0; p < partials.partitions; ++p) {
    for (std::int64_t e = first; e < first + each; ++e) {
      anchor_gradient_[static_cast<std::size_t>(e)] +=
          partials.gradient[static_cast<std::size_t>(p * shape_.elements() + e)];
    }
    loss += partials.loss[static_cast<std::size_t>(p * shape_.models + model)];
  }
}

void NormalEquations::exchange(StateArchive& archive) {
  archive.exchange(anchor_);
  archive.exchange(anchor_gradient_);
  archive.exchange(anchor_loss_);
}

}  // namespace steepest::kernels
