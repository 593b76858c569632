// SPDX-License-Identifier: Apache-2.0
// Marks arithmetic that the CPU loop and the CUDA loop share: plain C++ for a host compiler.
#pragma once

#if defined(__CUDACC__)
#define STEEPEST_HD __host__ __device__
#else
#define STEEPEST_HD
#endif
