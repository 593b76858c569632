// SPDX-License-Identifier: Apache-2.0
// What backends have in common whose steps are their own, and whose passes over the rows another's.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "kernels/backend.hpp"

namespace steepest::kernels {

/// The rows are those of a backend inside, which any device may be behind; its bank is there only
/// to look from.
class OuterBackend : public Backend {
 public:
  explicit OuterBackend(std::unique_ptr<Backend> inner) : inner_(std::move(inner)) {}

  [[nodiscard]] DeviceInfo device() const override { return inner_->device(); }
  [[nodiscard]] Precision precision() const override { return inner_->precision(); }
  [[nodiscard]] Storage storage() const override { return inner_->storage(); }
  [[nodiscard]] Engine engine() const override { return inner_->engine(); }
  void hold(TrainingData data) override { inner_->hold(std::move(data)); }
  void hold(StreamedData data) override { inner_->hold(std::move(data)); }
  void second_moment_product(bool intercept, const double* v, double* out) override {
    inner_->second_moment_product(intercept, v, out);
  }
  [[nodiscard]] std::vector<double> second_moment(std::int64_t sample) override {
    return inner_->second_moment(sample);
  }
  [[nodiscard]] std::vector<double> moments() override { return inner_->moments(); }
  void trained_rows(std::int64_t first, std::int64_t count, float* out) override {
    inner_->trained_rows(first, count, out);
  }
  void features(const std::int64_t* rows, std::int64_t count, double* out) override {
    inner_->features(rows, count, out);
  }
  [[nodiscard]] bool uses_normal_equations() const override { return false; }
  [[nodiscard]] LossAndGradient evaluate_at(const std::vector<double>& parameters) override {
    return inner_->evaluate_at(parameters);
  }
  [[nodiscard]] LineValue evaluate_on_line(const std::vector<double>& point,
                                           const std::vector<double>& direction,
                                           double length) override {
    return inner_->evaluate_on_line(point, direction, length);
  }

 protected:
  [[nodiscard]] Backend& inner() { return *inner_; }

 private:
  std::unique_ptr<Backend> inner_;
};

}  // namespace steepest::kernels
