// SPDX-License-Identifier: Apache-2.0
// What a schedule is: its kind, its settings, and what it may remember of a run. Plain data.
#pragma once

#include <cstdint>

#include "steepest/host_device.hpp"

namespace steepest {

enum class ScheduleKind : std::int32_t {
  constant,
  step,
  multistep,
  exponential,
  inverse_time,
  polynomial,
  cosine,
  linear,
  inverse_sqrt,
  inverse_scaling,
  optimal,
  vowpal_wabbit,
  noam,
  cosine_restarts,
  triangular,
  triangular2,
  exp_range,
  one_cycle,
  wsd,
  trapezoid,
  piecewise,
  tanh,
  range_test,
  silver,
  large_constant,
  plateau,
  adaptive,
  adagrad_norm,
  risk_adaptive,
  barzilai_borwein,
  polyak,
  sps,
  adgd,
  hypergradient,
  dog,
  d_adaptation,
  prodigy,
  armijo,
  sgd_bb,
};

/// Which of the two quotients of Barzilai and Borwein.
enum class BorweinStep : std::int32_t { long_step, short_step, alternating };

/// One schedule and its settings; plain data, so that the update kernel can hold it. A member is
/// used by the kinds whose formula names it.
struct ScheduleTerms {
  static constexpr std::int32_t max_milestones = 16;
  static constexpr std::int64_t max_memory = 16;

