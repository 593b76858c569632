// SPDX-License-Identifier: Apache-2.0
#include "src/train/path_state.hpp"

#include <cstdint>
#include <limits>
#include <optional>

namespace steepest::train {
namespace {

using kernels::StateArchive;

constexpr std::int64_t most_counted = std::numeric_limits<std::int64_t>::max() / 2;

void exchange_optional(StateArchive& archive, std::optional<double>& value) {
  bool is_there = value.has_value();
  double number = value.value_or(0.0);
  archive.exchange(is_there);
  archive.exchange(number);
  value = is_there ? std::optional(number) : std::nullopt;
}

void exchange_point(StateArchive& archive, PathPoint& point) {
  archive.exchange(point.l2);
  archive.exchange(point.validation_loss);
  exchange_optional(archive, point.standard_error);
  archive.exchange_all(point.fold_losses,
                       [](StateArchive& part, double& loss) { part.exchange(loss); });
  archive.exchange(point.train_loss);
  exchange_optional(archive, point.degrees_of_freedom);
  archive.exchange(point.converged);
  archive.exchange_in(point.steps, 0, most_counted);
}

}  // namespace

void exchange_state(StateArchive& archive, PathResult& path) {
  auto count = static_cast<std::int64_t>(path.points.size());
  archive.exchange_in(count, count, count);
  for (PathPoint& point : path.points) {
    exchange_point(archive, point);
  }
  for (std::size_t* const index : {&path.best, &path.one_standard_error, &path.picked}) {
    auto number = static_cast<std::int64_t>(*index);
    archive.exchange_in(number, 0, count - 1);
    *index = static_cast<std::size_t>(number);
  }
  archive.exchange_in(path.folds, path.folds, path.folds);
  archive.exchange_in(path.models, 0, most_counted);
  archive.exchange_in(path.banks, 0, most_counted);
  archive.exchange_in(path.passes, 0, most_counted);
  archive.exchange(path.seconds);
}

}  // namespace steepest::train
