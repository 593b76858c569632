// SPDX-License-Identifier: Apache-2.0
// A small picture of characters: dots (braille where the terminal has it), marks, axes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "steepest/critical_points.hpp"

namespace steepest::cli {

enum class PlotStyle { none, plain, unicode };

/// Parses auto, unicode, plain, none; auto is unicode where the locale's character set is UTF-8.
/// Throws OptionError that lists them.
[[nodiscard]] PlotStyle parse_plot_style(std::string_view text);

/// Marks of a path; the first, those between, the last.
struct PathMarks {
  std::string_view start;
  std::string_view step;
  std::string_view end;
};
[[nodiscard]] PathMarks path_marks(PlotStyle style);

/// Coordinates are those of the picture's ranges; what is outside is left out.
class TextCanvas {
 public:
  static constexpr int columns = 64;
  static constexpr int rows = 16;

  TextCanvas(Interval x, Interval y, PlotStyle style);

  /// Dots a character has in each direction.
  [[nodiscard]] int dots_across() const { return unicode_ ? 2 : 1; }
  [[nodiscard]] int dots_down() const { return unicode_ ? 4 : 1; }

  /// A line of dots between two points; y may leave the range.
  void line(double x1, double y1, double x2, double y2);

  /// One character over everything else there; `text` is one column wide.
  void mark(double x, double y, std::string_view text);

  /// A character of the background.
  void shade(int column, int row, char c);

  /// The middle of a character.
  [[nodiscard]] double x_of(double column) const;
  [[nodiscard]] double y_of(double row) const;

  /// Lines with the range of y at the left and that of x below, each ended by a newline.
  [[nodiscard]] std::string render() const;

 private:
  void dot(std::int64_t across, std::int64_t down);

  Interval x_;
  Interval y_;
  bool unicode_;
  std::vector<unsigned> dots_;      // (rows, columns), bits of a braille character
  std::vector<std::string> marks_;  // (rows, columns), empty where there is none
  std::vector<char> shades_;        // (rows, columns)
};

}  // namespace steepest::cli
