// SPDX-License-Identifier: Apache-2.0
// The loss of a bank's models on rows that none of them is trained on.
#pragma once

#include <memory>
#include <vector>

#include "src/train/held_data.hpp"

namespace steepest::train {

class Validation {
 public:
  /// Holds `rows`, which have the schema of the training rows, in their scale and arithmetic. They
  /// are used up where they lie in memory, unless they are to be kept: then each pass copies them.
  Validation(const std::shared_ptr<RowSource>& rows, const HeldData& training,
             const FitOptions& problem, bool keep_rows = false);

  /// The mean loss of each model `bank` has just been started or stepped with on `training`, in the
  /// objective's units and without the penalty.
  [[nodiscard]] std::vector<double> mean_losses(const kernels::Backend& training,
                                                kernels::BankPlan bank);

 private:
  std::unique_ptr<kernels::Backend> backend_;
  double loss_unit_ = 1.0;
};

}  // namespace steepest::train
