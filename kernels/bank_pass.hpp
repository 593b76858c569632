// SPDX-License-Identifier: Apache-2.0
// Passes over the rows for some models of a bank: those that have ended cost nothing more.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "kernels/backend.hpp"
#include "kernels/loss_gradient.hpp"
#include "kernels/update.hpp"

namespace steepest::kernels {

/// LossGradient for any of a bank's models. What a model's sums are does not depend on which others
/// take part. CPU only.
template <class T>
class BankPass {
 public:
  /// For the passes that follow: their loss, and the rows that models see, see BankPlan.
  void start(const PassLoss& loss, std::shared_ptr<const std::vector<std::uint8_t>> folds,
             std::vector<RowMask> masks);

  [[nodiscard]] const PassLoss& loss() const { return loss_; }
  [[nodiscard]] bool is_masked() const { return !masks_.empty(); }

  /// One pass for `models`, indexes that rise, at the points they report or at those they take
  /// their gradients at. `partials` has the layout of all models; of others it is not touched.
  void run(const BankState& bank, const std::vector<std::int64_t>& models, bool reported,
           RowFeed& feed, const RowSelection& rows, const RowSelection* next, ThreadPool& pool,
           Partials& partials);

 private:
  void spread(const BankShape& shape, const std::vector<std::int64_t>& models,
              Partials& partials) const;

  PassLoss loss_;
  std::shared_ptr<const std::vector<std::uint8_t>> folds_;
  std::vector<RowMask> masks_;
  LossGradient<T> pass_;
  std::vector<RowMask> some_masks_;  // of the models of a pass
  Partials some_;                    // likewise
};

extern template class BankPass<float>;
extern template class BankPass<double>;

}  // namespace steepest::kernels
