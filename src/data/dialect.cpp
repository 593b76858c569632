// SPDX-License-Identifier: Apache-2.0
// Every candidate splits the same records, quotes respected; the most consistent one wins.
#include "src/data/dialect.hpp"

#include <algorithm>
#include <string>
#include <tuple>
#include <unordered_map>

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
bool numeric(std::string_view text, char delimiter) {
  if (is_number(text)) {
    return true;
  }
  const std::size_t comma = text.find(',');
  if (delimiter == ',' || comma == std::string_view::npos) {
    return false;
  }
  std::string dotted(text);
  dotted[comma] = '.';
  return is_number(dotted);
}

Score score(std::string_view head, bool whole, char delimiter) {
  HeadRecords records(head, whole, delimiter);
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
      numbers += numeric(record.text(static_cast<std::size_t>(i)), delimiter) ? 1 : 0;
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

}  // namespace

char sniff_delimiter(std::string_view head, bool whole) {
  char best = ',';
  Score best_score;
  for (const char candidate : {',', ';', '\t', '|'}) {
    const Score found = score(head, whole, candidate);
    if (found.fields >= 2 && found.key() > best_score.key()) {
      best = candidate;
      best_score = found;
    }
  }
  return best;
}

void check_delimiter(char delimiter) {
  if (delimiter == '"' || delimiter == '\n' || delimiter == '\r' || delimiter == '\0') {
    throw OptionError(
        "the delimiter cannot be a quote, a line end or a null byte; usual are , ; | and a tab");
  }
}

}  // namespace steepest::data
