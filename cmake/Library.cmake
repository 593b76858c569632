# SPDX-License-Identifier: Apache-2.0
# The library: public headers in include/, host code in src/, operations and backends in kernels/.
configure_file(${PROJECT_SOURCE_DIR}/cmake/version.hpp.in
               ${PROJECT_BINARY_DIR}/include/steepest/version.hpp @ONLY)

file(GLOB steepest_sources CONFIGURE_DEPENDS
  ${PROJECT_SOURCE_DIR}/src/data/*.cpp ${PROJECT_SOURCE_DIR}/src/train/*.cpp
  ${PROJECT_SOURCE_DIR}/src/model/*.cpp ${PROJECT_SOURCE_DIR}/src/generate/*.cpp
  ${PROJECT_SOURCE_DIR}/kernels/*.cpp)
list(FILTER steepest_sources EXCLUDE REGEX "_absent\\.cpp$")
if(STEEPEST_HAS_CUDA)
  file(GLOB steepest_cuda_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/kernels/*.cu)
else()
  set(steepest_cuda_sources ${PROJECT_SOURCE_DIR}/kernels/cuda_backend_absent.cpp)
endif()

add_library(steepest ${steepest_sources} ${steepest_cuda_sources})
add_library(steepest::steepest ALIAS steepest)
target_compile_features(steepest PUBLIC cxx_std_20)
target_include_directories(steepest
  PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
         $<BUILD_INTERFACE:${PROJECT_BINARY_DIR}/include> $<INSTALL_INTERFACE:include>
  PRIVATE ${PROJECT_SOURCE_DIR})
target_link_libraries(steepest PRIVATE $<BUILD_INTERFACE:steepest_settings>
  FastFloat::fast_float nlohmann_json::nlohmann_json fmt::fmt hwy::hwy Eigen3::Eigen Threads::Threads)
if(STEEPEST_HAS_CUDA)
  target_link_libraries(steepest PRIVATE CUDA::cudart_static CUDA::cublas)
endif()
