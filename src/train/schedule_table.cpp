// SPDX-License-Identifier: Apache-2.0
// The table of schedules: their names, formulas and keys.
#include <fmt/format.h>

#include "steepest/schedule.hpp"

namespace steepest {
namespace {

ScheduleKey needed(std::string_view name, std::string_view meaning) {
  return {name, meaning, "", true};
}

ScheduleKey optional(std::string_view name, std::string_view meaning, std::string_view fallback) {
  return {name, meaning, fallback, false};
}

ScheduleKey drop_factor(std::string_view fallback) {
  return optional("gamma", "factor of a drop", fallback);
}

ScheduleKey last_rate() { return optional("minimum", "last rate", "0"); }

// Every schedule takes these beside its own keys.
ScheduleEntry entry(ScheduleKind kind, std::string_view name, std::string_view formula,
                    std::vector<ScheduleKey> keys) {
  keys.push_back(optional("warmup", "steps of linear rise before it", ""));
  keys.push_back(optional("horizon", "steps of the whole run; default: the budget of epochs", ""));
  return {kind, name, formula, std::move(keys)};
}

std::vector<ScheduleEntry> decays() {
  using Kind = ScheduleKind;
  return {
      entry(Kind::constant, "constant", "eta", {}),
      entry(Kind::step, "step", "eta * gamma^floor(t / every)",
            {needed("every", "steps between drops, or epoch"), drop_factor("0.1")}),
      entry(Kind::multistep, "multistep", "eta * gamma^(number of milestones <= t)",
            {needed("milestones", "steps of the drops, joined by +"), drop_factor("0.1")}),
      entry(Kind::exponential, "exponential", "eta * gamma^t",
            {needed("gamma", "factor of a step")}),
      entry(Kind::inverse_time, "inverse_time", "eta / (1 + decay * t)",
            {needed("decay", "per step")}),
      entry(Kind::polynomial, "polynomial", "minimum + (eta - minimum) * (1 - t/T)^power",
            {optional("power", "exponent", "1"), last_rate()}),
      entry(Kind::cosine, "cosine", "minimum + (eta - minimum) * (1 + cos(pi t/T)) / 2",
            {last_rate()}),
      entry(Kind::linear, "linear", "minimum + (eta - minimum) * (1 - t/T)", {last_rate()}),
      entry(Kind::inverse_sqrt, "inverse_sqrt", "eta * sqrt(timescale / (timescale + t))",
            {optional("timescale", "steps until it begins to fall", "1")}),
      entry(Kind::inverse_scaling, "inverse_scaling", "eta / (t + 1)^power",
            {optional("power", "exponent", "0.5")}),
      entry(Kind::optimal, "optimal", "1 / (alpha * (t0 + t)), t0 = 1 / (alpha * eta)",
            {needed("alpha", "strong convexity of the objective, such as its l2")}),
      entry(Kind::vowpal_wabbit, "vowpal_wabbit",
            "eta * (timescale / (timescale + t))^power * gamma^floor(t / every)",
            {needed("every", "steps of a pass, or epoch"), drop_factor("1"),
             optional("power", "exponent", "0.5"),
             optional("timescale", "steps until it begins to fall", "1")}),
      entry(Kind::noam, "noam", "eta * min((t + 1) / peak, sqrt(peak / (t + 1)))",
            {needed("peak", "step of the largest rate")}),
      entry(Kind::tanh, "tanh",
            "minimum + (eta - minimum) * (1 - tanh(lower (1 - t/T) + upper t/T)) / 2",
            {optional("lower", "first argument of tanh", "-7"),
             optional("upper", "last argument of tanh", "3"), last_rate()}),
  };
}

std::vector<ScheduleEntry> rises_and_falls() {
  using Kind = ScheduleKind;
  const ScheduleKey period = needed("period", "steps of a cycle");
  const ScheduleKey lowest = optional("div_factor", "largest rate over the lowest", "4");
  return {
      entry(Kind::cosine_restarts, "cosine_restarts",
            "cosine over period, period * multiplier, ...",
            {needed("period", "steps of the first cycle"),
             optional("multiplier", "of the period after each cycle", "1"), last_rate()}),
      entry(Kind::triangular, "triangular", "eta / div_factor to eta and back, every period",
            {period, lowest}),
      entry(Kind::triangular2, "triangular2", "triangular, its height halved after each cycle",
            {period, lowest}),
      entry(Kind::exp_range, "exp_range", "triangular, its height times gamma^t",
            {period, needed("gamma", "factor of a step"), lowest}),
      entry(Kind::one_cycle, "one_cycle", "eta / div_factor up to eta, then down to nearly 0",
            {optional("pct_start", "share of the steps that rise", "0.3"),
             optional("div_factor", "largest rate over the first", "25"),
             optional("final_div_factor", "first rate over the last", "10000"),
             optional("anneal", "cosine or linear", "cosine")}),
      entry(Kind::wsd, "wsd", "eta, then (1 - sqrt(v)) over the last share of the steps",
            {optional("cooldown", "share of the steps that fall", "0.2"), last_rate()}),
      entry(Kind::trapezoid, "trapezoid", "eta, then (1 - v) over the last share of the steps",
            {optional("cooldown", "share of the steps that fall", "0.2"), last_rate()}),
      entry(Kind::piecewise, "piecewise", "eta * lines through (0, 1), (milestone, factor), ...",
            {needed("milestones", "steps of the corners, joined by +"),
             needed("factors", "of eta at the corners, joined by +")}),
      entry(Kind::range_test, "range_test", "eta / div_factor up to eta, evenly in logarithms",
            {optional("div_factor", "last rate over the first", "1e+06")}),
  };
}

std::vector<ScheduleEntry> of_theory() {
  using Kind = ScheduleKind;
  return {
      entry(Kind::silver, "silver", "eta * (1 + rho^(nu(t + 1) - 1)), rho = 1 + sqrt 2", {}),
      entry(Kind::large_constant, "large_constant", "eta * scale * T",
            {optional("scale", "factor", "1")}),
      entry(Kind::plateau, "plateau", "eta * gamma each time the objective stays for patience",
            {drop_factor("0.1"), optional("patience", "evaluations in a row", "10"),
             optional("threshold", "least decrease, as a share of the best objective", "0.0001"),
             optional("minimum", "lowest rate", "0")}),
      entry(Kind::adaptive, "adaptive", "eta * gamma each time the objective stays for patience",
            {drop_factor("0.2"), optional("patience", "evaluations in a row", "5"),
             optional("threshold", "least decrease of the objective as trained", "0.001")}),
      entry(Kind::adagrad_norm, "adagrad_norm", "eta / sqrt(1 + sum of |g|^2 of the steps before)",
            {}),
      entry(Kind::risk_adaptive, "risk_adaptive", "eta / (1 - exp(-loss)), of classifiers", {}),
  };
}

std::vector<ScheduleEntry> of_the_gradient() {
  using Kind = ScheduleKind;
  const ScheduleKey start = optional("start", "first estimate of the distance", "1e-06");
  const ScheduleKey scale = optional("scale", "factor of the estimate", "1");
  return {
      entry(Kind::barzilai_borwein, "barzilai_borwein",
            "<s, s> / <s, y>, s and y the last changes of w and g; full batch",
            {optional("quotient", "long, short (<s, y> / <y, y>) or alternating", "long"),
             optional("memory", "objectives that a step may not exceed the highest of", "10")}),
      entry(Kind::polyak, "polyak", "eta * (f - target) / |g|^2, of the whole objective",
            {needed("target", "the optimum's objective")}),
      entry(Kind::sps, "sps", "min((f - target) / (c |g|^2), eta), f that of the batch",
            {optional("target", "lower bound of f", "0"), optional("c", "constant", "0.5")}),
      entry(Kind::adgd, "adgd",
            "min(sqrt(1 + last ratio of rates) * last rate, |s| / (2 |y|)); full batch", {}),
      entry(Kind::hypergradient, "hypergradient", "last rate + beta * <g, g before>",
            {optional("beta", "rate of the rate", "0.001"),
             optional("form", "difference, or factor: last rate * (1 + beta * cosine)",
                      "difference")}),
      entry(Kind::dog, "dog", "eta * max |w - w_0| / sqrt(sum of |g|^2)",
            {optional("start", "first distance, as a share of 1 + |w_0|", "1e-06")}),
      entry(Kind::d_adaptation, "d_adaptation", "eta * d / sqrt(|g_0|^2 + sum of |g|^2), d found",
            {start, scale, optional("norm", "sum, or first: eta * d / |g_0|", "sum")}),
      entry(Kind::prodigy, "prodigy", "eta * d, d found; of rule adam", {start, scale}),
      entry(Kind::armijo, "armijo",
            "last rate * growth, times gamma until f falls by c * rate * |g|^2",
            {optional("c", "share of the fall along the slope", "0.5"), drop_factor("0.5"),
             optional("growth", "of the rate in a pass over the rows", "2")}),
      entry(
          Kind::sgd_bb, "sgd_bb",
          "<s, s> / (every |<s, y>|), s and y the changes of w and of the mean gradient in a pass",
          {optional("every", "steps of a pass, or epoch", "epoch"),
           optional("share", "of a pass that the mean gradient spans", "0.1"),
           optional("smoothing", "mean: the geometric one, falling as 1 / pass; or none", "mean")}),
  };
}

}  // namespace

const std::vector<ScheduleEntry>& schedule_table() {
  static const std::vector<ScheduleEntry> table = [] {
    std::vector<ScheduleEntry> all = decays();
    for (auto* group : {rises_and_falls, of_theory, of_the_gradient}) {
      for (ScheduleEntry& each : group()) {
        all.push_back(std::move(each));
      }
    }
    return all;
  }();
  return table;
}

std::string schedule_names() {
  std::string names;
  for (const ScheduleEntry& known : schedule_table()) {
    names += names.empty() ? "" : ", ";
    names += known.name;
  }
  return names;
}

}  // namespace steepest
