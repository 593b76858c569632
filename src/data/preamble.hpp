// SPDX-License-Identifier: Apache-2.0
// Lines in front of the header or the first row: comments to pass over, and what else may stand
// there, to be pointed out.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "steepest/read.hpp"

namespace steepest::data {

/// What begins a comment where nobody said so.
inline constexpr char usual_comment = '#';

/// The head behind the lines at its front that begin with `comment`, and blank ones among them.
[[nodiscard]] std::string_view behind_comments(std::string_view head, char comment);

/// Of the lines that behind_comments() leaves out, those to pass over: up to the first one that
/// splits into `fields` fields, which is a header or a row. `whole`: the head is the entire file.
[[nodiscard]] std::int64_t leading_comments(std::string_view head, bool whole,
                                            const Dialect& dialect, std::int64_t fields);

/// Lines in front of the first record with `fields` fields, when that is sure: records before it
/// have one field, or fewer than `fields` by two at least (a header may lack the name of one
/// column); all records from it on, two at least, have so many.
[[nodiscard]] std::optional<std::int64_t> preamble_lines(std::string_view head, bool whole,
                                                         const Dialect& dialect,
                                                         std::int64_t fields);

}  // namespace steepest::data
