// SPDX-License-Identifier: Apache-2.0
#include "src/train/sweep_curve.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

namespace steepest::train {

void exchange_state(kernels::StateArchive& archive, SweepRun& run) {
  archive.exchange(run.reason, Reason::validation);
  archive.exchange(run.pruned);
  archive.exchange(run.steps);
  archive.exchange(run.epochs);
  archive.exchange(run.seconds);
  archive.exchange(run.final_objective);
  archive.exchange(run.best_objective);
  archive.exchange(run.validation_loss);
  archive.exchange_all(run.curve, [](kernels::StateArchive& part, SweepPoint& point) {
    part.exchange(point.step);
    part.exchange(point.epoch);
    part.exchange(point.seconds);
    part.exchange(point.learning_rate);
    part.exchange(point.objective);
    part.exchange(point.validation_loss);
    part.exchange(point.bytes_read);
  });
}

std::vector<std::int64_t> sweep_legs(std::int64_t epochs, bool prune) {
  std::set<std::int64_t> ends = {epochs};
  for (const std::int64_t share : {8, 4, 2}) {
    if (prune && epochs / share > 0) {
      ends.insert(epochs / share);
    }
  }
  return {ends.begin(), ends.end()};
}

std::vector<std::size_t> pruned_after_leg(const std::vector<SweepRun>& runs) {
  std::map<std::int64_t, std::vector<std::size_t>> alive;  // by batch size
  for (std::size_t i = 0; i < runs.size(); ++i) {
    if (runs[i].reason == Reason::running) {
      alive[runs[i].what.batch_size].push_back(i);
    }
  }
  std::vector<std::size_t> pruned;
  for (auto& [batch, indexes] : alive) {
    std::stable_sort(indexes.begin(), indexes.end(), [&runs](std::size_t a, std::size_t b) {
      return runs[a].final_objective < runs[b].final_objective;
    });
    const auto kept = static_cast<std::ptrdiff_t>((indexes.size() + 1) / 2);
    pruned.insert(pruned.end(), indexes.begin() + kept, indexes.end());
  }
  return pruned;
}

std::vector<std::int64_t> curve_steps(std::int64_t steps, std::int64_t stride, std::int64_t most) {
  const std::int64_t last = steps / stride;
  std::set<std::int64_t> chosen = {0, last};
  if (last < most) {
    for (std::int64_t i = 1; i < last; ++i) {
      chosen.insert(i);
    }
  } else {
    const std::int64_t half = std::max<std::int64_t>(1, (most - 2) / 2);
    for (std::int64_t i = 1; i <= half; ++i) {
      const double share = static_cast<double>(i) / static_cast<double>(half + 1);
      const auto end = static_cast<double>(last);
      chosen.insert(static_cast<std::int64_t>(std::llround(share * end)));
      chosen.insert(static_cast<std::int64_t>(std::llround(std::pow(end, share))));
    }
  }
  std::vector<std::int64_t> result;
  result.reserve(chosen.size());
  for (const std::int64_t index : chosen) {
    result.push_back(index * stride);
  }
  return result;
}

}  // namespace steepest::train
