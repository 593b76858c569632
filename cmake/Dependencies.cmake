# SPDX-License-Identifier: Apache-2.0
# Everything comes from Debian packages, found by their own CMake files: see scripts/install.
find_package(Threads REQUIRED)
find_package(FastFloat REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(fmt REQUIRED)
find_package(CLI11 REQUIRED)
find_package(HWY REQUIRED)
find_package(Eigen3 REQUIRED NO_MODULE)
find_package(ZLIB REQUIRED)
find_package(zstd REQUIRED)
find_package(muparser REQUIRED)
find_package(Boost REQUIRED)  # headers only: boost::math's distributions
find_package(OpenSSL REQUIRED COMPONENTS Crypto)
