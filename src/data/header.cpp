// SPDX-License-Identifier: Apache-2.0
// A header is text above numbers; see docs/formats.md for the rules and their order.
#include "src/data/header.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <unordered_set>

#include "src/data/excerpt.hpp"
#include "src/data/head_records.hpp"
#include "src/data/lines.hpp"
#include "src/data/number.hpp"
#include "steepest/error.hpp"

namespace steepest::data {
namespace {

bool mostly_numbers(const HeadColumn& column) { return 2 * column.numbers > column.present; }

// First records that are text (or numbers) in columns that are mostly numbers below.
std::int64_t count_over_numbers(const HeadSample& sample, CellKind kind) {
  std::int64_t count = 0;
  for (std::size_t j = 0; j < sample.first.size(); ++j) {
    count += sample.first_kinds[j] == kind && mostly_numbers(sample.columns[j]) ? 1 : 0;
  }
  return count;
}

// Only text below: a header has distinct texts, none of which comes again in its column.
bool names_above_text(const HeadSample& sample) {
  std::unordered_set<std::string_view> seen;
  for (std::size_t j = 0; j < sample.first.size(); ++j) {
    if (sample.first_kinds[j] != CellKind::text || sample.columns[j].repeats_first ||
        !seen.insert(sample.first[j]).second) {
      return false;
    }
  }
  return true;
}

bool knows_a_name(const HeadSample& sample, const std::vector<std::string>& names) {
  const std::unordered_set<std::string_view> known(names.begin(), names.end());
  for (std::size_t j = 0; j < sample.first.size(); ++j) {
    if (sample.first_kinds[j] == CellKind::text && known.contains(sample.first[j])) {
      return true;
    }
  }
  return false;
}

std::string first_line(const HeadSample& sample) {
  std::string line;
  for (std::size_t j = 0; j < sample.first.size() && line.size() <= 80; ++j) {
    line += (j == 0 ? "" : ", ") + sample.first[j];
  }
  return excerpt(line, 0);
}

}  // namespace

CellKind cell_kind(std::string_view text, const MissingTexts& missing, const NumberFormat& format) {
  const bool like_number = !text.empty() && text[0] >= '0' && text[0] <= '9';
  if (like_number && !missing.has_numbers() && is_number(text, format)) {
    return CellKind::number;  // no text on the list begins with a digit, but the user's numbers
  }
  if (missing.contains(text)) {
    return CellKind::missing;
  }
  return is_number(text, format) ? CellKind::number : CellKind::text;
}

HeadSample sample_head(std::string_view head, bool whole, const Dialect& dialect,
                       const MissingTexts& missing, std::int64_t head_line) {
  HeadSample sample;
  sample.dialect = dialect;
  HeadRecords records(head, whole, dialect);
  if (!records.next()) {
    return sample;
  }
  sample.first_line = head_line + count_lines(records.before());
  for (std::size_t j = 0; j < records.record().fields.size(); ++j) {
    sample.first.emplace_back(records.record().value(j));
    sample.first_kinds.push_back(cell_kind(sample.first[j], missing, dialect.numbers));
  }
  sample.columns.resize(sample.first.size());
  std::map<std::size_t, std::int64_t> field_counts{{sample.first.size(), 1}};
  while (records.next()) {
    const Record& record = records.record();
    ++sample.rows;
    ++field_counts[record.fields.size()];
    for (std::size_t j = 0; j < std::min(record.fields.size(), sample.columns.size()); ++j) {
      const std::string_view text = record.value(j);
      const CellKind kind = cell_kind(text, missing, dialect.numbers);
      sample.columns[j].present += kind != CellKind::missing ? 1 : 0;
      sample.columns[j].numbers += kind == CellKind::number ? 1 : 0;
      sample.columns[j].repeats_first |= text == sample.first[j];
    }
  }
  const auto usual = std::max_element(
      field_counts.begin(), field_counts.end(),
      [](const auto& left, const auto& right) { return left.second < right.second; });
  sample.usual_fields = static_cast<std::int64_t>(usual->first);
  if (usual->second == field_counts[sample.first.size()]) {
    sample.usual_fields = static_cast<std::int64_t>(sample.first.size());
  }
  return sample;
}

bool has_header(const HeadSample& sample, HeaderMode mode, const std::vector<std::string>& names,
                const std::string& file) {
  const auto is_numeric = [](CellKind kind) { return kind == CellKind::number; };
  if (mode == HeaderMode::yes) {
    if (std::all_of(sample.first_kinds.begin(), sample.first_kinds.end(), is_numeric)) {
      throw InputError(Location{file, sample.first_line},
                       fmt::format("the header looks like data: every field of the first line is "
                                   "a number. Line: {} Fixes: --header no",
                                   first_line(sample)));
    }
    return true;
  }
  if (mode == HeaderMode::no) {
    return false;
  }
  if (knows_a_name(sample, names)) {
    return true;
  }
  const std::int64_t text = count_over_numbers(sample, CellKind::text);
  const std::int64_t numbers = count_over_numbers(sample, CellKind::number);
  if (text > 0 && numbers > 0) {
    throw InputError(Location{file, sample.first_line},
                     fmt::format("cannot tell whether the first line is a header: it has both "
                                 "text and numbers above columns of numbers. Line: {} Fixes: "
                                 "--header yes | --header no",
                                 first_line(sample)));
  }
  return text > 0 || (numbers == 0 && names_above_text(sample));
}

void count_first_as_row(HeadSample& sample) {
  for (std::size_t j = 0; j < sample.first.size(); ++j) {
    sample.columns[j].present += sample.first_kinds[j] != CellKind::missing ? 1 : 0;
    sample.columns[j].numbers += sample.first_kinds[j] == CellKind::number ? 1 : 0;
  }
  ++sample.rows;
  sample.columns.resize(static_cast<std::size_t>(sample.usual_fields));
}

}  // namespace steepest::data
