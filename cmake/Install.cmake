# SPDX-License-Identifier: Apache-2.0
# `cmake --install`: headers, library, command, and the files find_package(steepest) reads.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

install(TARGETS steepest EXPORT steepest-targets)
install(TARGETS steepest_command)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/steepest ${PROJECT_BINARY_DIR}/include/steepest
        DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT steepest-targets NAMESPACE steepest::
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/steepest)
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/steepest-config.cmake.in
  ${PROJECT_BINARY_DIR}/steepest-config.cmake
  INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/steepest)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/steepest-config-version.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/steepest-config.cmake
              ${PROJECT_BINARY_DIR}/steepest-config-version.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/steepest)
