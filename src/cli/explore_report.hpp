// SPDX-License-Identifier: Apache-2.0
// What explore prints: tables that align, sentences, JSON.
#pragma once

#include <string>
#include <vector>

#include "src/cli/command.hpp"
#include "src/cli/text_canvas.hpp"
#include "steepest/critical_points.hpp"
#include "steepest/derivative.hpp"
#include "steepest/explore.hpp"
#include "steepest/expression.hpp"

namespace steepest::cli {

/// What every report of explore needs.
struct ExploreView {
  const Expression& expression;
  bool maximize = false;
  int digits = 4;  ///< after the point
  PlotStyle plot = PlotStyle::none;

  /// The expression, given up with Interrupted after Ctrl-C.
  [[nodiscard]] RealFunction function() const;
};

/// A number with fixed digits, by a power of ten where that is too long; never "-0.0000".
[[nodiscard]] std::string fixed(double value, int digits);

/// "x = 0.6000" or "x = 0.6000, y = 1.0000".
[[nodiscard]] std::string place_text(const ExploreView& view, const Point& at);

/// "f(x)", "f(x, y)"; "f'(x)" or "|gradient|".
[[nodiscard]] std::string value_name(const ExploreView& view);
[[nodiscard]] std::string slope_name(const ExploreView& view);

/// A field of a table: what it is, and a value that ends below the one above it.
struct Cell {
  std::string label;
  std::string value;
};

/// Rows of cells in columns that align: the first ended by ": ", the others joined by ", ". A row
/// of one cell is a line of its own.
[[nodiscard]] std::string aligned(const std::vector<std::vector<Cell>>& rows);

/// The keys every object of explore begins with.
[[nodiscard]] Json explore_json(const ExploreView& view, const std::string& mode);
[[nodiscard]] Json to_json(const CriticalPoint& point);

/// The whole of a descent.
void print_exploration(const ExploreView& view, const Exploration& run);
[[nodiscard]] Json exploration_json(const ExploreView& view, const Exploration& run);

/// The sentence that begins with the behaviour's name.
[[nodiscard]] std::string verdict_sentence(const ExploreView& view, const Exploration& run);

void print_restarts(const ExploreView& view, const Restarts& restarts);
[[nodiscard]] Json restarts_json(const ExploreView& view, const Restarts& restarts);

void print_critical(const ExploreView& view, const std::vector<CriticalPoint>& points);
[[nodiscard]] Json critical_json(const ExploreView& view, const std::vector<CriticalPoint>& points);

void print_scan(const ExploreView& view, const ScanResult& result);
[[nodiscard]] Json scan_json(const ExploreView& view, const ScanResult& result);

/// One study a variable.
void print_studies(const ExploreView& view, const Point& at,
                   const std::vector<DerivativeStudy>& studies);
[[nodiscard]] Json studies_json(const ExploreView& view, const Point& at,
                                const std::vector<DerivativeStudy>& studies);

}  // namespace steepest::cli
