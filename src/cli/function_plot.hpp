// SPDX-License-Identifier: Apache-2.0
// A function with a path on it, in characters: a curve for one variable, a map for two.
#pragma once

#include <string>
#include <vector>

#include "src/cli/text_canvas.hpp"
#include "steepest/real_function.hpp"

namespace steepest::cli {

/// `path` has one point at least; `also` are points that should be in the picture. Empty for
/// PlotStyle::none and where the path is too wide for numbers to tell apart.
[[nodiscard]] std::string plot_path(const RealFunction& f, const std::vector<Point>& path,
                                    const std::vector<Point>& also, PlotStyle style);

}  // namespace steepest::cli
