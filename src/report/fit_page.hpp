// SPDX-License-Identifier: Apache-2.0
// The page of a fit: how it went, why it ended, what was found, and where it misses.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "src/report/page.hpp"
#include "steepest/fit.hpp"

namespace steepest::report {

/// Metrics on other rows than those of training.
struct HeldOut {
  std::optional<LinearMetrics> linear;
  std::optional<SoftmaxMetrics> softmax;
  std::optional<Diagnostics> diagnostics;
};

/// What a fit's result does not tell.
struct FitSetting {
  std::string data;    ///< files, as given
  std::string target;  ///< columns
  std::int64_t rows = 0;
  double read_seconds = 0.0;
  std::optional<HeldOut> validation;
};

[[nodiscard]] std::string fit_page(const FitResult& result, const FitSetting& setting,
                                   const RunFacts& facts);

}  // namespace steepest::report
