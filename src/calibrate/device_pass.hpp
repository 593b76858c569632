// SPDX-License-Identifier: Apache-2.0
// The pass over rows of logits whose sums over classes a GPU takes.
#pragma once

#include <vector>

#include "kernels/thread_pool.hpp"
#include "src/calibrate/calibration_pass.hpp"

namespace steepest::calibrate {

/// As run_pass(), on the CUDA device of the plan. Groups of blocks pass through two slots: while
/// the device copies and sums one group, the host reads the next one and adds up the last. Sums
/// over rows are added in the same order as on the CPU. Throws DeviceError.
[[nodiscard]] PassSums run_device_pass(const BlockReader& blocks, const PassPlan& plan,
                                       const std::vector<double>& betas, kernels::ThreadPool& pool,
                                       const ReadProgress& progress);

}  // namespace steepest::calibrate
