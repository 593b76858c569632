// SPDX-License-Identifier: Apache-2.0
// A sweep while it runs: a table that updates on a terminal, a line every few seconds elsewhere.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "steepest/sweep.hpp"

namespace steepest::cli {

class SweepView {
 public:
  /// Silent unless `enabled`.
  explicit SweepView(bool enabled);
  ~SweepView();
  SweepView(const SweepView&) = delete;
  SweepView& operator=(const SweepView&) = delete;

  /// Shows where the sweep is, at most a few times a second. False once Ctrl-C has come.
  bool show(const SweepProgress& now);

 private:
  using Clock = std::chrono::steady_clock;

  void draw(const std::vector<std::string>& lines);
  void clear();

  bool enabled_;
  bool terminal_;
  std::size_t drawn_ = 0;  // lines on the terminal
  Clock::time_point start_ = Clock::now();
  Clock::time_point next_ = Clock::now();
};

/// The table: counts and time left, then the best runs so far.
[[nodiscard]] std::vector<std::string> sweep_table(const SweepProgress& now, double seconds);

/// The same in a line.
[[nodiscard]] std::string sweep_line(const SweepProgress& now, double seconds);

}  // namespace steepest::cli
