// SPDX-License-Identifier: Apache-2.0
// The page of a range test.
#pragma once

#include <cstdint>
#include <string>

#include "src/report/page.hpp"
#include "steepest/find_rate.hpp"

namespace steepest::report {

/// `data`: files, as given; `rows` of them.
[[nodiscard]] std::string find_rate_page(const FindRateResult& result, const std::string& data,
                                         std::int64_t rows, const RunFacts& facts);

}  // namespace steepest::report
