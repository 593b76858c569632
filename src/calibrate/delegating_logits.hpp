// SPDX-License-Identifier: Apache-2.0
// Rows that are made of the rows of others: all of them, some of them, or changed ones.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "steepest/logit_rows.hpp"

namespace steepest::calibrate {

/// What is read() is the derived class's; the rest is what the rows below say.
class DelegatingLogits : public LogitRows {
 public:
  /// `below` must outlive it.
  explicit DelegatingLogits(const LogitRows& below) : below_(below) {}

  [[nodiscard]] std::int64_t rows() const override { return below_.rows(); }
  [[nodiscard]] std::int64_t classes() const override { return below_.classes(); }
  [[nodiscard]] bool holds_doubles() const override { return below_.holds_doubles(); }
  [[nodiscard]] std::string name() const override { return below_.name(); }
  [[nodiscard]] bool is_file() const override { return below_.is_file(); }
  [[nodiscard]] std::int64_t block_rows() const override { return below_.block_rows(); }
  void will_read(std::int64_t first, std::int64_t count) const override {
    below_.will_read(first, count);
  }
  [[nodiscard]] std::int64_t bytes_read() const override { return below_.bytes_read(); }
  [[nodiscard]] std::int64_t bytes_total() const override { return below_.bytes_total(); }

 protected:
  [[nodiscard]] const LogitRows& below() const { return below_; }

 private:
  const LogitRows& below_;
};

/// All rows, as float64, changed by rescale().
class RescaledLogits : public DelegatingLogits {
 public:
  using DelegatingLogits::DelegatingLogits;
  [[nodiscard]] bool holds_doubles() const override { return true; }
  LogitBlock read(std::int64_t first, std::int64_t count, LogitBuffer& buffer) const override;

 protected:
  /// Changes (count, classes) logits of rows [first, first + count) in place.
  virtual void rescale(std::int64_t first, std::int64_t count, double* logits) const = 0;
};

/// Some of the rows, by their numbers in ascending order. Runs of neighbours are read at once.
class ChosenRows final : public DelegatingLogits {
 public:
  ChosenRows(const LogitRows& below, std::vector<std::int64_t> chosen)
      : DelegatingLogits(below), chosen_(std::move(chosen)) {}

  [[nodiscard]] std::int64_t rows() const override {
    return static_cast<std::int64_t>(chosen_.size());
  }
  [[nodiscard]] std::int64_t block_rows() const override { return LogitRows::block_rows(); }
  void will_read(std::int64_t /*first*/, std::int64_t /*count*/) const override {}
  [[nodiscard]] std::int64_t bytes_total() const override { return 0; }
  LogitBlock read(std::int64_t first, std::int64_t count, LogitBuffer& buffer) const override;

 private:
  template <class T>
  void gather(std::int64_t first, std::int64_t count, std::int32_t* labels, T* to) const;

  std::vector<std::int64_t> chosen_;
};

}  // namespace steepest::calibrate
