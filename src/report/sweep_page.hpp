// SPDX-License-Identifier: Apache-2.0
// The page of a sweep: which schedule is best here, by how much, and how sure that is.
#pragma once

#include <cstdint>
#include <string>

#include "src/report/page.hpp"
#include "steepest/sweep.hpp"

namespace steepest::report {

/// What a sweep's result does not tell.
struct SweepSetting {
  std::string data;    ///< files, as given
  std::string target;  ///< columns
  std::int64_t rows = 0;
  std::int64_t features = 0;
  std::int64_t epochs = 0;
  std::string again;  ///< the command that fits the best run alone; empty where there is none
  double label_smoothing = 0.0;
  std::string class_weight;  ///< as given; empty: none
  std::string validation;    ///< where validation rows are from, as given; empty: none
};

[[nodiscard]] std::string sweep_page(const SweepResult& result, const SweepSetting& setting,
                                     const RunFacts& facts);

/// What the sweep says, in one to three sentences. Intervals are of medians over seeds.
[[nodiscard]] std::string sweep_conclusion(const SweepResult& result);

}  // namespace steepest::report
