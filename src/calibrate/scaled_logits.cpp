// SPDX-License-Identifier: Apache-2.0
// Logits on their way through a scaling.
#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "src/calibrate/delegating_logits.hpp"
#include "steepest/affine_calibration.hpp"
#include "steepest/error.hpp"

namespace steepest {
namespace {

class ScaledLogits final : public calibrate::RescaledLogits {
 public:
  ScaledLogits(const LogitRows& rows, ScoreScaling scaling)
      : RescaledLogits(rows), scaling_(std::move(scaling)) {}

 protected:
  void rescale(std::int64_t first, std::int64_t count, double* logits) const override {
    if (scaling_.method == ScalingMethod::matrix) {
      refuse_masked(first, count, logits);
    }
    scaling_.apply(logits, count, classes());
  }

 private:
  // Every class of a matrix takes part in every score.
  void refuse_masked(std::int64_t first, std::int64_t count, const double* logits) const {
    const double* const end = logits + count * classes();
    const double* const masked = std::find_if(
        logits, end, [](double z) { return z == -std::numeric_limits<double>::infinity(); });
    if (masked != end) {
      const std::int64_t at = masked - logits;
      throw InputError(Location{name()},
                       fmt::format("row {} (from 0): column {} is -inf, a masked class, which a "
                                   "matrix does not take",
                                   first + at / classes(), at % classes()));
    }
  }

  ScoreScaling scaling_;
};

}  // namespace

std::unique_ptr<LogitRows> scaled_logits(const LogitRows& rows, ScoreScaling scaling) {
  return std::make_unique<ScaledLogits>(rows, std::move(scaling));
}

}  // namespace steepest
