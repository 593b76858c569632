// SPDX-License-Identifier: Apache-2.0
// The sentence a run of explore ends with.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "src/cli/explore_report.hpp"

namespace steepest::cli {
namespace {

const char* extremum(const ExploreView& view) { return view.maximize ? "maximum" : "minimum"; }

std::string at_target(const ExploreView& view, const Exploration& run) {
  return fmt::format("the {} at {}", extremum(view), place_text(view, run.target->at));
}

double distance_left(const Exploration& run) {
  double square = 0.0;
  for (std::size_t i = 0; i < run.end.at.size(); ++i) {
    square += std::pow(run.end.at[i] - run.target->at[i], 2);
  }
  return std::sqrt(square);
}

std::string end_text(const ExploreView& view, const Exploration& run) {
  return fmt::format("{}, {} = {}", place_text(view, run.end.at), value_name(view),
                     fixed(run.end.value, view.digits));
}

bool is_sought(const ExploreView& view, CriticalKind kind) {
  return kind == (view.maximize ? CriticalKind::maximum : CriticalKind::minimum);
}

std::string lands(const ExploreView& view, const Exploration& run) {
  const std::string place = "lands: " + place_text(view, run.end.at);
  const std::string value =
      fmt::format("{} = {}", value_name(view), fixed(run.end.value, view.digits));
  if (run.options.method == Method::annealing) {
    return fmt::format("{}, {} is the {} point met; downhill from it lies {}, {} = {}", place,
                       value, view.maximize ? "highest" : "lowest", at_target(view, run),
                       value_name(view), fixed(run.target->value, view.digits));
  }
  if (run.landed_on && run.landed_on->kind == CriticalKind::inconclusive) {
    return fmt::format(
        "{}, {} is level, but a second derivative is 0 there: it can be a minimum, "
        "a maximum or neither",
        place, value);
  }
  if (run.landed_on && !is_sought(view, run.landed_on->kind)) {
    return fmt::format("{} is a {}, not a {}, {}: {} is 0 there too", place,
                       name(run.landed_on->kind), extremum(view), value,
                       run.end.at.size() == 1 ? "f'(x)" : "the gradient");
  }
  if (run.termination.reason == Reason::step && run.options.method != Method::direct) {
    return fmt::format("{}, {}: {}", place, value, run.termination.inequality);
  }
  if (run.termination.converged()) {
    return fmt::format("{} is a {}, {}", place, extremum(view), value);
  }
  return fmt::format("{}, {}; 99.9% of the way to {} is covered", place, value,
                     at_target(view, run));
}

std::string crawls(const ExploreView& view, const Exploration& run) {
  std::string text = fmt::format("crawls: after {} steps ", run.trace.back().step);
  if (!run.target) {
    return text + fmt::format("{} is not level yet, and no {} is near", end_text(view, run),
                              extremum(view));
  }
  text += fmt::format("{} is still {} short of {}", place_text(view, run.end.at),
                      fixed(distance_left(run), view.digits), at_target(view, run));
  if (run.contraction > 0.0 && run.contraction < 1.0 && run.steps_to_go) {
    text += fmt::format("; a step keeps {:.2f} of the distance, so about {} more would land",
                        run.contraction, *run.steps_to_go);
  }
  return text;
}

std::string oscillates(const ExploreView& view, const Exploration& run) {
  const std::string text = "oscillates: the moves leap from side to side";
  if (!run.target) {
    return text + ", and no " + extremum(view) + " is near";
  }
  return text + fmt::format(" of {}; after {} steps {} away", at_target(view, run),
                            run.trace.back().step, fixed(distance_left(run), view.digits));
}

std::string diverges(const ExploreView& view, const Exploration& run) {
  const bool finite_place = std::all_of(run.undefined_at.begin(), run.undefined_at.end(),
                                        [](double x) { return std::isfinite(x); });
  if (!run.undefined_at.empty() && finite_place) {
    if (!std::isfinite(view.expression(run.undefined_at))) {
      return "diverges: " + view.expression.describe_undefined(run.undefined_at);
    }
    return fmt::format("diverges: f has no derivative at {}",
                       describe_point(view.expression.variables(), run.undefined_at));
  }
  if (run.options.method == Method::newton && run.undefined_at.empty()) {
    return fmt::format("diverges: {}", run.termination.inequality);
  }
  const bool worse = view.maximize ? run.end.value < run.trace.front().value
                                   : run.end.value > run.trace.front().value;
  if (!worse) {
    return fmt::format("diverges: f {} without end: there is no {} this way",
                       view.maximize ? "rises" : "falls", extremum(view));
  }
  std::string text = "diverges: the moves grow";
  if (run.contraction > 1.0) {
    text += fmt::format(", by a factor of {:.3g} a step at the end", run.contraction);
  }
  if (run.target) {
    text += fmt::format(", away from {}", at_target(view, run));
  }
  return text;
}

}  // namespace

std::string verdict_sentence(const ExploreView& view, const Exploration& run) {
  switch (run.behaviour) {
    case Behaviour::lands:
      return lands(view, run);
    case Behaviour::crawls:
      return crawls(view, run);
    case Behaviour::oscillates:
      return oscillates(view, run);
    case Behaviour::diverges:
      return diverges(view, run);
    case Behaviour::unfinished:
      return fmt::format(
          "unfinished: after {} steps, at {}, the moves still grow: give it more "
          "--steps",
          run.trace.back().step, end_text(view, run));
  }
  return "";
}

}  // namespace steepest::cli
