// SPDX-License-Identifier: Apache-2.0
// What files and folders are called while they are written, and what killed writers leave of them.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace steepest {

/// "<path>.<process>.part": stands beside `path` until it takes its place.
[[nodiscard]] std::string part_name(const std::string& path);

/// Removes parts of `path` whose process has ended; never throws.
void remove_abandoned_parts(const std::string& path);

/// Likewise, of the files in a folder whose whole name `is_ours`.
void remove_abandoned_parts_in(const std::string& folder,
                               const std::function<bool(const std::string& name)>& is_ours);

/// Gives a part of `path` that is_it(descriptor of the open part) takes, and whose process has
/// ended, this process's part_name(); false where there is none.
[[nodiscard]] bool adopt_abandoned_part(const std::string& path,
                                        const std::function<bool(int descriptor)>& is_it);

/// Marks an open file or folder as being written, for the time its descriptor is open: another host
/// that shares the disk then leaves it alone.
void mark_as_written(int descriptor);

}  // namespace steepest
