// SPDX-License-Identifier: Apache-2.0
// Which penalty of a path is best, and what is to be said of it.
#pragma once

#include <string>
#include <vector>

#include "steepest/path.hpp"

namespace steepest::train {

/// Sets `best`, `one_standard_error` and `picked` of a path whose points are measured: the least
/// loss on rows not trained on, the first of equals, and the largest penalty within one standard
/// error of it. Points that were never measured are not chosen.
void choose_point(bool pick_one_standard_error, PathResult& path);

/// Adds a sentence for penalties that did not converge, and for a best one at the path's end.
void warn_of_path(const PathResult& path, std::vector<std::string>& warnings);

}  // namespace steepest::train
