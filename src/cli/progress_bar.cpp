// SPDX-License-Identifier: Apache-2.0
#include "src/cli/progress_bar.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "src/report/page.hpp"

namespace steepest::cli {

ProgressBar::ProgressBar(std::string_view label, bool enabled)
    : label_(label), enabled_(enabled && isatty(STDERR_FILENO) == 1) {}

ProgressBar::~ProgressBar() { clear(); }

void ProgressBar::show(double fraction, std::string_view note) {
  if (!enabled_ || Clock::now() < next_) {
    return;
  }
  next_ = Clock::now() + std::chrono::milliseconds(100);
  constexpr int width = 28;
  const double shown = std::clamp(fraction, 0.0, 1.0);
  const int filled = static_cast<int>(shown * width);
  std::string bar(static_cast<std::size_t>(filled), '=');
  bar.resize(width, ' ');
  const std::string percent = fraction < 0.0 ? "    " : fmt::format("{:3.0f}%", 100.0 * shown);
  fmt::print(stderr, "\r\x1b[K{:<9}[{}] {}  {}", label_, bar, percent, note);
  std::fflush(stderr);
  drawn_ = true;
}

void ProgressBar::clear() {
  if (drawn_) {
    fmt::print(stderr, "\r\x1b[K");
    std::fflush(stderr);
    drawn_ = false;
  }
}

std::string format_bytes(double bytes) {
  constexpr std::string_view units[] = {"bytes", "KB", "MB", "GB", "TB"};
  std::size_t unit = 0;
  while (bytes >= 1000.0 && unit + 1 < std::size(units)) {
    bytes /= 1000.0;
    ++unit;
  }
  return unit == 0 ? fmt::format("{:.0f} {}", bytes, units[unit])
                   : fmt::format("{:.3g} {}", bytes, units[unit]);
}

std::string format_seconds(double seconds) {
  const auto whole = static_cast<std::int64_t>(std::ceil(std::clamp(seconds, 0.0, 1e9)));
  if (whole < 60) {
    return fmt::format("{} s", whole);
  }
  const std::int64_t minutes = whole / 60;
  return minutes < 60 ? fmt::format("{}:{:02} min", minutes, whole % 60)
                      : fmt::format("{}:{:02} h", minutes / 60, minutes % 60);
}

std::string format_count(std::int64_t count) { return report::count_text(count); }

}  // namespace steepest::cli
