// SPDX-License-Identifier: Apache-2.0
// The two loops of an update over the elements of a model, in vectors. CPU only; the width is
// chosen at run time.
#pragma once

#include <cstdint>

#include "kernels/update.hpp"

namespace steepest::kernels {

/// One model's share of a bank's arrays: elements_per_model() long each.
struct ModelArrays {
  const double* now;
  double* next;
  double* velocity;
  double* gradient;
  const double* direction;  ///< the gradient itself without a preconditioner
  double* second;           ///< null where no rule of the bank has one
  double* old_point;        ///< null where no schedule of the bank remembers
  double* old_gradient;     ///< likewise
  const Bound* bounds;      ///< stride long, repeated for every output; null: none

  /// `reported`: `now` is the point the model reports, not the one that gradients are taken at.
  ModelArrays(BankState& bank, std::int64_t model, bool reported = false);

  /// The bound of element e of a model whose outputs are `stride` elements.
  [[nodiscard]] Bound bound_of(std::int64_t e, std::int64_t stride) const {
    return bounds == nullptr ? Bound{} : bounds[e % stride];
  }
};

/// Where the partial gradients of a model lie: `partitions` parts, `part` elements apart.
struct GradientParts {
  const double* first = nullptr;
  std::int64_t partitions = 0;
  std::int64_t part = 0;
  double scale = 1.0;  ///< of the sum
};

/// gradient[e] = penalised_gradient(sum of the parts' e * scale) for e in [begin, end); adds to
/// sums. `stride` is d + 1: every stride-th element is an intercept. Each element has the bits of
/// the scalar formula; sums over elements run in an order fixed by range and vector width.
void reduce_elements(const ModelPlan& plan, const GradientParts& parts, const ModelArrays& arrays,
                     std::int64_t stride, std::int64_t begin, std::int64_t end, UpdateSums& sums);

/// next[e] = stepped_parameter(...) for e in [begin, end), likewise, of a rule that does not step
/// in halves.
void step_elements(const ModelPlan& plan, const StepFactors& factors, const ModelArrays& arrays,
                   std::int64_t begin, std::int64_t end, UpdateSums& sums);

/// to[e] = old_point[e] - rate * old_gradient[e] for all elements: a trial at another rate.
void retreat(const ModelArrays& arrays, double rate, std::int64_t elements, ThreadPool& pool,
             double* to);

}  // namespace steepest::kernels
