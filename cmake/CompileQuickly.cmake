# SPDX-License-Identifier: Apache-2.0
# compile_quickly(target headers...): for sources that take longer to compile than their loops will
# ever take, as those of tests and of text for people do. -O1, and these headers and others that many
# of them include are parsed once: off with CMAKE_DISABLE_PRECOMPILE_HEADERS, which compiler caches
# want and scripts/lint sets, so that no source relies on it.
function(compile_quickly target)
  target_compile_options(${target} PRIVATE $<$<NOT:$<CONFIG:Debug>>:-O1>)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
    # False alarms in std::string, which it does not hide where a header is precompiled.
    target_compile_options(${target} PRIVATE -Wno-array-bounds -Wno-stringop-overflow
      -Wno-stringop-overread)
  endif()
  target_precompile_headers(${target} PRIVATE ${ARGN} <nlohmann/json.hpp> <fmt/format.h>
    <algorithm> <cmath> <filesystem> <fstream> <functional> <map> <memory> <random> <sstream>
    <string> <vector>)
endfunction()
