// SPDX-License-Identifier: Apache-2.0
// Logits on their way through a scaling.
#include <algorithm>
#include <utility>

#include "src/calibrate/logit_values.hpp"
#include "steepest/affine_calibration.hpp"

namespace steepest {
namespace {

class ScaledLogits final : public LogitRows {
 public:
  ScaledLogits(const LogitRows& rows, ScoreScaling scaling)
      : rows_(rows), scaling_(std::move(scaling)) {}

  [[nodiscard]] std::int64_t rows() const override { return rows_.rows(); }
  [[nodiscard]] std::int64_t classes() const override { return rows_.classes(); }
  [[nodiscard]] bool holds_doubles() const override { return true; }
  [[nodiscard]] std::string name() const override { return rows_.name(); }
  [[nodiscard]] bool is_file() const override { return rows_.is_file(); }
  [[nodiscard]] std::int64_t block_rows() const override { return rows_.block_rows(); }
  [[nodiscard]] std::int64_t bytes_read() const override { return rows_.bytes_read(); }
  [[nodiscard]] std::int64_t bytes_total() const override { return rows_.bytes_total(); }

  LogitBlock read(std::int64_t first, std::int64_t count, LogitBuffer& buffer) const override {
    const LogitBlock block = rows_.read(first, count, buffer);
    if (block.doubles != nullptr) {  // they may lie where the scaled ones will
      const std::vector<double> values(block.doubles, block.doubles + count * classes());
      return scaled(values.data(), count, block.labels, buffer);
    }
    return scaled(block.floats, count, block.labels, buffer);
  }

 private:
  template <class T>
  LogitBlock scaled(const T* from, std::int64_t count, const std::int32_t* labels,
                    LogitBuffer& buffer) const {
    const std::int64_t values = count * classes();
    double* const to = calibrate::line_aligned(buffer.doubles, values);
    std::copy_n(from, values, to);
    scaling_.apply(to, count, classes());
    return {nullptr, to, labels};
  }

  const LogitRows& rows_;
  ScoreScaling scaling_;
};

}  // namespace

std::unique_ptr<LogitRows> scaled_logits(const LogitRows& rows, ScoreScaling scaling) {
  return std::make_unique<ScaledLogits>(rows, std::move(scaling));
}

}  // namespace steepest
