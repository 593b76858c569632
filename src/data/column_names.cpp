// SPDX-License-Identifier: Apache-2.0
// Names win over numbers, so that a column called "2005" can be asked for.
#include "src/data/column_names.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <numeric>
#include <optional>

#include "src/data/excerpt.hpp"
#include "steepest/error.hpp"

namespace steepest::data {
namespace {

constexpr std::size_t compared_names = 2000;  // more are not searched for a near miss

std::optional<std::int64_t> whole_number(std::string_view text) {
  std::int64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, code] = std::from_chars(text.data(), end, value);
  if (code != std::errc() || stop != end) {
    return std::nullopt;
  }
  return value;
}

// Levenshtein distance, by rows (Wagner and Fischer 1974).
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row[b.size()];
}

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return result;
}

std::string numbered(std::size_t column) { return fmt::format("x{}", column + 1); }

}  // namespace

std::vector<std::string> header_names(const Record& record) {
  std::vector<std::string> names;
  names.reserve(record.fields.size());
  for (std::size_t j = 0; j < record.fields.size(); ++j) {
    const std::string_view name = trimmed(record.text(j));
    names.push_back(name.empty() ? numbered(j) : std::string(name));
  }
  return names;
}

ColumnNames::ColumnNames(std::string file, std::int64_t columns) : file_(std::move(file)) {
  for (std::int64_t j = 0; j < columns; ++j) {
    names_.push_back(numbered(static_cast<std::size_t>(j)));
    index_.emplace(names_.back(), j);
  }
}

ColumnNames::ColumnNames(const RecordReader& header)
    : file_(header.name()), has_header_(true), names_(header_names(header.record())) {
  for (std::size_t j = 0; j < names_.size(); ++j) {
    Location location = header.locate(header.record().fields[j].at);
    location.column = static_cast<std::int64_t>(j) + 1;
    if (!is_utf8(names_[j])) {
      throw InputError(location, fmt::format("the name {} is not UTF-8; convert the file first: "
                                             "`iconv -f LATIN1 -t UTF-8`",
                                             quoted(names_[j])));
    }
    const auto [earlier, added] = index_.emplace(names_[j], static_cast<std::int64_t>(j));
    if (!added) {
      throw InputError(location,
                       fmt::format("the name {} comes twice in the header, in columns {} and {}; "
                                   "rename one of them",
                                   quoted(names_[j]), earlier->second + 1, j + 1));
    }
  }
}

std::int64_t ColumnNames::find(std::string_view name) const {
  const auto found = index_.find(name);
  return found == index_.end() ? -1 : found->second;
}

std::string ColumnNames::suggestion(std::string_view wanted) const {
  std::string nearest;
  std::size_t best = std::max<std::size_t>(1, wanted.size() / 3) + 1;
  for (std::size_t j = 0; j < std::min(names_.size(), compared_names); ++j) {
    const std::size_t distance = edit_distance(lower(wanted), lower(names_[j]));
    if (distance < best) {
      best = distance;
      nearest = names_[j];
    }
  }
  const std::string hint = nearest.empty() || !has_header_
                               ? std::string()
                               : fmt::format("Did you mean {}? ", quoted(nearest));
  return fmt::format("{}The {} columns are {}{}", hint, names_.size(), list_of(names_),
                     has_header_ ? "" : " (no header was found: --header yes if there is one)");
}

std::int64_t ColumnNames::resolve(const std::string& text, std::string_view option) const {
  const std::int64_t named = find(text);
  if (named >= 0) {
    return named;
  }
  const std::string fix = preamble_fix_.empty() ? "" : ". Fixes: " + preamble_fix_;
  if (const auto number = whole_number(text)) {
    const std::int64_t column = *number > 0 ? *number - 1 : size() + *number;
    if (*number != 0 && column >= 0 && column < size()) {
      return column;
    }
    throw InputError(Location{file_},
                     fmt::format("{} {}: there is no such column; columns are numbered from 1 to "
                                 "{}, or -1 to -{} from the last{}",
                                 option, text, size(), size(), fix));
  }
  throw InputError(Location{file_}, fmt::format("{}: there is no column {}. {}{}", option,
                                                quoted(text), suggestion(text), fix));
}

}  // namespace steepest::data
