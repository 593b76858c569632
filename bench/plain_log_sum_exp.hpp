// SPDX-License-Identifier: Apache-2.0
// What one evaluation of the NLL costs at best: the denominator of calibration's time.
#pragma once

#include <cstdint>

#include "kernels/thread_pool.hpp"

namespace steepest::bench {

/// Sum over rows of log sum_c exp(z_c): the row's maximum and its exponentials in the widest
/// vectors of the machine, with Highway's exponential, and nothing else. `logits` is (rows,
/// classes).
[[nodiscard]] double plain_log_sum_exp(const float* logits, std::int64_t rows, std::int64_t classes,
                                       kernels::ThreadPool& pool);

}  // namespace steepest::bench
