// SPDX-License-Identifier: Apache-2.0
// The second moment matrix of the features on the device.
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

}  // namespace steepest::kernels
