// SPDX-License-Identifier: Apache-2.0
#include "src/train/sweep_curve.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <utility>

namespace steepest::train {
namespace {

// What is compared: runs that differ in nothing but their seed.
struct Arm {
  std::vector<std::size_t> runs;
  bool runs_on = false;
  double objective = 0.0;  // the median over seeds, the upper one of an even number

  // Of seeds that have diverged there is no objective.
  void judge(const std::vector<SweepRun>& all) {
    std::vector<double> objectives;
    for (const std::size_t run : runs) {
      const bool is_running = all[run].reason == Reason::running;
      runs_on = runs_on || is_running;
      objectives.push_back(is_running ? all[run].final_objective
                                      : std::numeric_limits<double>::infinity());
    }
    const auto middle = objectives.begin() + std::ssize(objectives) / 2;
    std::nth_element(objectives.begin(), middle, objectives.end());
    objective = *middle;
  }
};

std::string arm_key(const SweepCase& what) {
  return fmt::format("{} {} {} {}", what.batch_size, to_string(what.schedule), to_string(what.rule),
                     what.schedule.learning_rate);
}

}  // namespace

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
  std::map<std::int64_t, std::vector<Arm>> arms;  // by batch size
  std::map<std::string, std::pair<std::int64_t, std::size_t>> places;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const SweepCase& what = runs[i].what;
    std::vector<Arm>& all = arms[what.batch_size];
    const auto [place, is_new] =
        places.try_emplace(arm_key(what), std::pair{what.batch_size, all.size()});
    if (is_new) {
      all.emplace_back();
    }
    all[place->second.second].runs.push_back(i);
  }
  std::vector<std::size_t> pruned;
  for (auto& [batch, all] : arms) {
    for (Arm& arm : all) {
      arm.judge(runs);
    }
    std::erase_if(all, [](const Arm& arm) { return !arm.runs_on; });
    std::stable_sort(all.begin(), all.end(),
                     [](const Arm& a, const Arm& b) { return a.objective < b.objective; });
    for (std::size_t i = (all.size() + 1) / 2; i < all.size(); ++i) {
      std::copy_if(all[i].runs.begin(), all[i].runs.end(), std::back_inserter(pruned),
                   [&runs](std::size_t run) { return runs[run].reason == Reason::running; });
    }
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