  ScheduleKind kind = ScheduleKind::constant;
  std::int64_t warmup = 0;                       ///< steps, >= 0
  double gamma = 0.1;                            ///< factor in (0, 1]
  std::int64_t every = 1;                        ///< steps between drops, >= 1; 0: of an epoch
  double decay = 0.0;                            ///< >= 0, per step
  double power = 1.0;                            ///< > 0
  double minimum = 0.0;                          ///< lowest rate, >= 0
  std::int64_t milestones[max_milestones] = {};  ///< steps after the warm-up, increasing
  std::int32_t milestone_count = 0;
  double factors[max_milestones] = {};  ///< of eta at the milestones, >= 0
  std::int32_t factor_count = 0;
  double timescale = 1.0;         ///< steps, > 0
  double alpha = 0.0;             ///< strong convexity, usually l2, > 0
  std::int64_t period = 1;        ///< steps of the first cycle, >= 1
  std::int64_t multiplier = 1;    ///< of the period after each cycle, >= 1
  double div_factor = 25.0;       ///< eta over the first rate, >= 1
  double final_div_factor = 1e4;  ///< first rate over the last, >= 1
  double pct_start = 0.3;         ///< share of the steps spent rising, in (0, 1)
  bool linear_anneal = false;     ///< one_cycle along lines instead of cosines
  double cooldown = 0.2;          ///< share of the steps spent falling at the end, in (0, 1]
  double lower = -7.0;            ///< of the range of tanh
  double upper = 3.0;
  std::int64_t peak = 1;       ///< step of the largest rate, >= 1
  double scale = 1.0;          ///< > 0
  std::int64_t patience = 10;  ///< evaluations in a row, >= 1
  double threshold = 1e-4;     ///< least improvement, >= 0
  double target = 0.0;         ///< f*, in the units of the objective that is stepped on
  double c = 0.5;              ///< of sps and armijo, > 0; of armijo < 1
  double beta = 1e-3;          ///< rate of the rate, > 0
  double growth = 2.0;         ///< of a rate that was accepted, for each pass over the rows, >= 1
  double start = 1e-6;         ///< first estimate of a distance, > 0
  std::int64_t memory = 10;    ///< objectives looked back at, in [1, max_memory]
  BorweinStep quotient = BorweinStep::long_step;
  bool multiplicative = false;  ///< hypergradient: by a factor instead of by a difference
  bool by_first_norm = false;   ///< d_adaptation: |g_0| alone in the denominator
  double share = 0.1;           ///< of a pass, over which sgd_bb averages gradients, > 0
  bool as_measured = false;     ///< sgd_bb: rates as they are measured, not smoothed
};

/// A schedule. t counts steps from 0 at the end of the warm-up; T = horizon - warmup is the number
/// left; u = min(t / T, 1); eta is the base rate, m = minimum.
///
/// | kind            | rate(t)                                          | source                      |
/// | --------------- | ------------------------------------------------ | --------------------------- |
/// | constant        | eta                                              |                             |
/// | step            | eta gamma^floor(t / every)                       | PyTorch StepLR              |
/// | multistep       | eta gamma^#{milestones <= t}                     | PyTorch MultiStepLR         |
/// | exponential     | eta gamma^t                                      | PyTorch ExponentialLR       |
/// | inverse_time    | eta / (1 + decay t)                              | Robbins and Monro 1951      |
/// | polynomial      | m + (eta - m) (1 - u)^power                      | PyTorch PolynomialLR        |
/// | cosine          | m + (eta - m) (1 + cos(pi u)) / 2                | arXiv 1608.03983, eq. 5     |
/// | linear          | m + (eta - m) (1 - u)                            | PyTorch LinearLR            |
/// | inverse_sqrt    | eta sqrt(timescale / (timescale + t))            | arXiv 2106.04560            |
/// | inverse_scaling | eta / (t + 1)^power                              | scikit-learn invscaling     |
/// | optimal         | 1 / (alpha (t0 + t)), t0 = 1 / (alpha eta)       | Bottou 2012, SGD tricks     |
/// | vowpal_wabbit   | eta (s / (s + t))^power gamma^floor(t / every),  | VW: initial_t, power_t,     |
/// |                 | s = timescale, every = steps of a pass           | decay_learning_rate         |
/// | noam            | eta min(v, 1 / sqrt(v)), v = (t + 1) / peak      | arXiv 1706.03762, eq. 3     |
/// | cosine_restarts | cosine over period, period multiplier, ...       | SGDR, arXiv 1608.03983      |
/// | triangular      | b + (eta - b) tri(t), b = eta / div_factor       | arXiv 1506.01186            |
/// | triangular2     | b + (eta - b) tri(t) / 2^(cycles done)           | arXiv 1506.01186            |
/// | exp_range       | b + (eta - b) tri(t) gamma^t                     | arXiv 1506.01186            |
/// | one_cycle       | from b up to eta in pct_start T steps, then down | arXiv 1708.07120;           |
/// |                 | to b / final_div_factor, on half cosines or lines| PyTorch OneCycleLR          |
/// | wsd             | eta; m + (eta - m) (1 - sqrt(v)), v = 0 to 1, in | arXiv 2405.18392            |
/// |                 | the last cooldown T steps                        |                             |
/// | trapezoid       | likewise, with 1 - v                             | arXiv 1802.08770            |
/// | piecewise       | eta times the lines through (0, 1) and the       | optax                       |
/// |                 | (milestone, factor)s                             | piecewise_interpolate       |
/// | tanh            | m + (eta - m) (1 - tanh(a)) / 2,                 | arXiv 1806.01593            |
/// |                 | a = lower (1 - u) + upper u                      |                             |
/// | range_test      | eta div_factor^(t / (T - 1) - 1)                 | arXiv 1506.01186, sec. 3.3  |
/// | silver          | eta (1 + rho^(nu(t + 1) - 1)), rho = 1 + sqrt 2  | arXiv 2309.16530, eta = 1/L |
/// | large_constant  | eta scale T                                      | arXiv 2402.15926            |
/// | plateau         | eta gamma^(reductions), not below m              | PyTorch ReduceLROnPlateau   |
/// | adaptive        | eta gamma^(reductions)                           | scikit-learn adaptive       |
/// | adagrad_norm    | eta / sqrt(1 + sum of |g_i|^2 over i < t)        | arXiv 1805.08114            |
/// | risk_adaptive   | eta / (1 - exp(-loss)), loss = mean loss of the  | arXiv 2504.04105            |
/// |                 | step's rows, without penalty                     |                             |
///
/// Those that follow find the rate from inner products of gradients g and points w, over all
/// parameters of a model, g with the smooth penalty in it: include/steepest/rate_search.hpp. s and
/// y are the changes of w and g since the step before, f the objective of the step's rows.
///
/// | kind             | rate                                             | source                     |
/// | ---------------- | ------------------------------------------------ | -------------------------- |
/// | barzilai_borwein | <s, s> / <s, y>, <s, y> / <y, y>, or in turn,    | Barzilai and Borwein 1988; |
/// |                  | halved while f is above the highest of `memory`  | Dai and Fletcher 2005;     |
/// |                  | - 1e-4 rate <g, g>; first: eta                   | Raydan 1997                |
/// | polyak           | eta (f - target) / <g, g>                        | Polyak 1969                |
/// | sps              | min((f - target) / (c <g, g>), eta)              | arXiv 2002.10542, SPS_max  |
/// | adgd             | min(sqrt(1 + r) previous, |s| / (2 |y|)), r the  | arXiv 1910.09529, alg. 1   |
/// |                  | ratio of the two rates before; first: eta        |                            |
/// | hypergradient    | previous + beta <g, g before>, not below 0, or   | arXiv 1703.04782, SGD-HD   |
/// |                  | previous (1 + beta cos(g, g before)); first: eta |                            |
/// | dog              | eta max|w_i - w_0| / sqrt(sum <g_i, g_i>), the   | arXiv 2302.12022           |
/// |                  | maximum at least start (1 + |w_0|)               |                            |
/// | d_adaptation     | eta d / sqrt(<g_0, g_0> + sum <g_i, g_i>), or    | arXiv 2301.07733, alg. 2;  |
/// |                  | eta d / |g_0|; d <- max(d, scale sum rate_i <g_i,| its SGD variant            |
/// |                  | w_0 - w_i> / |w_0 - w|), first: start            |                            |
/// | prodigy          | eta d under rule adam on gradients d g; d as     | arXiv 2306.06101, alg. 4   |
/// |                  | above with weights d^2 that fade by sqrt(B2),    |                            |
/// |                  | and the 1-norm below                             |                            |
/// | armijo           | previous growth^(rows / all rows), times gamma   | Armijo 1966; batches:      |
/// |                  | until f(w - rate g) <= f - c rate <g, g>;        | arXiv 1905.09997           |
/// |                  | first: eta                                       |                            |
/// | sgd_bb           | in pass k = 2, 3, ... of m = every steps r_k =   | arXiv 1605.04131, alg. 2,  |
/// |                  | <s, s> / (m |<s, y>|), s and y the changes over  | phi(k) = k: its authors'   |
/// |                  | pass k - 1 of w and of q <- beta g + (1 - beta)  | code (Stochastic_BB)       |
/// |                  | q, beta = 1 / (share m) <= 1; smoothed: 1 / k    |                            |
/// |                  | times the geometric mean of j r_j, j = 2 ... k;  |                            |
/// |                  | in the first two passes eta; where a pass moved  |                            |
/// |                  | by no more than rounding, r_k is the rate before |                            |
///
/// With a warm-up, its rates stand where these tables say eta; where eta is only the first rate,
/// the steps of the warm-up take its rates instead of those found.
///
/// tri rises from 0 to 1 and falls back once a period; nu(i) is how often 2 divides i. Past the
/// horizon polynomial, cosine, linear, wsd, trapezoid, tanh and one_cycle keep their last rate.
/// The warm-up prefix rises linearly: rate(s) = eta * (s + 1) / (warmup + 1) for step s < warmup,
/// so the first rate is never 0.
///
/// plateau and adaptive count evaluations that do not improve on the best objective (in the units
/// of training): steps of a full-batch run, epochs of a mini-batch run. plateau wants
/// f < best * (1 - threshold) and reduces after more than `patience` others in a row; adaptive
/// wants f <= best - threshold and reduces at `patience`.
///
/// Up to three more parts may follow, each with a t and T of its own, from a step of the run on.
struct Schedule : ScheduleTerms {
  static constexpr std::int32_t max_later = 3;

