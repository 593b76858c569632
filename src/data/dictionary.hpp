// SPDX-License-Identifier: Apache-2.0
// Distinct texts and their codes: the levels of a categorical column, the classes of a target.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "src/data/missing_texts.hpp"
#include "steepest/read.hpp"

namespace steepest::data {

/// Codes count from 0 in the order of insertion. Texts that are equal as numbers (1 and 1.0) become
/// one level when all texts are numbers: at the end, since a later text may be none.
class Dictionary {
 public:
  static constexpr std::int64_t level_limit = 10'000;

  /// `format`: how the file writes the texts that are numbers.
  explicit Dictionary(const NumberFormat& format = {}) : format_(format) {}

  /// Levels learned before: code k is levels[k]. Where they are numbers they have a point.
  explicit Dictionary(const std::vector<std::string>& levels, const NumberFormat& format = {});

  [[nodiscard]] std::int64_t size() const { return static_cast<std::int64_t>(texts_.size()); }
  [[nodiscard]] const std::vector<std::string>& texts() const { return texts_; }

  /// Code of the text, by its value as a number where all levels are numbers; -1 when unknown.
  [[nodiscard]] std::int32_t find(std::string_view text) const;

  /// Code of the text, which is added when it is new.
  std::int32_t insert(std::string_view text);

  struct Sorted {
    std::vector<std::string> levels;     ///< by number when all are numbers, else by bytes
    std::vector<std::int32_t> position;  ///< old code -> index into levels
  };
  [[nodiscard]] Sorted sorted() const;

 private:
  NumberFormat format_;
  std::vector<std::string> texts_;
  std::unordered_map<std::string, std::int32_t, TextHash, std::equal_to<>> codes_;
  std::unordered_map<double, std::int32_t> codes_by_value_;  // known levels, all numbers
};

}  // namespace steepest::data
