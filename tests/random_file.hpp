// SPDX-License-Identifier: Apache-2.0
// Delimited text at random, ordinary and odd, in any dialect, with options that fit it more or
// less.
#pragma once

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "steepest/read.hpp"

namespace steepest::tests {

using Random = std::mt19937_64;

inline bool one_in(Random& random, unsigned n) { return random() % n == 0; }

template <class T>
const T& any_of(Random& random, const std::vector<T>& choices) {
  return choices[random() % choices.size()];
}

// How often something odd happens: 0 never, else one in so many.
struct Oddity {
  unsigned cell = 0;
  unsigned row = 0;
};

inline std::string ordinary_number(Random& random) {
  switch (random() % 6) {
    case 0:
      return std::to_string(random() % 100);
    case 1:
      return fmt::format("{}", std::uniform_real_distribution<float>(-10, 10)(random));
    case 2:
      return fmt::format("{:.8g}", std::normal_distribution<double>(0, 100)(random));
    case 3:
      return fmt::format("{:.3f}", std::normal_distribution<double>(0, 1)(random));
    case 4:
      return fmt::format("{}", std::normal_distribution<double>(0, 1)(random));
    default:
      return fmt::format("{}{}.{}", one_in(random, 2) ? "-" : "", random() % 100000000,
                         random() % 10000000);
  }
}

inline std::string odd_number(Random& random) {
  static const std::vector<std::string> odd = {"",
                                               "",
                                               "NA",
                                               "nan",
                                               "-999",
                                               "-999.0",
                                               " 1.5",
                                               "2.5 ",
                                               "+3",
                                               "5.",
                                               ".5",
                                               "-.5",
                                               ".",
                                               "-",
                                               "--1",
                                               "1e5",
                                               "-2.5E-3",
                                               "1e400",
                                               "1e-400",
                                               "inf",
                                               "-Infinity",
                                               "1_000",
                                               "1,5",
                                               "\"4.25\"",
                                               "\" 7 \"",
                                               "\"\"",
                                               "\"1\"\"2\"",
                                               "\"3\n4\"",
                                               "\"3\r\n4\"",
                                               "x",
                                               "0x10",
                                               "16777217",
                                               "16777219",
                                               "0.1000000014901161193847656",
                                               "123456789012345678901234567890",
                                               "3.4028236e38",
                                               "9007199254740993",
                                               "1.00000005960464477539062",
                                               "0.00000000000000000000000000000000000001",
                                               "12\"3",
                                               "\"5\"6",
                                               " \"8\" ",
                                               "-0",
                                               "0000000000000001.5",
                                               "99999999999999999",
                                               "9999999999999999",
                                               "\xC3\xA9"};
  return any_of(random, odd);
}

inline std::string ordinary_text(Random& random) {
  static const std::vector<std::string> texts = {
      "red", "green", "blue", "a long text of some bytes", "\"quoted\"", " padded ",
      "7",   "7.0",   "x"};
  return any_of(random, texts);
}

inline std::string odd_text(Random& random) {
  static const std::vector<std::string> odd = {"",
                                               "NA",
                                               "null",
                                               "\"with, comma\"",
                                               "\"two\nlines\"",
                                               "\"say \"\"so\"\"\"",
                                               "\"\"",
                                               "o\"clock",
                                               "\"open\" text",
                                               " \"blank\" ",
                                               "\xFF",
                                               "\"red\"",
                                               "\"\n\n\"",
                                               "\"\r\""};
  return one_in(random, 4) ? std::string("t") + std::to_string(random() % 1000)
                           : any_of(random, odd);
}

inline std::string replaced(std::string text, char from, char to) {
  std::replace(text.begin(), text.end(), from, to);
  return text;
}

// What only a dialect gives a meaning; `"` is the quote.
inline std::string odd_in_dialect(Random& random) {
  static const std::vector<std::string> odd = {
      "\"a\\\"b\"", "\"x\\\\\"",   "\"a\\\",\"b\"", "\"1\\2\"",   "\\",
      "1\\",        "\"\\\n3\"",   "\"\\",          "#",          "#1",
      "\"#\n#1\"",  "\"\n#2,3\"",  "1,5",           "1.5",        "1,234",
      "1.234",      "1,234.5",     "1.234,5",       "12,34",      "1234,567",
      "-1'234.5",   "\"1,234.5\"", "1 234",         "+1,234,567", ",5",
      "5,",         ",",           "1,5e3",         "1,234e-2",   "-9,0",
      "-999,0",     "1e1,000",     "1,,234",        "inf,0",      "'4'",
      "'a''b'",     "\"a\"\"b\""};
  return any_of(random, odd);
}

// 1234567.5 -> 1,234,567.5
inline std::string with_thousands(std::string number, char mark) {
  const std::size_t first = number.starts_with('-') ? 1 : 0;
  for (std::size_t at = std::min(number.find_first_not_of("-0123456789"), number.size());
       at > first + 3; at -= 3) {
    number.insert(at - 3, 1, mark);
  }
  return number;
}

inline void choose_dialect(Random& random, ReadOptions& options) {
  const char delimiter = *options.delimiter;
  if (one_in(random, 4)) {
    options.comment = any_of(random, std::vector<char>{'#', '%', '\0'});
  }
  if (one_in(random, 4)) {
    options.quote = any_of(random, std::vector<char>{'\'', '\'', '\0'});
  }
  if (one_in(random, 4) && options.quote != '\0') {
    options.escape = '\\';
  }
  if (one_in(random, 4) && delimiter != ',') {
    options.numbers.decimal = ',';
  }
  if (one_in(random, 4)) {
    options.numbers.thousands = any_of(random, std::vector<char>{',', '.', ' ', '_'});
    const bool clashes = options.numbers.thousands == options.numbers.decimal ||
                         (options.numbers.thousands == delimiter && options.quote == '\0');
    options.numbers.thousands = clashes ? '\0' : options.numbers.thousands;
  }
}

// A field as the dialect writes it: more often than not.
inline std::string in_dialect(Random& random, std::string field, bool is_number,
                              const ReadOptions& options) {
  if (is_number && options.numbers.thousands != '\0' && one_in(random, 2)) {
    field = with_thousands(std::move(field), '\x01');
  }
  if (is_number && options.numbers.decimal == ',' && !one_in(random, 60)) {
    field = replaced(std::move(field), '.', ',');
  }
  field = replaced(std::move(field), '\x01', options.numbers.thousands);
  if (is_number && options.numbers.thousands == options.delimiter) {
    field = '"' + field + '"';
  }
  return options.quote == '\'' && !one_in(random, 20) ? replaced(std::move(field), '"', '\'')
                                                      : field;
}

inline std::string comment_line(Random& random, const std::string& row) {
  static const std::vector<std::string> lines = {
      "",   " a comment", "1,2",          "\"",     ",\"open",  ",'a",
      "\\", "#,#",        " it's \"so\"", "\t1\t2", ";\"x\";2", ",\"\""};
  return one_in(random, 3) ? row : any_of(random, lines);
}

/// Content, and options to read it by; paths are left to the caller.
struct RandomFile {
  std::string content;
  ReadOptions options;
};

// Names of the columns, each with a role, and which of them are text.
struct RandomColumns {
  std::vector<std::string> names;
  std::vector<bool> are_text;
};

inline RandomColumns choose_columns(Random& random, ReadOptions& options) {
  RandomColumns columns;
  const std::size_t count = 1 + random() % 9;
  for (std::size_t j = 0; j < count; ++j) {
    const bool is_text = one_in(random, 4);
    const std::string name = "c" + std::to_string(j);
    columns.names.push_back(name);
    columns.are_text.push_back(is_text);
    if (j + 1 == count) {
      options.targets = {name};
      options.target_kind = is_text ? TargetKind::classes : TargetKind::automatic;
    } else if (is_text) {
      (one_in(random, 3) ? options.ignore : options.categorical).push_back(name);
    } else if (one_in(random, 12) && options.weight.empty()) {
      options.weight = name;
    } else if (one_in(random, 10)) {
      options.ignore.push_back(name);
    }
  }
  return columns;
}

inline void choose_policies(Random& random, ReadOptions& options) {
  options.header = HeaderMode::yes;
  options.missing =
      any_of(random, std::vector<MissingPolicy>{MissingPolicy::error, MissingPolicy::mean,
                                                MissingPolicy::drop, MissingPolicy::zero});
  options.bad_rows = one_in(random, 3) ? BadRowPolicy::error : BadRowPolicy::skip;
  if (one_in(random, 4)) {
    options.missing_texts = {"-999", "x"};
  }
}

// Lines to skip, and comments.
inline std::string before_header(Random& random, ReadOptions& options,
                                 const std::string& line_end) {
  std::string text = one_in(random, 5) ? "\xEF\xBB\xBF" : "";
  if (one_in(random, 8)) {
    options.skip_lines = 1 + static_cast<std::int64_t>(random() % 9);
    for (std::int64_t i = 0; i < options.skip_lines; ++i) {
      text += one_in(random, 3) ? "\"a, b" : "-";
      text += any_of(random, std::vector<std::string>{"\n", "\r\n", "\r"});
    }
  }
  while (one_in(random, 4)) {
    text += "#" + comment_line(random, "") + (one_in(random, 9) ? "\r" : line_end);
  }
  return text;
}

// Spoils a row: its fields, what stands before it, or its end.
inline void make_odd(Random& random, std::vector<std::string>& fields, std::string& before,
                     std::string& end) {
  switch (random() % 9) {
    case 0:
      fields.pop_back();
      break;
    case 1:
      fields.emplace_back("9");
      break;
    case 2:
      before += end;
      break;
    case 3:
      before += "  " + end;
      break;
    case 4:
      end = "\r";
      break;
    case 5:
      end = one_in(random, 2) ? "\n" : "\r\n";
      break;
    case 6:
      if (one_in(random, 6)) {
        before += '\0';
      }
      break;
    case 7:
      if (one_in(random, 6)) {
        fields.back() = "\"never closed";
      }
      break;
    default:
      end = "\n\n";
  }
}

inline RandomFile random_file(Random& random) {
  RandomFile made;
  ReadOptions& options = made.options;
  const bool tame = one_in(random, 3);
  const Oddity oddity{tame ? 0 : 1 + static_cast<unsigned>(random() % 60),
                      tame ? 0 : 1 + static_cast<unsigned>(random() % 60)};
  const std::string line_end = one_in(random, 3) ? "\r\n" : "\n";
  const RandomColumns columns = choose_columns(random, options);
  const char delimiter = any_of(random, std::vector<char>{',', ',', ';', '\t'});
  options.delimiter = delimiter;
  choose_dialect(random, options);
  choose_policies(random, options);
  const bool is_usual = options.escape == '\0' && options.numbers.decimal == '.' &&
                        options.numbers.thousands == '\0' && options.quote == '"';
  const char comment = options.comment.value_or('\0');
  const unsigned comment_every = comment == '\0' ? 500 : 1 + static_cast<unsigned>(random() % 30);
  made.content = before_header(random, options, line_end);
  made.content += fmt::format("{}", fmt::join(columns.names, std::string(1, delimiter))) + line_end;
  const std::size_t rows = random() % 120;
  for (std::size_t i = 0; i < rows; ++i) {
    std::vector<std::string> fields;
    for (std::size_t j = 0; j < columns.names.size(); ++j) {
      const bool is_text = columns.are_text[j];
      const bool odd = oddity.cell > 0 && one_in(random, oddity.cell * 4);
      std::string field = is_text ? (odd ? odd_text(random) : ordinary_text(random))
                                  : (odd ? odd_number(random) : ordinary_number(random));
      if (odd && one_in(random, is_usual ? 12 : 3)) {
        field = odd_in_dialect(random);
      }
      const bool negative_weight = columns.names[j] == options.weight && field.starts_with('-');
      field = negative_weight && !odd ? field.substr(1) : field;
      fields.push_back(in_dialect(random, std::move(field), !is_text, options));
    }
    std::string before;
    std::string end = line_end;
    if (oddity.row > 0 && one_in(random, oddity.row)) {
      make_odd(random, fields, before, end);
    }
    const std::string row = fmt::format("{}", fmt::join(fields, std::string(1, delimiter)));
    if (one_in(random, comment_every)) {
      before += comment == '\0' ? '#' : comment;
      before += comment_line(random, row) + (one_in(random, 9) ? "\r" : line_end);
    }
    made.content += before + row + (i + 1 == rows && one_in(random, 2) ? "" : end);
  }
  return made;
}

}  // namespace steepest::tests
