// SPDX-License-Identifier: Apache-2.0
// Logits on their way through a scaling.
#include <utility>

#include "src/calibrate/delegating_logits.hpp"
#include "steepest/affine_calibration.hpp"

namespace steepest {
namespace {

class ScaledLogits final : public calibrate::RescaledLogits {
 public:
  ScaledLogits(const LogitRows& rows, ScoreScaling scaling)
      : RescaledLogits(rows), scaling_(std::move(scaling)) {}

 protected:
  void rescale(std::int64_t /*first*/, std::int64_t count, double* logits) const override {
    scaling_.apply(logits, count, classes());
  }

 private:
  ScoreScaling scaling_;
};

}  // namespace

std::unique_ptr<LogitRows> scaled_logits(const LogitRows& rows, ScoreScaling scaling) {
  return std::make_unique<ScaledLogits>(rows, std::move(scaling));
}

}  // namespace steepest
