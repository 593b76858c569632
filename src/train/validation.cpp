// SPDX-License-Identifier: Apache-2.0
#include "src/train/validation.hpp"

namespace steepest::train {

Validation::Validation(const std::shared_ptr<RowSource>& rows, const HeldData& training,
                       const FitOptions& problem, bool keep_rows)
    : backend_(kernels::make_backend(training.device, problem.threads, training.precision)),
      loss_unit_(training.scaling.loss_unit()) {
  const RowWeights weights = sum_weights(*rows);
  if (keep_rows) {
    const Scaling& scaling = training.scaling;
    backend_->hold(kernels::StreamedData{rows, scaling.feature_mean, scaling.feature_scale,
                                         scaling.target_mean, scaling.target_scale, training.bytes,
                                         weights.mean, problem.memory_bytes});
  } else {
    hold_scaled(rows, weights, training.scaling, problem, *backend_);
  }
}

std::vector<double> Validation::mean_losses(const kernels::Backend& training,
                                            kernels::BankPlan bank) {
  const auto models = static_cast<std::int64_t>(bank.models.size());
  bank.initial.clear();
  for (std::int64_t k = 0; k < models; ++k) {
    const std::vector<double> parameters = training.parameters(k);
    bank.initial.insert(bank.initial.end(), parameters.begin(), parameters.end());
  }
  bank.batch_size = 0;
  bank.most_steps = 0;
  bank.allow_normal_equations = false;
  bank.preconditioner.clear();
  backend_->start(std::move(bank));
  backend_->evaluate();
  std::vector<double> losses;
  losses.reserve(static_cast<std::size_t>(models));
  for (std::int64_t k = 0; k < models; ++k) {
    losses.push_back(backend_->state(k).at.mean_loss * loss_unit_);
  }
  return losses;
}

}  // namespace steepest::train
