// SPDX-License-Identifier: Apache-2.0
// The second move: the search space of a fit's coefficients.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace steepest {

enum class ConstraintKind { none, nonnegative, box, simplex };

/// A constraint on every coefficient, in the units of the input as it is reported, whatever scale
/// it is trained in. Intercepts are free.
///
/// | kind        | coefficients b of an output    |
/// | ----------- | ------------------------------ |
/// | none        | any                            |
/// | nonnegative | b_j >= 0                       |
/// | box         | low <= b_j <= high             |
/// | simplex     | b_j >= 0, sum_j b_j = 1        |
struct Constraint {
  ConstraintKind kind = ConstraintKind::none;
  double low = 0.0;   ///< of box; may be -infinity
  double high = 0.0;  ///< of box, >= low; may be infinity
};

/// Parses `none`, `nonnegative`, `box:A:B`, `simplex`; A may be -inf and B inf. Throws OptionError
/// that lists them, or says that a box is empty.
[[nodiscard]] Constraint parse_constraint(std::string_view text);

/// The text that parse_constraint turns back into the same constraint.
[[nodiscard]] std::string to_string(const Constraint& constraint);

/// What parse_constraint knows: for help texts.
[[nodiscard]] std::vector<std::string_view> constraint_names();

}  // namespace steepest
