// SPDX-License-Identifier: Apache-2.0
// All fields of some rows into numbers, then a look at the cells that are something else.
#include "src/data/chunk_parser.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "src/data/number.hpp"

namespace steepest::data {
namespace {

constexpr float nan = std::numeric_limits<float>::quiet_NaN();
constexpr float for_scanner = -1.0F;

}  // namespace

CellRoles::CellRoles(const ColumnPlan& plan, std::int64_t file_columns, const ReadOptions& options,
                     const Schema* known)
    : columns(static_cast<std::uint32_t>(file_columns)),
      is_number(static_cast<std::size_t>(file_columns)),
      missing_is_nan(static_cast<std::size_t>(file_columns)),
      features(static_cast<std::int64_t>(plan.features.size())),
      missing(options.missing_texts, options.numbers),
      numbers(options.numbers) {
  const bool filled =
      options.missing == MissingPolicy::mean || options.missing == MissingPolicy::zero;
  dictionaries_.reserve(plan.features.size() + 1);  // pointers to them stay valid
  bool all_filled = filled;
  for (std::size_t slot = 0; slot < plan.features.size(); ++slot) {
    const FeatureColumn& feature = plan.features[slot];
    const auto column = static_cast<std::uint32_t>(plan.feature_columns[slot]);
    const bool has_fill =
        known == nullptr || options.missing != MissingPolicy::mean || !feature.missing_fill.empty();
    missing_is_nan[column] = filled && has_fill;
    all_filled = all_filled && has_fill;
    if (feature.kind == ColumnKind::numeric) {
      is_number[column] = true;
    } else {
      TextColumn text{column, static_cast<std::int32_t>(slot), nullptr, false, filled && has_fill};
      if (known != nullptr) {
        text.known = &dictionaries_.emplace_back(feature.levels, numbers);
        text.unknown_is_baseline = options.unseen_levels == UnseenLevelPolicy::baseline;
      }
      texts.push_back(text);
    }
    if (!runs.empty() && runs.back().column + runs.back().length == column) {
      ++runs.back().length;
    } else {
      runs.push_back({column, static_cast<std::uint32_t>(slot), 1});
    }
  }
  for (const std::int64_t column : plan.target_columns) {
    if (plan.targets_are_classes) {
      TextColumn text{static_cast<std::uint32_t>(column), -1, nullptr, false, false};
      if (known != nullptr) {
        text.known = &dictionaries_.emplace_back(known->classes, numbers);
      }
      texts.push_back(text);
      has_label = true;
    } else {
      targets.push_back(static_cast<std::uint32_t>(column));
    }
  }
  if (plan.weight_column >= 0) {
    weight = static_cast<std::uint32_t>(plan.weight_column);
  }
  // A lone empty field is a blank line.
  empty_is_nan = all_filled && columns > 1 && missing.contains("");
}

void CellRoles::gather(const float* cells, float* decoded) const {
  for (const Run& run : runs) {
    std::memcpy(decoded + run.slot, cells + run.column, run.length * sizeof(float));
  }
}

ChunkParser::ChunkParser(const CellRoles& roles, const Dialect& dialect, const ReaderLimits& limits)
    : BlockParser(dialect, limits, roles.columns), roles_(roles), texts_(roles.texts.size()) {}

void ChunkParser::begin_block(std::size_t most_fields) {
  targets_.clear();
  distinct_targets_ = {};
  weights_.clear();
  labels_.clear();
  rows_ = 0;
  const std::size_t needed = most_fields + RowIndex::padding;
  if (needed > capacity_) {
    cells_.reset(new float[needed]);
    doubtful_.reset(new std::uint32_t[needed]);
    capacity_ = needed;
  }
}

void ChunkParser::take_rows(const char* text) {
  const auto rows = static_cast<std::size_t>(index().rows);
  scanned_.assign(rows, false);
  any_scanned_ = false;
  float* const cells = cells_.get() + rows_ * columns();
  take_numbers(text, cells);
  const auto total = static_cast<std::size_t>(rows_) + rows;
  targets_.resize(total * roles_.targets.size());
  weights_.resize(roles_.weight ? total : 0);
  labels_.resize(roles_.has_label ? total : 0);
  if (!roles_.targets.empty() || roles_.weight || !roles_.texts.empty()) {
    for (std::size_t r = 0; r < rows; ++r) {
      const auto row = static_cast<std::int64_t>(r);
      if (!scanned_[r] && !take_others(text, row, cells + row * columns())) {
        scanned_[r] = true;
        any_scanned_ = true;
      }
    }
  }
  add_pieces(text);
  rows_ += index().rows;
}

// Every field as a number, whatever it is for; then the numbers the kernel could not decide.
void ChunkParser::take_numbers(const char* text, float* cells) {
  const auto fields = static_cast<std::size_t>(index().rows * columns());
  std::fill_n(index().starts() + fields, 8, index().row_begins()[0]);
  std::fill_n(index().ends() + fields, 8, index().row_begins()[0]);
  const std::size_t doubtful =
      kernels().parse_numbers({text, index().starts(), index().ends(), fields, cells,
                               doubtful_.get(), !roles_.empty_is_nan, roles_.numbers.decimal});
  for (std::size_t i = 0; i < doubtful; ++i) {
    const std::uint32_t f = doubtful_[i];
    const std::uint32_t row = f / roles_.columns;
    const std::uint32_t column = f - row * roles_.columns;
    if (roles_.is_number[column] && !settle_number(plain(text, f), column, cells[f])) {
      scanned_[row] = true;
      any_scanned_ = true;
    }
  }
  if (roles_.missing.has_numbers()) {
    check_listed_numbers(text, cells);
  }
}

// As RowDecoder::decode_number, for the outcomes that are not errors.
bool ChunkParser::settle_number(std::string_view text, std::uint32_t column, float& value) const {
  const std::string_view inner = trimmed(text);
  if (parse_number(inner, value, roles_.numbers) == NumberStatus::finite) {
    return true;  // check_listed_numbers() comes later
  }
  value = nan;
  return roles_.missing_is_nan[column] && columns() > 1 && roles_.missing.contains(inner);
}

// The user's own list of missing values holds numbers: those have to be looked up by their text.
void ChunkParser::check_listed_numbers(const char* text, float* cells) {
  const auto fields = static_cast<std::size_t>(index().rows * columns());
  const float infinity = std::numeric_limits<float>::infinity();
  for (const double number : roles_.missing.numbers()) {
    const auto nearest = static_cast<float>(number);
    const float low = std::nextafter(nearest, -infinity);
    const float high = std::nextafter(nearest, infinity);
    for (std::size_t f = 0; f < fields; ++f) {
      if (!(cells[f] >= low && cells[f] <= high)) {
        continue;
      }
      const std::size_t row = f / roles_.columns;
      const std::size_t column = f - row * roles_.columns;
      if (roles_.is_number[column] && roles_.missing.contains(trimmed(plain(text, f)))) {
        cells[f] = nan;
        if (!roles_.missing_is_nan[column]) {
          scanned_[row] = true;
          any_scanned_ = true;
        }
      }
    }
  }
}

// Targets, weight, texts of row r of the index; false when one is for the scanner.
bool ChunkParser::take_others(const char* text, std::int64_t r, float* cells) {
  const auto first = static_cast<std::size_t>(r * columns());
  const auto row = static_cast<std::size_t>(rows_ + r);
  double* target = targets_.data() + row * roles_.targets.size();
  for (const std::uint32_t column : roles_.targets) {
    if (!take_double(text, first + column, *target)) {
      return false;
    }
    ++target;
  }
  if (roles_.weight) {
    double& weight = weights_[row];
    if (!take_double(text, first + *roles_.weight, weight) || weight < 0.0) {
      return false;
    }
  }
  for (std::size_t t = 0; t < texts_.size(); ++t) {
    const CellRoles::TextColumn& column = roles_.texts[t];
    float value = 0.0F;
    if (!take_text(text, first + column.column, texts_[t], column, value)) {
      return false;
    }
    if (column.slot >= 0) {
      cells[column.column] = value;
    } else {
      labels_[row] = static_cast<std::int32_t>(value);
    }
  }
  for (std::size_t t = 0; t < roles_.targets.size(); ++t) {
    distinct_targets_.add(targets_[row * roles_.targets.size() + t]);
  }
  return true;
}

inline bool ChunkParser::take_double(const char* text, std::size_t field, double& value) const {
  const std::string_view whole = plain(text, field);
  if (whole.size() == 1 && whole[0] >= '0' && whole[0] <= '9') {
    value = whole[0] - '0';
  } else if (parse_number(trimmed(whole), value, roles_.numbers) != NumberStatus::finite) {
    return false;
  }
  return !roles_.missing.has_numbers() || !roles_.missing.contains(trimmed(whole));
}

bool ChunkParser::take_text(const char* text, std::size_t field, TextState& state,
                            const CellRoles::TextColumn& column, float& value) const {
  std::string_view found = plain(text, field);
  const bool in_quotes = is_quoted(text, field);
  if (!in_quotes) {
    found = trimmed(found);
  } else if (found.find(dialect().quote) != std::string_view::npos) {
    return false;  // doubled quotes
  }
  const std::int32_t index = state.codes.index_of(found);
  if (static_cast<std::size_t>(index) == state.values.size()) {
    float meaning = static_cast<float>(index);
    if (roles_.missing.contains(found)) {
      meaning = column.missing_is_nan ? nan : for_scanner;
    } else if (column.known != nullptr) {
      const std::int32_t code = column.known->find(found);
      meaning = code >= 0 || !column.unknown_is_baseline ? static_cast<float>(code) : 0.0F;
    }
    state.values.push_back(meaning);
  }
  value = state.values[static_cast<std::size_t>(index)];
  return !(value < 0.0F) && (columns() > 1 || !found.empty());
}

// Cuts the rows of the index into runs of parsed rows and rows for the scanner.
void ChunkParser::add_pieces(const char* text) {
  const std::uint32_t* const begins = index().row_begins();
  std::int64_t r = 0;
  while (r < index().rows) {
    std::int64_t next = index().rows;
    if (any_scanned_) {
      if (scanned_[static_cast<std::size_t>(r)]) {
        add({begins[r], begins[r + 1], 0, 0, 0});
        ++r;
        continue;
      }
      const auto found = std::find(scanned_.begin() + r, scanned_.end(), true);
      next = found - scanned_.begin();
    }
    add({begins[r], begins[next], rows_ + r, next - r,
         lines(text, begins[r], begins[next], next - r)});
    r = next;
  }
}

}  // namespace steepest::data
