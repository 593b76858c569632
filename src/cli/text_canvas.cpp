// SPDX-License-Identifier: Apache-2.0
#include "src/cli/text_canvas.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "src/train/option_text.hpp"
#include "steepest/error.hpp"

namespace steepest::cli {
namespace {

constexpr std::size_t cells = static_cast<std::size_t>(TextCanvas::columns) * TextCanvas::rows;

bool locale_is_utf8() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const char* value = std::getenv(name);
    if (value != nullptr && *value != '\0') {
      std::string text(value);
      std::transform(text.begin(), text.end(), text.begin(),
                     [](unsigned char c) { return std::tolower(c); });
      return text.find("utf-8") != std::string::npos || text.find("utf8") != std::string::npos;
    }
  }
  return false;
}

// Unicode 2800 to 28ff: a bit a dot.
std::string braille(unsigned bits) {
  const unsigned code = 0x2800 + bits;
  return {static_cast<char>(0xe0 | (code >> 12)), static_cast<char>(0x80 | ((code >> 6) & 0x3f)),
          static_cast<char>(0x80 | (code & 0x3f))};
}

unsigned braille_bit(std::int64_t across, std::int64_t down) {
  constexpr unsigned bits[4][2] = {{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}};
  return bits[down][across];
}

std::size_t cell_at(int column, int row) {
  return static_cast<std::size_t>(row) * TextCanvas::columns + static_cast<std::size_t>(column);
}

}  // namespace

PlotStyle parse_plot_style(std::string_view text) {
  if (text == "auto") {
    return locale_is_utf8() ? PlotStyle::unicode : PlotStyle::plain;
  }
  if (text == "unicode") {
    return PlotStyle::unicode;
  }
  if (text == "plain") {
    return PlotStyle::plain;
  }
  if (text == "none") {
    return PlotStyle::none;
  }
  throw OptionError(fmt::format("--plot \"{}\" is not known: use {}", text,
                                join_choices({"auto", "unicode", "plain", "none"})));
}

PathMarks path_marks(PlotStyle style) {
  return style == PlotStyle::unicode ? PathMarks{"\u25cb", "\u25cf", "\u25c6"}
                                     : PathMarks{"S", "o", "E"};
}

TextCanvas::TextCanvas(Interval x, Interval y, PlotStyle style)
    : x_(x),
      y_(y),
      unicode_(style == PlotStyle::unicode),
      dots_(cells, 0),
      marks_(cells),
      shades_(cells, ' ') {}

void TextCanvas::dot(std::int64_t across, std::int64_t down) {
  const std::int64_t width = std::int64_t{columns} * dots_across();
  const std::int64_t height = std::int64_t{rows} * dots_down();
  if (across < 0 || down < 0 || across >= width || down >= height) {
    return;
  }
  const std::size_t cell =
      cell_at(static_cast<int>(across / dots_across()), static_cast<int>(down / dots_down()));
  dots_[cell] |= unicode_ ? braille_bit(across % dots_across(), down % dots_down()) : 1U;
}

void TextCanvas::line(double x1, double y1, double x2, double y2) {
  const double width = static_cast<double>(columns) * dots_across();
  const double height = static_cast<double>(rows) * dots_down();
  const auto across = [&](double x) { return (x - x_.low) / (x_.high - x_.low) * (width - 1.0); };
  // Far outside the picture a line is cut, so that its dots stay countable.
  const auto down = [&](double y) {
    const double place = (y_.high - y) / (y_.high - y_.low) * (height - 1.0);
    return std::clamp(place, -height, 2.0 * height);
  };
  const double from = across(x1);
  const double to = across(x2);
  const double start = down(y1);
  const double end = down(y2);
  const double steps = std::ceil(std::max({1.0, std::fabs(to - from), std::fabs(end - start)}));
  for (double i = 0.0; i <= steps; i += 1.0) {
    const double share = i / steps;
    dot(std::llround(from + share * (to - from)), std::llround(start + share * (end - start)));
  }
}

void TextCanvas::mark(double x, double y, std::string_view text) {
  const double column = (x - x_.low) / (x_.high - x_.low) * columns;
  const double row = (y_.high - y) / (y_.high - y_.low) * rows;
  if (column >= 0.0 && column <= columns && row >= 0.0 && row <= rows) {
    const int c = std::min(static_cast<int>(column), columns - 1);
    const int r = std::min(static_cast<int>(row), rows - 1);
    marks_[cell_at(c, r)] = text;
  }
}

void TextCanvas::shade(int column, int row, char c) { shades_[cell_at(column, row)] = c; }

double TextCanvas::x_of(double column) const {
  return x_.low + (column + 0.5) / columns * (x_.high - x_.low);
}

double TextCanvas::y_of(double row) const {
  return y_.high - (row + 0.5) / rows * (y_.high - y_.low);
}

std::string TextCanvas::render() const {
  const std::string top = fmt::format("{:.4g}", y_.high);
  const std::string bottom = fmt::format("{:.4g}", y_.low);
  const std::size_t margin = std::max(top.size(), bottom.size());
  std::string text;
  for (int row = 0; row < rows; ++row) {
    const std::string label = row == 0 ? top : row == rows - 1 ? bottom : "";
    std::string line = fmt::format("{:>{}} |", label, margin);
    for (int column = 0; column < columns; ++column) {
      const std::size_t cell = cell_at(column, row);
      if (!marks_[cell].empty()) {
        line += marks_[cell];
      } else if (dots_[cell] != 0) {
        line += unicode_ ? braille(dots_[cell]) : ".";
      } else {
        line += shades_[cell];
      }
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + '\n';
  }
  const std::string left = fmt::format("{:.4g}", x_.low);
  const std::string right = fmt::format("{:.4g}", x_.high);
  text += fmt::format("{:{}} +{:-<{}}\n", "", margin, "", columns);
  text += fmt::format("{:{}}  {}{:>{}}\n", "", margin, left, right,
                      static_cast<std::size_t>(columns) - left.size());
  return text;
}

}  // namespace steepest::cli
