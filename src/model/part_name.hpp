// SPDX-License-Identifier: Apache-2.0
// What files and folders are called while they are written, and what killed writers leave of them.
#pragma once

#include <string>

namespace steepest {

/// "<path>.<process>.part": stands beside `path` until it takes its place.
[[nodiscard]] std::string part_name(const std::string& path);

/// Removes parts of `path` whose process has ended; never throws.
void remove_abandoned_parts(const std::string& path);

/// Removes parts, of anything, in a folder; likewise.
void remove_abandoned_parts_in(const std::string& folder);

/// Marks an open file or folder as being written, for the time its descriptor is open: another host
/// that shares the disk then leaves it alone.
void mark_as_written(int descriptor);

}  // namespace steepest
