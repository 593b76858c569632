// SPDX-License-Identifier: Apache-2.0
// Every candidate splits the same records, quotes respected; the most consistent one wins.
// A character has one meaning, but for a thousands mark that is also the delimiter: a quoted field
// may hold it, as spreadsheets write "1,234.5".
#include "src/data/dialect.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <string>
#include <tuple>
#include <unordered_map>

#include "src/data/excerpt.hpp"
#include "src/data/head_records.hpp"
#include "src/data/number.hpp"
#include "steepest/error.hpp"

namespace steepest::data {
namespace {

constexpr std::int64_t sniffed_records = 500;
constexpr std::int64_t sniffed_numbers = 20000;  // fields tried as numbers

struct Score {
  double agreement = 0.0;   // share of records with the usual number of fields
  double numbers = 0.0;     // share of fields that are numbers
  std::int64_t fields = 0;  // usual number of fields
  [[nodiscard]] auto key() const { return std::tuple(agreement, numbers, fields); }
};

// A number whose decimal point may be a comma, where comma is not the delimiter.
bool numeric(std::string_view text, const Dialect& dialect) {
  return is_number(text, dialect.numbers) ||
         (dialect.delimiter != ',' && is_number(text, NumberFormat{','}));
}

Score score(std::string_view head, bool whole, const Dialect& dialect) {
  HeadRecords records(head, whole, dialect);
  std::unordered_map<std::int64_t, std::int64_t> counts;
  std::int64_t seen = 0;
  std::int64_t tried = 0;
  std::int64_t numbers = 0;
  while (seen < sniffed_records && records.next()) {
    const Record& record = records.record();
    const auto fields = static_cast<std::int64_t>(record.fields.size());
    ++seen;
    counts[record.fault == QuoteFault::none ? fields : 0] += 1;
    for (std::int64_t i = 0; i < fields && tried < sniffed_numbers; ++i, ++tried) {
      numbers += numeric(record.text(static_cast<std::size_t>(i)), dialect) ? 1 : 0;
    }
  }
  Score best;
  std::int64_t most = 0;
  for (const auto& [fields, records_with] : counts) {
    if (std::tie(records_with, fields) > std::tie(most, best.fields)) {
      most = records_with;
      best.fields = fields;
    }
  }
  if (seen > 0) {
    best.agreement = static_cast<double>(most) / static_cast<double>(seen);
    best.numbers =
        static_cast<double>(numbers) / static_cast<double>(std::max<std::int64_t>(tried, 1));
  }
  return best;
}

// A character and the option that gave it.
struct Mark {
  const char* option;
  char character;
};

std::string named(char character) {
  return character == '\t' ? "a tab" : character == ' ' ? "a space" : quoted({&character, 1});
}

bool is_line_end(char c) { return c == '\n' || c == '\r'; }

// What stands in names and numbers cannot stand around them.
bool is_mark(char c) {
  return std::ispunct(static_cast<unsigned char>(c)) != 0 && c != '+' && c != '-';
}

void check_characters(const ReadOptions& options) {
  if (options.delimiter && (is_line_end(*options.delimiter) || *options.delimiter == '\0')) {
    throw OptionError("--delimiter cannot be a line end or a null byte; usual are , ; | and a tab");
  }
  if (options.numbers.decimal != '.' && options.numbers.decimal != ',') {
    throw OptionError("--decimal must be point or comma");
  }
  for (const Mark& mark :
       {Mark{"--quote", options.quote}, Mark{"--escape", options.escape},
        Mark{"--comment", options.comment.value_or('\0')},
        Mark{"--thousands", options.numbers.thousands == ' ' ? '\0' : options.numbers.thousands}}) {
    if (mark.character != '\0' && !is_mark(mark.character)) {
      throw OptionError(fmt::format(
          "{} cannot be {}: it must be a punctuation character{}, not a "
          "letter, a digit or a sign",
          mark.option, named(mark.character), mark.option[2] == 't' ? " or a space" : ""));
    }
  }
}

}  // namespace

Dialect dialect_of(const ReadOptions& options) {
  Dialect dialect;
  dialect.delimiter = options.delimiter.value_or(',');
  dialect.quote = options.quote;
  dialect.escape = options.escape == options.quote ? '\0' : options.escape;
  dialect.comment = options.comment.value_or('\0');
  dialect.numbers = options.numbers;
  dialect.skipped_lines = options.skip_lines;
  return dialect;
}

void check_dialect(const ReadOptions& options) {
  check_characters(options);
  const Dialect dialect = dialect_of(options);
  if (dialect.escape != '\0' && dialect.quote == '\0') {
    throw OptionError("--escape works inside quotes, and --quote none says that there are none");
  }
  const bool quoted_thousands = dialect.quote != '\0';
  const Mark marks[] = {{"--delimiter", options.delimiter.value_or('\0')},
                        {"--quote", dialect.quote},
                        {"--escape", dialect.escape},
                        {"--comment", dialect.comment},
                        {"--decimal", dialect.numbers.decimal},
                        {"--thousands", dialect.numbers.thousands}};
  for (const Mark& a : marks) {
    for (const Mark* b = &a + 1; b != std::end(marks); ++b) {
      const bool can_be = quoted_thousands && &a == std::begin(marks) && b + 1 == std::end(marks);
      if (a.character == b->character && a.character != '\0' && !can_be) {
        throw OptionError(fmt::format("{} and {} are both {}; they must differ", a.option,
                                      b->option, named(a.character)));
      }
    }
  }
  if (options.skip_lines < 0) {
    throw OptionError("--skip-lines must be 0 or more");
  }
}

char sniff_delimiter(std::string_view head, bool whole, const Dialect& given) {
  Dialect tried = given;
  char best = '\0';
  Score best_score;
  for (const char candidate : {',', ';', '\t', '|'}) {
    const bool is_taken = candidate == given.quote || candidate == given.escape ||
                          candidate == given.comment || candidate == given.numbers.decimal ||
                          (candidate == given.numbers.thousands && given.quote == '\0');
    if (is_taken) {
      continue;
    }
    tried.delimiter = candidate;
    const Score found = score(head, whole, tried);
    if (best == '\0' || (found.fields >= 2 && found.key() > best_score.key())) {
      best = candidate;
      best_score = found.fields >= 2 ? found : Score{};
    }
  }
  return best;
}

}  // namespace steepest::data
