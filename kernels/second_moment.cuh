// SPDX-License-Identifier: Apache-2.0
// The second moment matrices of rows on the device.
#pragma once

#include <vector>

#include "kernels/device_data.cuh"
#include "kernels/matrix_products.cuh"
#include "kernels/row_selection.hpp"

namespace steepest::kernels {

/// S = sum_i w_i [x_i 1]^T [x_i 1] / count over the selected rows: (d + 1, d + 1) row-major.
///
/// A pass whose residuals are the weighted rows themselves. Complexity: 2 * count * (d + 1)^2
/// flops. Memory: the buffers of DevicePass for d + 1 columns, while it runs. Determinism: as
/// DevicePass; symmetric to rounding. Waits. Throws DeviceError.
template <class T>
[[nodiscard]] std::vector<double> device_second_moment(DeviceData<T>& data,
                                                       const RowSelection& rows,
                                                       const MatrixProducts& products);

/// S = sum_i w_i u_i^T u_i / n over all rows, u_i = [x_i 1 y_i]: (d + 1 + C, d + 1 + C), symmetric
/// to the bit, C being `outputs` of the targets held.
///
/// Rows go to double, sqrt(w_i) u_i, some at a time, and into one triangle by cuBLAS's SYRK.
/// Complexity: n (d + 1 + C)^2 flops in double. Memory: 128 MB of rows and the matrix, while it
/// runs. Determinism: as cuBLAS, the same bits for the same chip, toolkit and shapes. Waits. Throws
/// DeviceError.
template <class T>
[[nodiscard]] std::vector<double> device_moments(DeviceData<T>& data, std::int64_t outputs,
                                                 const MatrixProducts& products);

}  // namespace steepest::kernels
