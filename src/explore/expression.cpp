// SPDX-License-Identifier: Apache-2.0
#include "steepest/expression.hpp"

#include <fmt/format.h>
#include <muParser.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "steepest/error.hpp"

namespace steepest {
namespace {

constexpr std::size_t most_variables = 2;
using Values = std::array<double, most_variables>;

// Other ways to write a sign. Each becomes as many bytes, so that positions stay.
struct Spelling {
  std::string_view written;
  std::string_view read;
};
constexpr std::array<Spelling, 8> spellings = {{{"**", "^ "},
                                                {"\u2212", "-  "},
                                                {"\u00d7", "* "},
                                                {"\u00b7", "* "},
                                                {"\u22c5", "*  "},
                                                {"\u00b2", "^2"},
                                                {"\u00b3", "^3"},
                                                {"\u03c0", "pi"}}};

std::string in_ascii(std::string text) {
  for (const Spelling& spelling : spellings) {
    for (std::size_t at = 0; (at = text.find(spelling.written, at)) != std::string::npos;) {
      text.replace(at, spelling.written.size(), spelling.read);
      at += spelling.read.size();
    }
  }
  return text;
}

// The place of a byte as a reader counts: characters from 1.
std::int64_t position_of_byte(std::string_view text, std::size_t byte) {
  const std::string_view before = text.substr(0, std::min(byte, text.size()));
  return 1 + std::count_if(before.begin(), before.end(),
                           [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; });
}

void prepare(mu::Parser& parser, Values& values) {
  parser.ClearConst();
  parser.DefineConst("pi", std::numbers::pi);
  parser.DefineConst("e", std::numbers::e);
  parser.DefineVar("x", values.data());
  parser.DefineVar("y", values.data() + 1);
}

[[noreturn]] void refuse(const std::string& text, std::size_t byte, const std::string& sentence) {
  throw InputError(fmt::format("expression \"{}\", position {}: {}", text,
                               position_of_byte(text, byte), sentence));
}

// An "=" that is no comparison would assign to x.
void refuse_assignment(const std::string& text) {
  for (std::size_t at = 0; (at = text.find('=', at)) != std::string::npos; ++at) {
    const bool after = at > 0 && std::string_view("=<>!").find(text[at - 1]) != std::string::npos;
    const bool before = at + 1 < text.size() && text[at + 1] == '=';
    if (!after && !before) {
      refuse(text, at, "\"=\" is not expected: give only the formula, as in \"(x - 3)^2\"");
    }
  }
}

// A value for each side of a comma outside every parenthesis: two formulas, where one is expected.
void refuse_list(const std::string& text) {
  int depth = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    depth += text[at] == '(' ? 1 : text[at] == ')' ? -1 : 0;
    if (text[at] == ',' && depth == 0) {
      refuse(text, at,
             "\",\" is not expected outside a function; decimals are written with a point");
    }
  }
}

std::string trimmed(std::string text) {
  text.erase(text.find_last_not_of(' ') + 1);
  return text;
}

std::string unknown_name(const std::string& token) {
  static const mu::Parser parser;
  if (parser.GetFunDef().contains(token)) {
    return fmt::format("\"{0}\" is a function: write {0}(x)", token);
  }
  return fmt::format(
      "\"{}\" is not known: use x, y, pi, e, numbers, + - * / ^, and functions such as sin, exp, "
      "log, sqrt or abs",
      token);
}

std::string sentence_of(const mu::ParserError& error) {
  const std::string token = trimmed(error.GetToken());
  switch (error.GetCode()) {
    case mu::ecUNASSIGNABLE_TOKEN:
      return unknown_name(token);
    case mu::ecUNEXPECTED_EOF:
      return "it ends too early: a number, a variable or a function is expected here";
    case mu::ecUNEXPECTED_VAR:
    case mu::ecUNEXPECTED_VAL:
    case mu::ecUNEXPECTED_FUN:
      return fmt::format("an operator is missing before \"{0}\": a product is written *{0}", token);
    case mu::ecUNEXPECTED_PARENS:
      return fmt::format("the parenthesis \"{}\" is not expected; products are written with *",
                         token);
    case mu::ecMISSING_PARENS:
      return "a closing parenthesis is missing";
    case mu::ecTOO_FEW_PARAMS:
      return fmt::format("the function {} needs more arguments", token);
    case mu::ecTOO_MANY_PARAMS:
      return fmt::format("the function {} takes fewer arguments", token);
    default:
      return token.empty() ? std::string("the formula cannot be read here")
                           : fmt::format("\"{}\" is not expected here", token);
  }
}

}  // namespace

