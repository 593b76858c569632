// SPDX-License-Identifier: Apache-2.0
// From the paths the user gave (files, glob patterns, "-") to the files to read, in order.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace steepest::data {

/// Expands glob(3) patterns, sorted; a file whose name really has a * in it wins over the pattern.
/// Throws InputError when a pattern matches nothing, OptionError when there is no path at all or
/// "-" is there twice.
[[nodiscard]] std::vector<std::string> input_files(const std::vector<std::string>& paths);

/// Sum of the sizes of the files; 0 when one is not a regular file.
[[nodiscard]] std::int64_t total_bytes(const std::vector<std::string>& files);

}  // namespace steepest::data
