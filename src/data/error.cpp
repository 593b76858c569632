// SPDX-License-Identifier: Apache-2.0
// How an InputError says where it is.
#include "steepest/error.hpp"

#include <fmt/format.h>

#include "src/data/excerpt.hpp"

namespace steepest {
namespace {

std::string place(const Location& location) {
  std::string text = location.file;
  if (location.line > 0) {
    text += fmt::format("{}{}", text.empty() ? "line " : ":", location.line);
  }
  if (location.byte > 0) {
    text += fmt::format("{}(byte {})", text.empty() ? "" : " ", data::grouped(location.byte));
  }
  if (location.column > 0) {
    text += fmt::format("{}column {}", text.empty() ? "" : " ", location.column);
  }
  if (!location.column_name.empty()) {
    text += location.column > 0 ? " " : (text.empty() ? "column " : " column ");
    text += data::quoted(location.column_name);
  }
  return text;
}

std::string message(const Location& location, const std::string& sentence) {
  const std::string where = place(location);
  return where.empty() ? sentence : where + ": " + sentence;
}

}  // namespace

InputError::InputError(Location location, const std::string& sentence)
    : Error(message(location, sentence)), location_(std::move(location)) {}

}  // namespace steepest
