// SPDX-License-Identifier: Apache-2.0
// Newton's method as a backend: its steps are its own, the passes over the rows another's.
#pragma once

#include <cstdint>
#include <memory>

#include "kernels/backend.hpp"
#include "src/train/scaling.hpp"

namespace steepest::train {

/// Most parameters that one Hessian is of: a group of hessian_groups().
inline constexpr std::int64_t most_newton_parameters = 2000;

/// A backend for banks of one full-batch model of rule newton, over one that holds the rows.
///
/// A step is w <- w - s (H + r I)^-1 g with H the Hessian of the objective at w and g its
/// gradient (Newton; Nocedal and Wright 2006, section 3.3); r, tiny beside H's diagonal, grows
/// tenfold until H + r I has a Cholesky factor, since a softmax without penalty is flat in some
/// directions. s is halved from 1 until the objective falls by 1e-4 of what the gradient promises
/// (Armijo), or, where rounding hides the rest, until the gradient falls; without such an s r grows
/// a thousandfold, as far as along the gradient (Levenberg), and falls again after; without such an
/// r the run ends by Reason::rounding.
///
/// `data` gives targets and weights of the rows that `rows_held` holds, in the units of the input.
[[nodiscard]] std::unique_ptr<kernels::Backend> make_newton_backend(
    std::unique_ptr<kernels::Backend> rows_held, std::shared_ptr<const RowSource> data,
    std::int64_t features, const RowWeights& weights, Scaling scaling, int threads);

}  // namespace steepest::train
