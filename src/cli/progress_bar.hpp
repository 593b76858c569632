// SPDX-License-Identifier: Apache-2.0
// A line on stderr that moves while long work runs; silent when stderr is no terminal.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

namespace steepest::cli {

class ProgressBar {
 public:
  /// `label` stands in front; nothing is drawn when `enabled` is false or stderr is no terminal.
  ProgressBar(std::string_view label, bool enabled);
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  /// Redraws at most ten times a second. fraction in [0, 1], or below 0 when unknown.
  void show(double fraction, std::string_view note);

  /// Removes the line.
  void clear();

 private:
  using Clock = std::chrono::steady_clock;

  std::string label_;
  bool enabled_;
  bool drawn_ = false;
  Clock::time_point next_ = Clock::now();
};

/// "1.23 GB", "45 MB", "678 bytes".
[[nodiscard]] std::string format_bytes(double bytes);

/// "12 s", "3:07 min", "1:20 h"; rounded up.
[[nodiscard]] std::string format_seconds(double seconds);

/// "1,234,567".
[[nodiscard]] std::string format_count(std::int64_t count);

}  // namespace steepest::cli
