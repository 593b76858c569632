// SPDX-License-Identifier: Apache-2.0
#include "src/cli/sweep_view.hpp"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "src/cli/command.hpp"
#include "src/cli/progress_bar.hpp"

namespace steepest::cli {
namespace {

constexpr auto between_drawings = std::chrono::milliseconds(200);
constexpr auto between_lines = std::chrono::seconds(5);

std::string time_left(const SweepProgress& now, double seconds) {
  return now.fraction > 0.0 ? format_seconds(seconds * (1.0 / now.fraction - 1.0)) + " left" : "";
}

bool before_the_runs(const SweepProgress& now) { return now.best.empty() && now.fraction <= 0.0; }

std::size_t terminal_width() {
  constexpr std::size_t usual = 80;
  winsize size{};
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : usual;
}

}  // namespace

std::vector<std::string> sweep_table(const SweepProgress& now, double seconds) {
  constexpr int width = 28;
  if (before_the_runs(now)) {
    return {"sweep    finding the optimum"};
  }
  const auto filled = static_cast<std::size_t>(std::clamp(now.fraction, 0.0, 1.0) * width);
  std::vector<std::string> lines{
      fmt::format("sweep    [{:<{}}] {:3.0f}%  {}", std::string(filled, '='), width,
                  100.0 * now.fraction, time_left(now, seconds)),
      fmt::format("{:>9}{:>9}{:>9}{:>10}{:>10}", "runs", "done", "running", "diverged", "waiting"),
      fmt::format("{:>9}{:>9}{:>9}{:>10}{:>10}", now.runs, now.done, now.running, now.diverged,
                  now.runs - now.done - now.running - now.diverged - now.pruned),
      fmt::format("{:>11}  {}", "regret", "lowest so far")};
  if (now.pruned > 0) {
    lines[2] += fmt::format("   ({} pruned)", now.pruned);
  }
  for (const SweepStanding& standing : now.leaders) {
    lines.push_back(fmt::format("{:>11.4e}  {}", std::max(0.0, standing.objective - now.optimum),
                                standing.what));
  }
  return lines;
}

std::string sweep_line(const SweepProgress& now, double seconds) {
  if (before_the_runs(now)) {
    return "finding the optimum";
  }
  std::string text = fmt::format("{}/{} done  {} running  {} diverged", now.done + now.diverged,
                                 now.runs, now.running, now.diverged);
  if (now.pruned > 0) {
    text += fmt::format("  {} pruned", now.pruned);
  }
  if (now.fraction > 0.0) {
    text += "  " + time_left(now, seconds);
  }
  if (!now.best.empty()) {
    text +=
        fmt::format("  best {:.3e}: {}", std::max(0.0, now.best_objective - now.optimum), now.best);
  }
  return text;
}

SweepView::SweepView(bool enabled) : enabled_(enabled), terminal_(isatty(STDERR_FILENO) == 1) {
  if (!terminal_) {
    next_ += between_lines;
  }
}

SweepView::~SweepView() { clear(); }

bool SweepView::show(const SweepProgress& now) {
  if (enabled_ && Clock::now() >= next_) {
    const double seconds = std::chrono::duration<double>(Clock::now() - start_).count();
    if (terminal_) {
      draw(sweep_table(now, seconds));
      next_ = Clock::now() + between_drawings;
    } else {
      fmt::print(stderr, "sweep {:3.0f}%  {}\n", 100.0 * now.fraction, sweep_line(now, seconds));
      next_ = Clock::now() + between_lines;
    }
  }
  return !interrupted();
}

void SweepView::draw(const std::vector<std::string>& lines) {
  clear();
  const std::size_t width = terminal_width();
  for (const std::string& line : lines) {  // a line that wraps could not be taken back
    fmt::print(stderr, "{}\n", line.substr(0, width - 1));
  }
  std::fflush(stderr);
  drawn_ = lines.size();
}

void SweepView::clear() {
  if (drawn_ > 0) {
    fmt::print(stderr, "\x1b[{}A\r\x1b[J", drawn_);
    std::fflush(stderr);
    drawn_ = 0;
  }
}

}  // namespace steepest::cli
