// SPDX-License-Identifier: Apache-2.0
// How sure coefficients are: standard errors, tests and intervals of a fit without a penalty.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace steepest {

/// A number for every coefficient of some outputs.
struct CoefficientValues {
  std::vector<double> coefficients;  ///< (outputs, d) row-major
  std::vector<double> intercept;     ///< outputs; empty for a model without one
};

/// Wald inference from the Hessian H of the summed loss at the coefficients found, over all rows.
///
/// Linear: covariance s^2 H^-1 with s^2 = sum w r^2 / (sum w - p) of each target, p the rank of H,
/// the number of coefficients and intercept where no column depends on others; Student's t with sum
/// w - p degrees of freedom. Softmax and logistic: covariance H^-1, the inverse of Fisher's
/// information, of every class against the first; standard normal. As in Greene 2018, Econometric
/// Analysis, chapters 4 and 17. A weight of k counts as k rows.
///
/// All values are in the units of the input. NaN where a coefficient is not determined, because its
/// column depends on others.
struct Inference {
  enum class Kind { t, z };
  Kind kind = Kind::t;
  double degrees_of_freedom = 0.0;   ///< of t; 0 for z
  std::vector<std::string> outputs;  ///< targets; for classifiers every class but the first
  std::string reference;             ///< the first class, which the others are against; or empty
  CoefficientValues estimates;       ///< the model's; of classes, less those of the first class
  CoefficientValues standard_errors;
  CoefficientValues statistics;  ///< estimate / standard error
  CoefficientValues p_values;    ///< two-sided, of the estimate being 0
  CoefficientValues lower;       ///< of the interval that holds the true value in 95 of 100 samples
  CoefficientValues upper;
  std::vector<double> residual_variance;  ///< s^2 of every target; empty for classifiers

  /// Of the second moments of the features (with the intercept, centred where there is one), scaled
  /// to a unit diagonal: the square root of the largest eigenvalue over the smallest; infinite
  /// where columns depend on others. Above 30 harms (Belsley, Kuh and Welsch 1980, Regression
  /// Diagnostics, chapter 3).
  double condition_number = 0.0;
  std::vector<std::string> collinear;  ///< features that make it large; empty below 30

  /// Classes that the features tell from the first all but without error, so that likelihood has no
  /// maximum: a standard error is above 20 for a deviation of its feature.
  std::vector<std::string> separated;

  /// How far a Newton step would move a coefficient, at most, in standard errors: 0 at the optimum.
  double distance = 0.0;
};

}  // namespace steepest
