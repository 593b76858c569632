// SPDX-License-Identifier: Apache-2.0
// What signals do to the command: interrupted() says that one has asked it to end.
#pragma once

#include <string>
#include <string_view>

namespace steepest::cli {

/// The first SIGINT or SIGTERM asks the run to end in order, a second one ends it at once. Writing
/// to a pipe that is gone, or beyond the largest file allowed, becomes an error of the write. A
/// page of a mapped file that is lost ends the process with a sentence, with `lost_page_output` on
/// standard output, and with the code for bad input.
void catch_signals(std::string lost_page_output);

/// What is said of a lost page.
inline constexpr std::string_view lost_page_sentence =
    "a file was cut short, or its disk failed, while it was read";

}  // namespace steepest::cli
