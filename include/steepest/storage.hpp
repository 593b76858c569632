// SPDX-License-Identifier: Apache-2.0
// The form in which a backend holds features between passes.
#pragma once

#include <string_view>

namespace steepest {

/// float32: standardized, 4 bytes a feature. uint8: as read, 1 byte, where every feature is a whole
/// number from 0 to 255; standardized in registers by the same arithmetic, so results are those of
/// float32 to the bit. bfloat16: standardized and rounded to 8 bits of precision, 2 bytes; the
/// model is that of the rounded rows. automatic: float32.
enum class Storage { automatic, float32, bfloat16, uint8 };

/// Parses auto, float32, bfloat16, uint8. Throws OptionError that lists them.
[[nodiscard]] Storage parse_storage(std::string_view text);

[[nodiscard]] std::string_view name(Storage storage);

}  // namespace steepest
