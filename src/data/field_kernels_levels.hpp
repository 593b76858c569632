// SPDX-License-Identifier: Apache-2.0
// The kernels of each level; the x86 ones exist in builds for x86-64 only.
#pragma once

#include "src/data/field_kernels.hpp"

namespace steepest::data {

extern const FieldKernels portable_field_kernels;
#ifdef __x86_64__
extern const FieldKernels avx2_field_kernels;
extern const FieldKernels avx512_field_kernels;
#endif

}  // namespace steepest::data
