// SPDX-License-Identifier: Apache-2.0
// The level every processor has: bytes one by one, numbers by fast_float.
#include <bit>
#include <cmath>
#include <limits>

#include "src/data/field_kernels_levels.hpp"
#include "src/data/number.hpp"
#include "src/data/row_index_loop.hpp"

namespace steepest::data {
namespace {

class Portable {
 public:
  Portable(char delimiter, char quote) : delimiter_(delimiter), quote_(quote) {}

  [[nodiscard]] BlockMasks masks(const char* text) const {
    BlockMasks block;
    for (unsigned i = 0; i < 64; ++i) {
      const char c = text[i];
      const std::uint64_t bit = std::uint64_t{1} << i;
      block.delimiters |= c == delimiter_ ? bit : 0;
      block.line_feeds |= c == '\n' ? bit : 0;
      block.quotes |= c == quote_ ? bit : 0;
      block.returns |= c == '\r' ? bit : 0;
      block.nulls |= c == '\0' ? bit : 0;
    }
    return block;
  }

  static std::uint64_t prefix_xor(std::uint64_t bits) {
    for (unsigned shift = 1; shift < 64; shift *= 2) {
      bits ^= bits << shift;
    }
    return bits;
  }

  static int trailing_zeros(std::uint64_t bits) { return std::countr_zero(bits); }
  static int population(std::uint64_t bits) { return std::popcount(bits); }

  static void append(std::uint64_t boundaries, std::uint32_t at, std::uint32_t* next_starts,
                     std::uint32_t* ends) {
    for (; boundaries != 0; boundaries &= boundaries - 1) {
      const std::uint32_t position = at + static_cast<std::uint32_t>(std::countr_zero(boundaries));
      *ends++ = position;
      *next_starts++ = position + 1;
    }
  }

 private:
  char delimiter_;
  char quote_;
};

std::size_t parse_numbers(const NumberTask& task) {
  std::size_t doubtful = 0;
  for (std::size_t f = 0; f < task.fields; ++f) {
    const char* const begin = task.text + task.starts[f];
    const char* const end = task.text + task.ends[f];
    if (begin == end) {
      task.values[f] = std::numeric_limits<float>::quiet_NaN();
      if (!task.empty_is_doubtful) {
        continue;
      }
    } else if (parse_plain_number(std::string_view(begin, static_cast<std::size_t>(end - begin)),
                                  task.values[f], task.decimal)) {
      continue;
    }
    task.doubtful[doubtful++] = static_cast<std::uint32_t>(f);
  }
  return doubtful;
}

}  // namespace

const FieldKernels portable_field_kernels{index_rows_loop<Portable>, parse_numbers};

}  // namespace steepest::data
