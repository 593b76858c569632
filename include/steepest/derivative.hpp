// SPDX-License-Identifier: Apache-2.0
// Derivatives of a function that can only be evaluated: central differences, extrapolated, with the
// step that errs least; and what every other step would have done.
#pragma once

#include <cstdint>
#include <vector>

#include "steepest/real_function.hpp"

namespace steepest {

/// A derivative found from values, and how far it may be off.
struct Derivative {
  double value = 0.0;  ///< NaN where no difference is finite: at the edge of the domain
  double error = 0.0;  ///< estimated, >= 0: change under refinement plus rounding
};

/// df/dx_axis at a point. Central differences D(h) = (f(x+h) - f(x-h)) / 2h are taken for
/// h = s/2, s/4, ... with s = max(1, |x|); neighbours are extrapolated to (4 D(h/2) - D(h)) / 3,
/// of order h^4 (Richardson 1911), and the one is kept whose change from its neighbours plus
/// rounding is least. Exact but for rounding on polynomials up to degree 4. About 90 evaluations.
[[nodiscard]] Derivative derivative(const RealFunction& f, const Point& at, std::int64_t axis = 0);

/// d^2f/dx_axis^2, from (f(x+h) - 2 f(x) + f(x-h)) / h^2 in the same way.
[[nodiscard]] Derivative second_derivative(const RealFunction& f, const Point& at,
                                           std::int64_t axis = 0);

/// All first derivatives: d numbers, NaN where there is none.
[[nodiscard]] Point gradient(const RealFunction& f, const Point& at);

/// All second derivatives: (d, d) row-major, symmetric.
[[nodiscard]] std::vector<double> hessian(const RealFunction& f, const Point& at);

/// max_j |g_j|; NaN when one is.
[[nodiscard]] double max_norm(const Point& gradient);

/// What forward and central differences give for one h. Values are NaN where f is undefined.
struct DifferenceRow {
  double h = 0.0;
  double forward = 0.0;        ///< (f(x+h) - f(x)) / h: truncation h f''/2, rounding eps |f| / h
  double forward_error = 0.0;  ///< absolute, against the best value known
  double central = 0.0;        ///< (f(x+h) - f(x-h)) / 2h: truncation h^2 f'''/6, the same rounding
  double central_error = 0.0;
};

/// Differences for h = 1, 0.1, ... 1e-16.
struct DerivativeStudy {
  Derivative best;  ///< what the errors are against
  std::vector<DifferenceRow> rows;
};

/// The study of df/dx_axis at a point.
[[nodiscard]] DerivativeStudy study_derivative(const RealFunction& f, const Point& at,
                                               std::int64_t axis = 0);

}  // namespace steepest
