// SPDX-License-Identifier: Apache-2.0
// Logits with their labels in memory, all of them usable: what vector and matrix scaling fit.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "kernels/thread_pool.hpp"
#include "steepest/calibrate.hpp"
#include "steepest/feature_matrix.hpp"
#include "steepest/score_scaling.hpp"

namespace steepest::calibrate {

struct HeldLogits {
  FeatureMatrix logits;              ///< (n, K)
  std::vector<std::int32_t> labels;  ///< n, in [0, K)

  [[nodiscard]] std::int64_t rows() const { return logits.rows(); }
  [[nodiscard]] std::int64_t classes() const { return logits.columns(); }
};

struct HeldRows {
  HeldLogits usable;
  std::int64_t skipped = 0;
  std::string skipped_warning;  ///< a sentence that names the first of them; empty: none
};

/// All rows as float32 but, where options.bad_rows says so, those with NaN, an infinity, a logit
/// beyond 1e30 or a label outside [0, K). Throws InputError that names the first such row where
/// they may not be skipped, when none is left, and when rows, twice, do not fit options.storage.
[[nodiscard]] HeldRows hold_rows(const LogitRows& rows, const CalibrationOptions& options,
                                 ScalingMethod method, kernels::ThreadPool& pool,
                                 const ReadProgress& progress);

/// They as rows to be read; `held` must outlive it. `name` stands in messages.
class MemoryLogits final : public LogitRows {
 public:
  MemoryLogits(const HeldLogits& held, std::string name) : held_(held), name_(std::move(name)) {}
  [[nodiscard]] std::int64_t rows() const override { return held_.rows(); }
  [[nodiscard]] std::int64_t classes() const override { return held_.classes(); }
  [[nodiscard]] bool holds_doubles() const override { return false; }
  [[nodiscard]] std::string name() const override { return name_; }
  [[nodiscard]] bool is_file() const override { return false; }
  LogitBlock read(std::int64_t first, std::int64_t /*count*/,
                  LogitBuffer& /*buffer*/) const override {
    return {held_.logits.row(first), nullptr, held_.labels.data() + first};
  }

 private:
  const HeldLogits& held_;
  std::string name_;
};

}  // namespace steepest::calibrate