class Expression::State {
 public:
  explicit State(std::string ascii) : ascii_(std::move(ascii)) {
    prepare(parser_, values_);
    parser_.SetExpr(ascii_);
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  double value(const Point& point) {
    set(point);
    return parser_.Eval();
  }

  // How many values the formula has, and which variables occur.
  int value_count() {
    int count = 0;
    parser_.Eval(count);
    return count;
  }
  bool uses(const char* variable) const { return parser_.GetUsedVar().contains(variable); }

  // Tries every run of tokens, shortest first: one that can be read and is not finite is it. Only
  // for an error sentence, so it may take milliseconds.
  std::optional<std::pair<std::size_t, std::size_t>> shortest_undefined(const Point& point) {
    constexpr std::size_t most_tokens = 80;
    set(point);
    const auto tokens = token_ranges();
    if (tokens.size() > most_tokens) {
      return std::nullopt;
    }
    for (std::size_t length = 1; length <= tokens.size(); ++length) {
      for (std::size_t first = 0; first + length <= tokens.size(); ++first) {
        const std::size_t begin = tokens[first].first;
        const std::size_t end = tokens[first + length - 1].second;
        if (is_undefined(ascii_.substr(begin, end - begin))) {
          return std::pair(begin, end);
        }
      }
    }
    return std::nullopt;
  }

 private:
  void set(const Point& point) { std::copy(point.begin(), point.end(), values_.begin()); }

  bool is_undefined(const std::string& part) {
    mu::Parser parser;
    prepare(parser, values_);
    try {
      parser.SetExpr(part);
      return !std::isfinite(parser.Eval());
    } catch (const mu::ParserError&) {
      return false;
    }
  }

  // Names and numbers in one piece, everything else a character.
  [[nodiscard]] std::vector<std::pair<std::size_t, std::size_t>> token_ranges() const {
    std::vector<std::pair<std::size_t, std::size_t>> ranges;
    const auto in_word = [&](std::size_t at) {
      const auto c = static_cast<unsigned char>(ascii_[at]);
      return std::isalnum(c) != 0 || c == '.' || c == '_';
    };
    for (std::size_t at = 0; at < ascii_.size(); ++at) {
      if (ascii_[at] == ' ') {
        continue;
      }
      std::size_t end = at + 1;
      while (in_word(at) && end < ascii_.size() && in_word(end)) {
        ++end;
      }
      ranges.emplace_back(at, end);
      at = end - 1;
    }
    return ranges;
  }

  std::string ascii_;
  mu::Parser parser_;
  Values values_ = {1.0, 1.0};
};

Expression::Expression(std::string text) : text_(std::move(text)), variables_{"x"} {
  if (text_.find_first_not_of(" \t") == std::string::npos) {
    throw InputError("the expression is empty: give a formula in x, as in \"(x - 3)^2\"");
  }
  refuse_assignment(text_);
  refuse_list(text_);
  if (const std::size_t quote = text_.find('"'); quote != std::string::npos) {
    refuse(text_, quote, "a quotation mark is not expected");
  }
  try {
    state_ = std::make_unique<State>(in_ascii(text_));
    if (state_->value_count() != 1) {
      refuse(text_, 0, "one formula is expected");
    }
  } catch (const mu::ParserError& error) {
    const int byte = error.GetPos();
    if (byte < 0) {
      throw InputError(fmt::format("expression \"{}\": {}", text_, sentence_of(error)));
    }
    refuse(text_, static_cast<std::size_t>(byte), sentence_of(error));
  }
  if (state_->uses("y")) {
    variables_.emplace_back("y");
  }
}

Expression::~Expression() = default;
Expression::Expression(Expression&&) noexcept = default;
Expression& Expression::operator=(Expression&&) noexcept = default;

bool Expression::is_constant() const { return !state_->uses("x") && !state_->uses("y"); }

double Expression::operator()(const Point& point) const { return state_->value(point); }

RealFunction Expression::function() const {
  return [this](const Point& point) { return (*this)(point); };
}

std::optional<ExpressionPart> Expression::undefined_part(const Point& point) const {
  if (std::isfinite((*this)(point))) {
    return std::nullopt;
  }
  const auto range = state_->shortest_undefined(point);
  if (!range) {
    return std::nullopt;
  }
  return ExpressionPart{text_.substr(range->first, range->second - range->first),
                        position_of_byte(text_, range->first)};
}

std::string Expression::describe_undefined(const Point& point) const {
  const ExpressionPart part = undefined_part(point).value_or(ExpressionPart{text_, 1});
  return fmt::format("\"{}\" at position {} of the expression is not a finite number at {}",
                     part.text, part.position, describe_point(variables_, point));
}

void Expression::require_finite(const Point& point) const {
  if (!std::isfinite((*this)(point))) {
    throw InputError(describe_undefined(point));
  }
}

std::string describe_point(const std::vector<std::string>& variables, const Point& point) {
  std::string text;
  for (std::size_t i = 0; i < point.size(); ++i) {
    text += fmt::format("{}{} = {}", i == 0 ? "" : ", ", variables[i], point[i]);
  }
  return text;
}

}  // namespace steepest
