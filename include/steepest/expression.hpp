// SPDX-License-Identifier: Apache-2.0
// A formula typed by a person, read once and evaluated anywhere.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "steepest/real_function.hpp"

namespace steepest {

/// A piece of an expression and where it begins.
struct ExpressionPart {
  std::string text;
  std::int64_t position = 0;  ///< in characters, from 1
};

/// A formula in x, or in x and y: numbers, + - * / ^ (also **), parentheses, comparisons,
/// `condition ? a : b`, the constants pi and e, and the functions of muParser: sin cos tan asin
/// acos atan sinh cosh tanh exp ln log log2 log10 sqrt abs sign rint min max sum avg. log is the
/// natural logarithm. ^ binds from the right and before a sign: -x^2 is -(x^2). The characters of a
/// book are read as well: minus, times and middle dot, superscript 2 and 3, pi.
///
/// Evaluation uses memory of its own: one thread at a time.
class Expression {
 public:
  /// Throws InputError with the position and what is wrong there.
  explicit Expression(std::string text);
  ~Expression();
  Expression(Expression&&) noexcept;
  Expression& operator=(Expression&&) noexcept;

  /// As it was given.
  [[nodiscard]] const std::string& text() const { return text_; }

  /// {"x"} or {"x", "y"}: the latter when y occurs. A constant is a function of x.
  [[nodiscard]] const std::vector<std::string>& variables() const { return variables_; }
  [[nodiscard]] std::int64_t dimension() const {
    return static_cast<std::int64_t>(variables_.size());
  }

  /// True when no variable occurs: pi/2.
  [[nodiscard]] bool is_constant() const;

  /// The value at a point of dimension() coordinates; NaN or infinite where it is undefined.
  [[nodiscard]] double operator()(const Point& point) const;

  /// A function for those who know nothing of expressions. It must not outlive this one.
  [[nodiscard]] RealFunction function() const;

  /// The shortest part that is not a finite number at `point`: "log(x)" of "2 + log(x)" at -1.
  /// Nullopt where the expression is finite, or too long to search.
  [[nodiscard]] std::optional<ExpressionPart> undefined_part(const Point& point) const;

  /// A clause for a sentence: `"log(x)" at position 5 of the expression is not a finite number at
  /// x = -1`.
  [[nodiscard]] std::string describe_undefined(const Point& point) const;

  /// Throws InputError with that clause where the value is not finite.
  void require_finite(const Point& point) const;

 private:
  class State;

  std::string text_;
  std::vector<std::string> variables_;
  std::unique_ptr<State> state_;
};

/// "x = 0.5" or "x = 0.5, y = 2": a point in a sentence, in the shortest digits that give it back.
[[nodiscard]] std::string describe_point(const std::vector<std::string>& variables,
                                         const Point& point);

}  // namespace steepest
