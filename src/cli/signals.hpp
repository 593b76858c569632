// SPDX-License-Identifier: Apache-2.0
// What signals do to the command: interrupted() says that one has asked it to end.
#pragma once

namespace steepest::cli {

/// The first SIGINT or SIGTERM asks the run to end in order, a second one ends it at once. Writing
/// to a pipe that is gone, or beyond the largest file allowed, becomes an error of the write.
void catch_signals();

}  // namespace steepest::cli
