// SPDX-License-Identifier: Apache-2.0
// Elementary functions of many numbers at once. On the CPU, vector width chosen at run time.
#pragma once

#include <cstdint>

namespace steepest::kernels {

/// values[i] = e^values[i], 0 where that is below the normal numbers; in error by a few units of
/// the last place. Each result depends on its own number alone.
void exponentials(double* values, std::int64_t count);

/// values[i] = log values[i], of numbers above 0; likewise.
void logarithms(double* values, std::int64_t count);

}  // namespace steepest::kernels
