# SPDX-License-Identifier: Apache-2.0
# Language level, warnings and sanitizers, as the interface target steepest_settings.
if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Build type" FORCE)
endif()
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

add_library(steepest_settings INTERFACE)
set(steepest_warnings -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Wold-style-cast
                      -Wcast-qual -Woverloaded-virtual -Wconversion -Wno-sign-conversion)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  list(APPEND steepest_warnings -Wno-restrict)  # false alarms in std::string: GCC bug 105651
endif()
# -ffp-contract is pinned, so that the same source gives the same bits with GCC and Clang.
target_compile_options(steepest_settings INTERFACE
  $<$<COMPILE_LANGUAGE:CXX>:${steepest_warnings} -ffp-contract=off>)
if(STEEPEST_WARNINGS_AS_ERRORS)
  target_compile_options(steepest_settings INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Werror>)
endif()
if(STEEPEST_SANITIZE)
  target_compile_options(steepest_settings INTERFACE
    $<$<COMPILE_LANGUAGE:CXX>:-fsanitize=${STEEPEST_SANITIZE} -fno-omit-frame-pointer
                              -fno-sanitize-recover=undefined>)
  target_link_options(steepest_settings INTERFACE -fsanitize=${STEEPEST_SANITIZE})
endif()