  double learning_rate = 0.0;  ///< eta, > 0
  std::int64_t horizon = 0;    ///< steps of the whole run, warm-up included, >= 1
  ScheduleTerms later[max_later];
  std::int64_t later_start[max_later] = {};  ///< steps of the run, increasing from 1 up
  std::int32_t later_count = 0;
};

/// What plateau, adaptive and adagrad_norm remember of a run.
struct ScheduleState {
  bool started = false;
  double best = 0.0;              ///< objective
  std::int64_t flat = 0;          ///< evaluations in a row that did not improve on it
  double factor = 1.0;            ///< gamma^(reductions)
  double gradient_squares = 0.0;  ///< sum of |g|^2 over the steps taken
  bool batches = false;           ///< steps see batches, so only evaluations see the objective

  // Of those that find their rate: see include/steepest/rate_search.hpp.
  std::int64_t measured = 0;  ///< gradients since the memory began
  double rate = 0.0;          ///< of the step before
  double ratio = 0.0;         ///< of the two rates before
  double distance = 0.0;      ///< estimate of the distance to go, d; sgd_bb: rate of this pass
  double numerator = 0.0;     ///< of that estimate; of sgd_bb the mean of log(j r_j)
  double first_square = 0.0;  ///< <g_0, g_0>; sgd_bb: <s, s> of the longest pass
  bool trying = false;        ///< the point is a trial, one step from the point remembered
  std::int64_t refusals = 0;  ///< of trials from there
  double base_square = 0.0;   ///< <g, g> there
  std::int64_t known = 0;     ///< objectives of points accepted, the last few of them kept here
  double objectives[ScheduleTerms::max_memory] = {};
};

/// Whether a schedule depends on more than the step.
STEEPEST_HD inline bool watches_run(ScheduleKind kind) {
  return kind == ScheduleKind::plateau || kind == ScheduleKind::adaptive ||
         kind == ScheduleKind::adagrad_norm || kind >= ScheduleKind::risk_adaptive;
}

/// Whether a schedule finds its rate from the gradient of the step itself.
STEEPEST_HD inline bool finds_rate(ScheduleKind kind) {
  return kind >= ScheduleKind::barzilai_borwein;
}

/// Whether what is stepped to is a trial that the next evaluation may take back.
STEEPEST_HD inline bool searches(ScheduleKind kind) {
  return kind == ScheduleKind::barzilai_borwein || kind == ScheduleKind::armijo;
}

/// Whether a schedule remembers a point or a gradient of before.
STEEPEST_HD inline bool remembers(ScheduleKind kind) {
  return finds_rate(kind) && kind != ScheduleKind::polyak && kind != ScheduleKind::sps;
}

/// Whether eta is a factor without unit, 1 unless there is a reason, of a rate that is found.
STEEPEST_HD inline bool rate_is_factor(ScheduleKind kind) {
  return kind == ScheduleKind::polyak || kind == ScheduleKind::dog ||
         kind == ScheduleKind::d_adaptation || kind == ScheduleKind::prodigy;
}

}  // namespace steepest
