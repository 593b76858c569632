// SPDX-License-Identifier: Apache-2.0
// The fast path is a loop of fast_float calls; everything else is a cell that needs a second look.
#include "src/data/row_decoder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "src/data/excerpt.hpp"
#include "src/data/number_fixes.hpp"

namespace steepest::data {

RowDecoder::RowDecoder(const ColumnPlan& plan, const ColumnNames& names, const HeadSample& sample,
                       const ReadOptions& options, const Schema* known, bool may_skip)
    : plan_(plan),
      names_(names),
      options_(options),
      dialect_(sample.dialect),
      preamble_fix_(names.size() == sample.usual_fields ? "" : sample.preamble_fix),
      missing_(options.missing_texts, options.numbers),
      known_(known != nullptr),
      may_skip_(may_skip),
      any_number_is_plain_(!missing_.has_numbers() && options.numbers.decimal == '.'),
      is_text_(static_cast<std::size_t>(names.size()), false),
      dictionaries_(plan.features.size(), Dictionary(options.numbers)),
      classes_(options.numbers),
      targets_(plan.targets_are_classes ? 0 : plan.target_columns.size()) {
  for (std::size_t slot = 0; slot < plan.features.size(); ++slot) {
    const bool numeric = plan.features[slot].kind == ColumnKind::numeric;
    cells_.push_back({plan.feature_columns[slot], numeric ? Role::number : Role::level, slot});
    if (known_) {
      dictionaries_[slot] = Dictionary(plan.features[slot].levels, options.numbers);
    }
  }
  for (std::size_t slot = 0; slot < plan.target_columns.size(); ++slot) {
    cells_.push_back(
        {plan.target_columns[slot], plan.targets_are_classes ? Role::label : Role::target, slot});
  }
  if (plan.weight_column >= 0) {
    cells_.push_back({plan.weight_column, Role::weight, 0});
  }
  std::sort(cells_.begin(), cells_.end(),
            [](const Cell& a, const Cell& b) { return a.column < b.column; });
  if (known_) {
    classes_ = Dictionary(known->classes, options.numbers);
    return;
  }
  for (const Cell& cell : cells_) {
    const HeadColumn& seen = sample.columns[static_cast<std::size_t>(cell.column)];
    const bool numeric = cell.role == Role::number || cell.role == Role::target;
    if (numeric && seen.present > 0 && seen.numbers == 0) {
      is_text_[static_cast<std::size_t>(cell.column)] = true;
      if (cell.role == Role::number) {
        text_names_.push_back(names[cell.column]);
      }
    }
    if (cell.role == Role::level || cell.role == Role::label) {
      learned_cells_.push_back(cell);
    }
  }
}

void RowDecoder::exchange_learned(kernels::StateArchive& archive) {
  const auto exchange = [&](Dictionary& dictionary) {
    std::vector<std::string> texts = dictionary.texts();
    archive.exchange_all(
        texts, [](kernels::StateArchive& part, std::string& text) { part.exchange(text); });
    for (std::size_t code = 0; archive.is_reading() && code < texts.size(); ++code) {
      if (dictionary.size() == Dictionary::level_limit ||
          dictionary.insert(texts[code]) != static_cast<std::int32_t>(code)) {
        archive.fail("it has a text twice, or too many");
      }
    }
  };
  for (Dictionary& dictionary : dictionaries_) {
    exchange(dictionary);
  }
  exchange(classes_);
}

RowDecoder::Outcome RowDecoder::decode(const Record& record, float* row) {
  dropped_ = false;
  for (const Cell& cell : cells_) {
    if (cell.role == Role::number && any_number_is_plain_ &&
        parse_plain_number(record.text(static_cast<std::size_t>(cell.column)), row[cell.slot])) {
      continue;
    }
    if (!decode_cell(cell, record, row)) {
      return Outcome::bad;
    }
  }
  if (dropped_) {
    return Outcome::dropped;
  }
  return learned_cells_.empty() || learn(record, row) ? Outcome::row : Outcome::bad;
}

bool RowDecoder::decode_cell(const Cell& cell, const Record& record, float* row) {
  switch (cell.role) {
    case Role::number:
      return decode_number(cell, record, row[cell.slot]);
    case Role::level:
      return decode_level(cell, record, row[cell.slot]);
    case Role::target:
      return decode_number(cell, record, targets_[cell.slot]);
    case Role::label:
      return decode_label(cell, record);
    case Role::weight:
      return decode_weight(cell, record);
  }
  return false;
}

template <class Real>
bool RowDecoder::decode_number(const Cell& cell, const Record& record, Real& value) {
  const std::string_view text = trimmed(record.text(static_cast<std::size_t>(cell.column)));
  const NumberStatus status = parse_number(text, value, options_.numbers);
  if ((status != NumberStatus::finite || missing_.has_numbers()) && is_missing(text)) {
    value = std::numeric_limits<Real>::quiet_NaN();
    return take_missing(cell, record);
  }
  switch (status) {
    case NumberStatus::finite:
      return true;
    case NumberStatus::infinite:
      return fail(ProblemKind::infinite, cell, record,
                  fmt::format("{} is infinite; values must be finite", quoted(text)),
                  {"--na " + shell_word(text)});
    case NumberStatus::too_large:
      return fail(ProblemKind::too_large, cell, record,
                  fmt::format("{} is too large for a {}-bit float", quoted(text), 8 * sizeof(Real)),
                  {"--na " + shell_word(text)});
    case NumberStatus::nan:
    case NumberStatus::not_number:
      break;
  }
  return is_text_[static_cast<std::size_t>(cell.column)] ? fail_text_column(cell, record, text)
                                                         : fail_not_number(cell, record, text);
}

bool RowDecoder::decode_level(const Cell& cell, const Record& record, float& code) {
  const std::string_view text = record.value(static_cast<std::size_t>(cell.column));
  if (is_missing(text)) {
    code = std::numeric_limits<float>::quiet_NaN();
    return take_missing(cell, record);
  }
  code = 0.0F;  // the baseline
  if (!known_) {
    return true;  // learn() follows once the row is known to be whole
  }
  const std::int32_t found = dictionaries_[cell.slot].find(text);
  if (found < 0 && options_.unseen_levels == UnseenLevelPolicy::error) {
    const std::vector<std::string>& levels = plan_.features[cell.slot].levels;
    return fail(ProblemKind::unseen_level, cell, record,
                fmt::format("{} is none of the {} levels the model knows: {}", quoted(text),
                            levels.size(), list_of(levels)),
                {"--unseen-levels baseline"});
  }
  code = static_cast<float>(std::max(found, 0));
  return true;
}

bool RowDecoder::decode_label(const Cell& cell, const Record& record) {
  const std::string_view text = record.value(static_cast<std::size_t>(cell.column));
  if (is_missing(text)) {
    return take_missing(cell, record);
  }
  if (!known_) {
    return true;
  }
  label_ = classes_.find(text);
  if (label_ < 0) {
    return fail(ProblemKind::unknown_class, cell, record,
                fmt::format("{} is none of the model's {} classes: {}", quoted(text),
                            classes_.size(), list_of(classes_.texts())),
                {});
  }
  return true;
}

bool RowDecoder::decode_weight(const Cell& cell, const Record& record) {
  if (!decode_number(cell, record, weight_)) {
    return false;
  }
  if (weight_ < 0.0) {
    return fail(ProblemKind::negative_weight, cell, record,
                fmt::format("the weight {} is negative; weights are 0 or more",
                            quoted(record.value(static_cast<std::size_t>(cell.column)))),
                {});
  }
  return true;
}

// What a missing value means: NaN in the row, a row dropped, or a bad row. Never NaN in a target.
bool RowDecoder::take_missing(const Cell& cell, const Record& record) {
  const bool is_feature = cell.role == Role::number || cell.role == Role::level;
  const MissingPolicy policy = options_.missing;
  const bool no_mean = is_feature && known_ && policy == MissingPolicy::mean &&
                       plan_.features[cell.slot].missing_fill.empty();
  if (is_feature && !no_mean && (policy == MissingPolicy::mean || policy == MissingPolicy::zero)) {
    return true;
  }
  if (policy == MissingPolicy::drop && dropped_) {
    return true;
  }
  const std::string_view text = record.value(static_cast<std::size_t>(cell.column));
  const std::string shown = text.empty() ? std::string() : fmt::format(" ({})", quoted(text));
  if (no_mean) {
    fail(ProblemKind::missing_value, cell, record,
         fmt::format("the value is missing{}, and the model holds no mean for this column", shown),
         {"--missing zero"});
  } else if (is_feature) {
    std::vector<std::string> fixes{"--missing zero"};
    if (may_skip_) {
      fixes.insert(fixes.begin(), "--missing drop");
    }
    if (!known_ || !plan_.features[cell.slot].missing_fill.empty()) {
      fixes.insert(fixes.begin(), "--missing mean");
    }
    fail(ProblemKind::missing_value, cell, record, fmt::format("the value is missing{}", shown),
         std::move(fixes));
  } else {
    const bool is_weight = cell.role == Role::weight;
    fail(is_weight ? ProblemKind::missing_weight : ProblemKind::missing_target, cell, record,
         fmt::format("the {} is missing{}", is_weight ? "weight" : "target", shown),
         {"--missing drop"});
  }
  dropped_ = policy == MissingPolicy::drop;
  return dropped_;
}

// The row is whole: its texts may enter the dictionaries.
bool RowDecoder::learn(const Record& record, float* row) {
  for (const Cell& cell : learned_cells_) {
    if (cell.role == Role::label) {
      if (!add_level(cell, record, classes_, label_)) {
        return false;
      }
      continue;
    }
    if (row[cell.slot] != row[cell.slot]) {
      continue;  // missing
    }
    std::int32_t code = 0;
    if (!add_level(cell, record, dictionaries_[cell.slot], code)) {
      return false;
    }
    row[cell.slot] = static_cast<float>(code);
  }
  return true;
}

bool RowDecoder::add_level(const Cell& cell, const Record& record, Dictionary& dictionary,
                           std::int32_t& code) {
  const std::string_view text = record.value(static_cast<std::size_t>(cell.column));
  code = dictionary.find(text);
  if (code >= 0) {
    return true;
  }
  if (!is_utf8(text)) {
    return fail_column(
        ProblemKind::encoding, cell, record,
        fmt::format("{} is not UTF-8; convert the file first: `iconv -f LATIN1 -t UTF-8`",
                    quoted(text)),
        {});
  }
  if (dictionary.size() == Dictionary::level_limit) {
    const bool is_label = cell.role == Role::label;
    return fail_column(
        ProblemKind::too_many_levels, cell, record,
        fmt::format("this column has more than {} distinct {}", grouped(Dictionary::level_limit),
                    is_label ? "classes" : "levels"),
        {is_label ? std::string("--model linear") : "--ignore " + shell_word(names_[cell.column])});
  }
  code = dictionary.insert(text);
  return true;
}

std::int32_t RowDecoder::learn_text(std::int32_t slot, std::string_view text) {
  Dictionary& dictionary = slot < 0 ? classes_ : dictionaries_[static_cast<std::size_t>(slot)];
  const std::int32_t code = dictionary.find(text);
  if (code >= 0) {
    return code;
  }
  const bool learnable = is_utf8(text) && dictionary.size() < Dictionary::level_limit;
  return learnable ? dictionary.insert(text) : -1;
}

bool RowDecoder::fail(ProblemKind kind, const Cell& cell, const Record& record,
                      std::string sentence, std::vector<std::string> fixes) {
  problem_ = {kind,
              cell.column,
              record.fields[static_cast<std::size_t>(cell.column)].at,
              std::move(sentence),
              std::move(fixes),
              false};
  if (may_skip_) {
    problem_.fixes.emplace_back(skip_fix);
  }
  return false;
}

// For what skipping rows cannot mend.
bool RowDecoder::fail_column(ProblemKind kind, const Cell& cell, const Record& record,
                             std::string sentence, std::vector<std::string> fixes) {
  fail(kind, cell, record, std::move(sentence), {});
  problem_.fixes = std::move(fixes);
  problem_.of_column = true;
  return false;
}

// For a text that is no number, by what is around it.
std::vector<std::string> RowDecoder::fixes_for(std::string_view text) const {
  std::vector<std::string> fixes = number_fixes(text, dialect_);
  if (!preamble_fix_.empty()) {
    fixes.insert(fixes.begin(), preamble_fix_);
  }
  return fixes;
}

bool RowDecoder::fail_not_number(const Cell& cell, const Record& record, std::string_view text) {
  std::string sentence = fmt::format("cannot read {} as a number", quoted(text));
  std::vector<std::string> fixes;
  if (cell.role == Role::target && plan_.numbers_were_assumed) {
    sentence += ", and the targets before it are numbers";
    fixes.emplace_back("--model softmax");
  }
  sentence += decimal_note(text, options_.numbers);
  const std::vector<std::string> others = fixes_for(text);
  fixes.insert(fixes.end(), others.begin(), others.end());
  if (text.find(',') == std::string_view::npos) {  // --na takes a list with commas
    fixes.push_back("--na " + shell_word(printable(text)));
  }
  if (cell.role == Role::number && !known_) {
    fixes.push_back("--categorical " + shell_word(names_[cell.column]));
  }
  return fail(ProblemKind::not_number, cell, record, std::move(sentence), std::move(fixes));
}

bool RowDecoder::fail_text_column(const Cell& cell, const Record& record, std::string_view text) {
  const std::string holds = fmt::format("holds text such as {}, not numbers{}", quoted(text),
                                        decimal_note(text, options_.numbers));
  std::vector<std::string> fixes = fixes_for(text);
  if (cell.role == Role::target) {
    fixes.emplace_back("--model softmax");
    return fail_column(ProblemKind::text_column, cell, record, "the target " + holds,
                       std::move(fixes));
  }
  std::string list;
  for (std::size_t i = 0; i < std::min<std::size_t>(text_names_.size(), 10); ++i) {
    list += (i == 0 ? "" : ",") + text_names_[i];
  }
  fixes.push_back("--categorical " + shell_word(list));
  fixes.push_back("--ignore " + shell_word(list));
  return fail_column(ProblemKind::text_column, cell, record, "this column " + holds,
                     std::move(fixes));
}

}  // namespace steepest::data
