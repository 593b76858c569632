// SPDX-License-Identifier: Apache-2.0
// Full-batch steps on the host, whatever device the rows are on.
#pragma once

#include <cstdint>
#include <memory>

#include "kernels/backend.hpp"

namespace steepest::kernels {

/// A backend for full-batch banks without folds, over one that holds the rows: loss and gradient
/// are its evaluate_at(), the steps those of update.hpp on the CPU. So a device takes the rules
/// that have no kernel there: limited-memory BFGS and the simplex. A step costs a pass for every
/// model that runs, and copies of the parameters there and of the gradient back.
///
/// `rows` and `features` are those of the data it holds. Deterministic as that backend is.
[[nodiscard]] std::unique_ptr<Backend> make_host_steps_backend(std::unique_ptr<Backend> rows_held,
                                                               std::int64_t rows,
                                                               std::int64_t features, int threads);

/// Engine moments: likewise, of squared loss, and over a backend without data yet, whose moments()
/// stand for the rows (moment_steps.hpp): a step costs 2 (d + 1)^2 C flops on the host. The rows
/// judge a run's end, and no more. start() throws OptionError for what moments do not hold.
[[nodiscard]] std::unique_ptr<Backend> make_moments_backend(std::unique_ptr<Backend> rows_held,
                                                            int threads);

/// Engine line: likewise, over a backend without data yet, of schedules that search for their rate
/// (armijo, barzilai_borwein). A trial is first looked at by evaluate_on_line(): one that is taken
/// back costs no read of the rows on a GPU, and one that is kept a read more than by products.
/// start() throws OptionError for other schedules, mini-batches, and what takes no host's steps.
[[nodiscard]] std::unique_ptr<Backend> make_line_backend(std::unique_ptr<Backend> rows_held,
                                                         int threads);

}  // namespace steepest::kernels
