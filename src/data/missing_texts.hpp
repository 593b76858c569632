// SPDX-License-Identifier: Apache-2.0
// Which texts mean that a value is missing: the list of pandas, and the user's own.
#pragma once

#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "steepest/read.hpp"

namespace steepest::data {

/// Lets std::string tables be searched by string_view.
struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const noexcept {
    return std::hash<std::string_view>{}(text);
  }
};

class MissingTexts {
 public:
  /// `format`: of the numbers in the file. The user's own may also be written with a point, since
  /// a list of texts is separated by commas.
  explicit MissingTexts(const std::vector<std::string>& own = {}, const NumberFormat& format = {});

  /// Whether `text` is on the list, or is NaN in any spelling, or equals a number the user listed.
  [[nodiscard]] bool contains(std::string_view text) const;

  /// True when the user listed numbers (-999): then every number read has to be looked up, too.
  [[nodiscard]] bool has_numbers() const { return !numbers_.empty(); }
  [[nodiscard]] const std::vector<double>& numbers() const { return numbers_; }

 private:
  std::unordered_set<std::string, TextHash, std::equal_to<>> texts_;
  std::vector<double> numbers_;
  NumberFormat format_;
};

}  // namespace steepest::data
