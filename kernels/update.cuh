// SPDX-License-Identifier: Apache-2.0
// The update on the device: one launch for all models applies schedule, rule and stopping rule.
#pragma once

#include <cstdint>

#include "kernels/device_bank.cuh"
#include "kernels/matrix_products.cuh"
#include "kernels/pass_sums.cuh"
#include "kernels/update.hpp"

namespace steepest::kernels {

/// Updates every running model of the bank (in mode evaluate, every model) by the arithmetic of
/// kernels/update.hpp, as update() does on the CPU.
///
/// `rows` is the number of rows the sums were taken over, whose weights have mean 1. `records` is
/// models long, in device memory, or null: a model that was running leaves its StepRecord there.
/// Queues one kernel, with a preconditioner one before and one after its product, and two where any
/// model clips its gradients or finds its rate from them; the host learns
/// nothing until it asks. Complexity: partitions * elements additions, and 2 * elements * (d + 1)
/// flops with a preconditioner. Determinism: fixed tasks of elements, summed within a block in a
/// fixed tree; the block that finishes a model last, by an integer ticket, adds the tasks in order.
/// Throws DeviceError.
template <class T>
void queue_update(const PassSums<T>& sums, std::int64_t rows, UpdateMode mode, const BankView& bank,
                  StepRecord* records, const MatrixProducts& products);

}  // namespace steepest::kernels
