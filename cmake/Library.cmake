# SPDX-License-Identifier: Apache-2.0
# The library: public headers in include/, host code in src/, operations and backends in kernels/.
configure_file(${PROJECT_SOURCE_DIR}/cmake/version.hpp.in
               ${PROJECT_BINARY_DIR}/include/steepest/version.hpp @ONLY)

file(GLOB steepest_sources CONFIGURE_DEPENDS
  ${PROJECT_SOURCE_DIR}/src/data/*.cpp ${PROJECT_SOURCE_DIR}/src/train/*.cpp
  ${PROJECT_SOURCE_DIR}/src/model/*.cpp ${PROJECT_SOURCE_DIR}/src/generate/*.cpp
  ${PROJECT_SOURCE_DIR}/src/calibrate/*.cpp
  ${PROJECT_SOURCE_DIR}/src/explore/*.cpp ${PROJECT_SOURCE_DIR}/src/portfolio/*.cpp
  ${PROJECT_SOURCE_DIR}/kernels/*.cpp)
list(FILTER steepest_sources EXCLUDE REGEX "_absent\\.cpp$")
if(STEEPEST_HAS_CUDA)
  file(GLOB steepest_cuda_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/kernels/*.cu)
else()
  set(steepest_cuda_sources ${PROJECT_SOURCE_DIR}/kernels/cuda_backend_absent.cpp)
endif()

# One source file a level of vector instructions; the processor is asked at run time.
set(steepest_avx2 -mavx2 -mfma -mbmi -mbmi2 -mlzcnt -mpopcnt -mpclmul)
set_source_files_properties(${PROJECT_SOURCE_DIR}/src/data/field_kernels_avx2.cpp
  PROPERTIES COMPILE_OPTIONS "${steepest_avx2}")
set_source_files_properties(${PROJECT_SOURCE_DIR}/src/data/field_kernels_avx512.cpp
  PROPERTIES COMPILE_OPTIONS
    "${steepest_avx2};-mavx512f;-mavx512bw;-mavx512vl;-mavx512dq;-mavx512cd;-mavx512vbmi2")
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # False alarms in the headers of the intrinsics: GCC bug 105593.
  set_property(SOURCE ${PROJECT_SOURCE_DIR}/src/data/field_kernels_avx512.cpp APPEND PROPERTY
    COMPILE_OPTIONS -Wno-maybe-uninitialized -Wno-uninitialized)
endif()
if(NOT CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  list(FILTER steepest_sources EXCLUDE REGEX "_avx[0-9]+\\.cpp$")
endif()

add_library(steepest ${steepest_sources} ${steepest_cuda_sources})
add_library(steepest::steepest ALIAS steepest)
target_compile_features(steepest PUBLIC cxx_std_20)
target_include_directories(steepest
  PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
         $<BUILD_INTERFACE:${PROJECT_BINARY_DIR}/include> $<INSTALL_INTERFACE:include>
  PRIVATE ${PROJECT_SOURCE_DIR})
target_link_libraries(steepest PRIVATE $<BUILD_INTERFACE:steepest_settings>
  FastFloat::fast_float nlohmann_json::nlohmann_json fmt::fmt hwy::hwy Eigen3::Eigen ZLIB::ZLIB zstd::libzstd_shared
  muparser::muparser $<BUILD_INTERFACE:Boost::headers> Threads::Threads)
if(STEEPEST_HAS_CUDA)
  set(steepest_told_kernels fused_strip.cu fused_tile.cu fused_tensor.cu fold_sums.cu
    block_steps.cu)
  target_link_libraries(steepest PRIVATE CUDA::cudart_static ${CMAKE_DL_LIBS})
  set(cublas_name libcublas.so.${CUDAToolkit_VERSION_MAJOR})
  # tests/ptxas reads what is told of these.
  list(TRANSFORM steepest_told_kernels PREPEND ${PROJECT_SOURCE_DIR}/kernels/)
  set_source_files_properties(${steepest_told_kernels} PROPERTIES COMPILE_OPTIONS "-Xptxas=-v")
  set(launcher ${PROJECT_SOURCE_DIR}/cmake/keep_ptxas_messages ${CMAKE_CUDA_COMPILER_LAUNCHER})
  set_target_properties(steepest PROPERTIES CUDA_COMPILER_LAUNCHER "${launcher}")
  # cuBLAS is loaded when it is first called.
  set_source_files_properties(${PROJECT_SOURCE_DIR}/kernels/cublas_delayed.cu PROPERTIES
    COMPILE_DEFINITIONS
      "STEEPEST_CUBLAS_NAME=\"${cublas_name}\";STEEPEST_CUBLAS_PATH=\"${CUDA_cublas_LIBRARY}\"")
endif()
