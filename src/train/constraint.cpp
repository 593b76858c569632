// SPDX-License-Identifier: Apache-2.0
#include "steepest/constraint.hpp"

#include <fmt/format.h>

#include "src/train/option_text.hpp"
#include "steepest/error.hpp"
#include "steepest/proximal.hpp"

namespace steepest {
namespace {

double parse_side(std::string_view text) {
  if (text == "inf" || text == "+inf") {
    return unbounded;
  }
  if (text == "-inf") {
    return -unbounded;
  }
  return parse_option_number("bound", text);
}

Constraint parse_box(std::string_view text) {
  const std::vector<std::string_view> parts = split(text, ':');
  constexpr std::size_t box_parts = 3;
  if (parts.size() != box_parts) {
    throw OptionError(
        fmt::format("constraint \"{}\" is not box:A:B, such as box:0:1 or box:-inf:0", text));
  }
  const Constraint box{ConstraintKind::box, parse_side(parts[1]), parse_side(parts[2])};
  if (!(box.low <= box.high) || box.low == unbounded || box.high == -unbounded) {
    throw OptionError(
        fmt::format("constraint \"{}\" holds no number: A must not be above B", text));
  }
  return box;
}

}  // namespace

Constraint parse_constraint(std::string_view text) {
  if (text == "none") {
    return {};
  }
  if (text == "nonnegative") {
    return {ConstraintKind::nonnegative, 0.0, unbounded};
  }
  if (text == "simplex") {
    return {ConstraintKind::simplex, 0.0, 1.0};
  }
  if (text.substr(0, text.find(':')) == "box") {
    return parse_box(text);
  }
  throw OptionError(fmt::format("constraint \"{}\" is not known: use {}", text,
                                join_choices(constraint_names())));
}

std::string to_string(const Constraint& constraint) {
  switch (constraint.kind) {
    case ConstraintKind::none:
      break;
    case ConstraintKind::nonnegative:
      return "nonnegative";
    case ConstraintKind::box:
      return fmt::format("box:{}:{}", constraint.low, constraint.high);
    case ConstraintKind::simplex:
      return "simplex";
  }
  return "none";
}

std::vector<std::string_view> constraint_names() {
  return {"none", "nonnegative", "box:A:B", "simplex"};
}

}  // namespace steepest
