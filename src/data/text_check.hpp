// SPDX-License-Identifier: Apache-2.0
// Refuses by name what is not delimited text: empty, compressed, UTF-16, binary.
#pragma once

#include <string>
#include <string_view>

namespace steepest::data {

/// `head`: the file's first bytes. Throws InputError with what to do.
void check_text_file(std::string_view head, const std::string& name);

}  // namespace steepest::data
