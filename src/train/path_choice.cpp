// SPDX-License-Identifier: Apache-2.0
#include "src/train/path_choice.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "steepest/termination.hpp"

namespace steepest::train {
namespace {

bool is_measured(const PathPoint& point) {
  return is_finite(point.validation_loss) && point.steps > 0;
}

}  // namespace

void choose_point(bool pick_one_standard_error, PathResult& path) {
  const std::vector<PathPoint>& points = path.points;
  for (std::size_t i = 0; i < points.size(); ++i) {
    const PathPoint& best = points[path.best];
    if (is_measured(points[i]) &&
        (!is_measured(best) || points[i].validation_loss < best.validation_loss)) {
      path.best = i;
    }
  }
  path.one_standard_error = path.best;
  const PathPoint& best = points[path.best];
  for (std::size_t i = 0; best.standard_error && i < points.size(); ++i) {
    if (is_measured(points[i]) &&
        points[i].validation_loss <= best.validation_loss + *best.standard_error &&
        points[i].l2 > points[path.one_standard_error].l2) {
      path.one_standard_error = i;
    }
  }
  path.picked = pick_one_standard_error ? path.one_standard_error : path.best;
}

void warn_of_path(const PathResult& path, std::vector<std::string>& warnings) {
  if (path.cut) {
    return;
  }
  const auto unconverged = std::count_if(path.points.begin(), path.points.end(),
                                         [](const PathPoint& point) { return !point.converged; });
  if (unconverged > 0) {
    warnings.push_back(fmt::format(
        "{} of {} penalties of the path stopped before they converged: their losses are of where "
        "they stopped; more --epochs let them go on",
        unconverged, path.points.size()));
  }
  const auto smaller = [](const PathPoint& a, const PathPoint& b) { return a.l2 < b.l2; };
  const auto [least, most] = std::minmax_element(path.points.begin(), path.points.end(), smaller);
  const double best = path.points[path.best].l2;
  if (path.points.size() > 2 && (best == least->l2 || best == most->l2)) {
    warnings.push_back(
        fmt::format("the best penalty {:.4g} is the {} of the path: a wider one may hold a better",
                    best, best == least->l2 ? "smallest" : "largest"));
  }
}

}  // namespace steepest::train
