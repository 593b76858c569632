# SPDX-License-Identifier: Apache-2.0
# Decides whether the CUDA backend is built; sets STEEPEST_HAS_CUDA. Without it the build takes the
# backend's absent twin, which says why there is no device.
set(STEEPEST_HAS_CUDA FALSE)
if(STEEPEST_CUDA STREQUAL "OFF")
  return()
endif()

include(CheckLanguage)
check_language(CUDA)
if(NOT CMAKE_CUDA_COMPILER)
  if(STEEPEST_CUDA STREQUAL "ON")
    message(FATAL_ERROR "STEEPEST_CUDA is ON but no CUDA compiler was found: put nvcc on PATH")
  endif()
  message(STATUS "CUDA: nvcc not found, building for CPU only")
  return()
endif()

# Machine code for Hopper, and PTX of the oldest architecture the toolkit knows for all others.
if(NOT DEFINED CMAKE_CUDA_ARCHITECTURES)
  set(CMAKE_CUDA_ARCHITECTURES 90-real 75-virtual)
endif()
# CMake before 3.26, Debian 12's among them, does not know nvcc's flag for C++20.
if(NOT DEFINED CMAKE_CUDA20_STANDARD_COMPILE_OPTION)
  set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION -std=c++20)
endif()
enable_language(CUDA)
find_package(CUDAToolkit REQUIRED)
if(NOT TARGET CUDA::cublas)
  message(FATAL_ERROR "CUDA: nvcc is here but cuBLAS is not: install it, or set STEEPEST_CUDA to OFF")
endif()
set(CMAKE_CUDA_STANDARD 20)
set(CMAKE_CUDA_STANDARD_REQUIRED ON)
set(CMAKE_CUDA_EXTENSIONS OFF)
set(STEEPEST_HAS_CUDA TRUE)
message(STATUS "CUDA: ${CMAKE_CUDA_COMPILER} ${CMAKE_CUDA_COMPILER_VERSION}, "
               "architectures ${CMAKE_CUDA_ARCHITECTURES}")

target_compile_options(steepest_settings INTERFACE
  $<$<COMPILE_LANGUAGE:CUDA>:-Xcompiler=-Wall,-Wextra,-Wshadow --extended-lambda
                             --expt-relaxed-constexpr>)
if(STEEPEST_WARNINGS_AS_ERRORS)
  target_compile_options(steepest_settings INTERFACE
    $<$<COMPILE_LANGUAGE:CUDA>:-Werror=all-warnings -Xcompiler=-Werror>)
endif()
