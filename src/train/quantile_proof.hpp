// SPDX-License-Identifier: Apache-2.0
// What the dual variables of a quantile program prove of the rows as they came.
#pragma once

#include <Eigen/Core>
#include <cstdint>
#include <optional>
#include <vector>

#include "src/train/certificate.hpp"
#include "src/train/pinball_program.hpp"
#include "src/train/program_rows.hpp"

namespace steepest::train {

/// An output's program and its solution. Dual variables a_i = w_i u_i are sums over rows, not
/// means.
struct QuantileDual {
  const PinballProgram& program;
  const PinballSolution& solution;
  const CertifiedPoint& point;  ///< of this column alone, at the solution; no loss, no gradient
  std::int64_t rows = 0;        ///< n
};

/// What rounding hides of it. Where coefficients are not penalised, or there is an intercept, the
/// products of a with these columns must be 0 on the rows as they came: a_i moves by s_i o_i x_i c
/// (see dual_correction.hpp), o_i the square of the room to both sides of u_i, or a
/// little (the best of four), and is shrunk by k = m / (m
/// + max(o_i |x_i c| - room)), m = min(level, 1 - level), which is 1 where no row leaves its box.
struct QuantileRounding {
  Eigen::VectorXd row_errors;    ///< M: of the program's rows' scores
  double score_error = 0.0;      ///< root of the mean over all rows of its square
  bool is_feasible = false;      ///< false: columns are collinear to rounding, nothing is proved
  double share = 1.0;            ///< k
  double correction = 0.0;       ///< mean cost of moving a: at most mean s o |e| |x c|
  std::vector<double> gradient;  ///< d: the most of |l2 b - v|, of coefficients with a penalty
};

[[nodiscard]] QuantileRounding quantile_rounding(const QuantileDual& dual);

/// What one output's program left behind: duals of the rows chosen, the others' by their error.
/// Of the rows chosen, M, none is without weight.
struct QuantileRound : ProgramRows {
  Eigen::VectorXd duals;       ///< M: of those chosen
  Eigen::VectorXd residual;    ///< p: of their sum with the others', see PinballSolution
  Eigen::VectorXd parameters;  ///< p: where the program ended
  QuantileRounding hidden;
  std::vector<double> errors;  ///< n: of all rows, before
};

/// u of a row left out of the program.
[[nodiscard]] double outer_dual(double error, double width, double level);

/// What a round proves of an output's share of the objective.
struct QuantileProof {
  double as_held = 0.0;    ///< the gap of the rows as they are held, but for their rounding
  double as_came = 0.0;    ///< what it is at most of the rows as they came
  bool is_proved = true;   ///< whether as_came is known
  bool signs_held = true;  ///< as they were taken for rows left out

  /// Another output's.
  void add(const QuantileProof& other);
};

/// `errors` (n) are those at round.parameters, `weights` (n) have mean 1.
[[nodiscard]] QuantileProof prove_quantile(const QuantileRound& round,
                                           const std::vector<double>& errors,
                                           const std::vector<double>& weights, double level,
                                           double l2);

}  // namespace steepest::train
