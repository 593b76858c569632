// SPDX-License-Identifier: Apache-2.0
// Asks nvcc to unroll the loop that follows, so that arrays it walks stay in registers.
#pragma once

#if defined(__CUDACC__)
#define STEEPEST_UNROLL _Pragma("unroll")
#else
#define STEEPEST_UNROLL
#endif
