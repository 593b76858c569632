// SPDX-License-Identifier: Apache-2.0
// AVX2: two compares a block, eight fields turned into numbers at once, two to a register.
#include <immintrin.h>

#include <cstdint>

#include "src/data/decimal_digits.hpp"
#include "src/data/field_kernels_levels.hpp"
#include "src/data/row_index_loop.hpp"

namespace steepest::data {
namespace {

class Avx2 {
 public:
  Avx2(char delimiter, char quote)
      : delimiter_(_mm256_set1_epi8(delimiter)), quote_(_mm256_set1_epi8(quote)) {}

  [[nodiscard]] BlockMasks masks(const char* text) const {
    const __m256i first = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(text));
    const __m256i second = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(text + 32));
    const auto equal = [&](__m256i wanted) {
      const auto low =
          static_cast<std::uint32_t>(_mm256_movemask_epi8(_mm256_cmpeq_epi8(first, wanted)));
      const auto high =
          static_cast<std::uint32_t>(_mm256_movemask_epi8(_mm256_cmpeq_epi8(second, wanted)));
      return low | (static_cast<std::uint64_t>(high) << 32);
    };
    BlockMasks block;
    block.delimiters = equal(delimiter_);
    block.line_feeds = equal(_mm256_set1_epi8('\n'));
    block.quotes = equal(quote_);
    block.returns = equal(_mm256_set1_epi8('\r'));
    block.nulls = equal(_mm256_setzero_si256());
    return block;
  }

  static std::uint64_t prefix_xor(std::uint64_t bits) {
    const __m128i product = _mm_clmulepi64_si128(_mm_cvtsi64_si128(static_cast<std::int64_t>(bits)),
                                                 _mm_set1_epi8(-1), 0);
    return static_cast<std::uint64_t>(_mm_cvtsi128_si64(product));
  }

  static int trailing_zeros(std::uint64_t bits) { return static_cast<int>(_tzcnt_u64(bits)); }
  static int population(std::uint64_t bits) { return static_cast<int>(_mm_popcnt_u64(bits)); }

  // Eight positions without a branch; a block of numbers has about six.
  static void append(std::uint64_t boundaries, std::uint32_t at, std::uint32_t* next_starts,
                     std::uint32_t* ends) {
    const int count = population(boundaries);
    int done = 0;
    do {
      for (int i = 0; i < 8; ++i) {
        const std::uint32_t position = at + static_cast<std::uint32_t>(_tzcnt_u64(boundaries));
        ends[done + i] = position;
        next_starts[done + i] = position + 1;
        boundaries = _blsr_u64(boundaries);
      }
      done += 8;
    } while (done < count);
  }

 private:
  __m256i delimiter_;
  __m256i quote_;
};

// Row l keeps the last l bytes of a window; row p takes out byte p and moves those before it up.
struct Tables {
  alignas(32) std::uint8_t last[window + 1][window];
  alignas(32) std::uint8_t without[window + 1][window];  // row 16: takes out none
  double scale[window + 1];                              // by the position of the point
};

constexpr Tables make_tables() {
  Tables tables{};
  for (int l = 0; l <= window; ++l) {
    for (int i = 0; i < window; ++i) {
      tables.last[l][i] = i >= window - l ? 0xFF : 0;
    }
  }
  for (int p = 0; p <= window; ++p) {
    for (int i = 0; i < window; ++i) {
      const int source = p == window || i > p ? i : i - 1;
      tables.without[p][i] = static_cast<std::uint8_t>(source < 0 ? 0x80 : source);
    }
    tables.scale[p] = p == window ? 1.0 : inverse_powers[window - 1 - p];
  }
  return tables;
}
constexpr Tables tables = make_tables();

// Eight fields under way.
// NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init): every element is set before it is read.
struct Eight {
  std::uint32_t lengths = 0;    // bits above 15: some field has no digit, or too many
  std::uint32_t no_digits = 0;  // bits above 31: some field is a point alone
  std::uint32_t negative = 0;   // a bit a field
  alignas(32) double scales[8];
  __m256i over_nine[4];  // what is no digit; lanes: fields h and h + 4
};

// Length of a field without its sign; huge for a lone delimiter that is a sign itself.
inline std::uint32_t unsigned_length(const char* text, std::uint32_t begin, std::uint32_t end) {
  return end - begin - (text[begin] == '-' ? 1 : 0);
}

// Position in the window of the point of a field of `kept` bytes; `window` for none.
inline std::uint32_t point_of(__m128i bytes, __m128i decimal, std::uint32_t kept) {
  const auto points = static_cast<std::uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, decimal)));
  return _tzcnt_u32((points & (0xFFFFU << (window - kept))) | (1U << window));
}

inline __m128i window_of(const char* text, std::uint32_t end) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(text + end - window));
}

// The digits of field `slot`, one a byte, the point taken out, right-aligned in 16 bytes. No
// branch: what is amiss only leaves its mark in `eight`.
inline __m128i digits_of(const char* text, std::uint32_t begin, std::uint32_t end, __m128i decimal,
                         unsigned slot, Eight& eight) {
  const std::uint32_t length = unsigned_length(text, begin, end);
  const std::uint32_t kept = length < window ? length : window;
  const __m128i bytes = window_of(text, end);
  const std::uint32_t point = point_of(bytes, decimal, kept);
  eight.negative |= (end - begin - length) << slot;
  eight.lengths |= length - 1;
  eight.no_digits |= ((length - 1) | (point ^ (window - 1))) - 1;
  eight.scales[slot] = tables.scale[point];
  const __m128i digits =
      _mm_and_si128(_mm_sub_epi8(bytes, _mm_set1_epi8('0')),
                    _mm_load_si128(reinterpret_cast<const __m128i*>(tables.last[kept])));
  return _mm_shuffle_epi8(digits,
                          _mm_load_si128(reinterpret_cast<const __m128i*>(tables.without[point])));
}

// Which of four doubles lie so near a float32 midpoint that the rounding is not certain.
inline std::uint32_t near_midpoint(__m256d numbers) {
  const __m256i dropped = _mm256_and_si256(
      _mm256_castpd_si256(numbers), _mm256_set1_epi64x(static_cast<std::int64_t>(dropped_bits)));
  const __m256i above = _mm256_cmpgt_epi64(
      dropped, _mm256_set1_epi64x(static_cast<std::int64_t>(midpoint - guard - 1)));
  const __m256i below = _mm256_cmpgt_epi64(
      _mm256_set1_epi64x(static_cast<std::int64_t>(midpoint + guard + 1)), dropped);
  return static_cast<std::uint32_t>(
      _mm256_movemask_pd(_mm256_castsi256_pd(_mm256_and_si256(above, below))));
}

inline __m256d integers(__m256i high, __m256i low, int half) {
  const __m128i h = half == 0 ? _mm256_castsi256_si128(high) : _mm256_extracti128_si256(high, 1);
  const __m128i l = half == 0 ? _mm256_castsi256_si128(low) : _mm256_extracti128_si256(low, 1);
  return _mm256_fmadd_pd(_mm256_cvtepi32_pd(h), _mm256_set1_pd(1e8), _mm256_cvtepi32_pd(l));
}

// Which of eight fields are not decided, a bit each: those with bytes that are no digits, with no
// digit or too many, or near a midpoint.
std::uint32_t undecided_of(const NumberTask& task, std::size_t f, __m128i decimal,
                           const Eight& eight, std::uint32_t near) {
  std::uint32_t undecided = near;
  for (unsigned h = 0; h < 4; ++h) {
    const auto fine = static_cast<std::uint32_t>(
        _mm256_movemask_epi8(_mm256_cmpeq_epi8(eight.over_nine[h], _mm256_setzero_si256())));
    undecided |= static_cast<std::uint32_t>((fine & 0xFFFFU) != 0xFFFFU) << h;
    undecided |= static_cast<std::uint32_t>((fine >> 16) != 0xFFFFU) << (h + 4);
  }
  for (unsigned slot = 0; slot < 8; ++slot) {
    const std::uint32_t end = task.ends[f + slot];
    const std::uint32_t length = unsigned_length(task.text, task.starts[f + slot], end);
    const bool too_long = length - 1 >= window;
    const bool lone = length == 1 && point_of(window_of(task.text, end), decimal, 1) < window;
    undecided |= static_cast<std::uint32_t>(too_long || lone) << slot;
  }
  return undecided;
}

std::uint32_t empty_of(const NumberTask& task, std::size_t f) {
  std::uint32_t empty = 0;
  for (unsigned slot = 0; slot < 8; ++slot) {
    empty |= static_cast<std::uint32_t>(task.starts[f + slot] == task.ends[f + slot]) << slot;
  }
  return empty;
}

// Eight numbers from field f on into task.values; the fields that are not decided, a bit each.
inline std::uint32_t parse_eight(const NumberTask& task, std::size_t f, __m128i decimal) {
  const __m256i by_ten = _mm256_set1_epi16(tens);
  const __m256i by_hundred = _mm256_set1_epi32(hundreds);
  const std::uint32_t* const starts = task.starts + f;
  const std::uint32_t* const ends = task.ends + f;
  Eight eight;
  __m256i fours[4];  // lanes: fields h and h + 4, four numbers below 10^4 each
  __m256i amiss = _mm256_setzero_si256();
#pragma GCC unroll 4
  for (unsigned h = 0; h < 4; ++h) {
    const __m128i first = digits_of(task.text, starts[h], ends[h], decimal, h, eight);
    const __m128i second = digits_of(task.text, starts[h + 4], ends[h + 4], decimal, h + 4, eight);
    const __m256i digits = _mm256_inserti128_si256(_mm256_castsi128_si256(first), second, 1);
    eight.over_nine[h] = _mm256_subs_epu8(digits, _mm256_set1_epi8(9));
    amiss = _mm256_or_si256(amiss, eight.over_nine[h]);
    fours[h] = _mm256_madd_epi16(_mm256_maddubs_epi16(digits, by_ten), by_hundred);
  }
  const __m256i by_myriad = _mm256_set1_epi32(myriads);
  const __m256 pairs01 =
      _mm256_castsi256_ps(_mm256_madd_epi16(_mm256_packus_epi32(fours[0], fours[1]), by_myriad));
  const __m256 pairs23 =
      _mm256_castsi256_ps(_mm256_madd_epi16(_mm256_packus_epi32(fours[2], fours[3]), by_myriad));
  const __m256i high = _mm256_castps_si256(_mm256_shuffle_ps(pairs01, pairs23, 0x88));
  const __m256i low = _mm256_castps_si256(_mm256_shuffle_ps(pairs01, pairs23, 0xDD));
  const __m256d first = _mm256_mul_pd(integers(high, low, 0), _mm256_load_pd(eight.scales));
  const __m256d last = _mm256_mul_pd(integers(high, low, 1), _mm256_load_pd(eight.scales + 4));
  const __m256 values = _mm256_insertf128_ps(_mm256_castps128_ps256(_mm256_cvtpd_ps(first)),
                                             _mm256_cvtpd_ps(last), 1);
  const __m256i bits = _mm256_sllv_epi32(_mm256_set1_epi32(static_cast<int>(eight.negative)),
                                         _mm256_setr_epi32(31, 30, 29, 28, 27, 26, 25, 24));
  const __m256 signs =
      _mm256_and_ps(_mm256_castsi256_ps(bits), _mm256_castsi256_ps(_mm256_set1_epi32(INT32_MIN)));
  _mm256_storeu_ps(task.values + f, _mm256_xor_ps(values, signs));
  const std::uint32_t near = near_midpoint(first) | (near_midpoint(last) << 4);
  const std::uint32_t doubt = near | (eight.lengths & ~15U) | (eight.no_digits & ~31U);
  if (__builtin_expect(doubt == 0 && _mm256_testz_si256(amiss, amiss) != 0, 1)) {
    return 0;
  }
  return undecided_of(task, f, decimal, eight, near);
}

std::size_t parse_numbers(const NumberTask& task) {
  const __m128i decimal = _mm_set1_epi8(task.decimal);
  std::size_t doubtful = 0;
  for (std::size_t f = 0; f < task.fields; f += 8) {
    const std::uint32_t undecided = parse_eight(task, f, decimal);
    if (__builtin_expect(undecided == 0, 1)) {
      continue;
    }
    const std::uint32_t empty = empty_of(task, f);
    for (std::uint32_t left = empty; left != 0; left &= left - 1) {
      task.values[f + _tzcnt_u32(left)] = __builtin_nanf("");
    }
    std::uint32_t listed = task.empty_is_doubtful ? undecided | empty : undecided & ~empty;
    for (; listed != 0; listed &= listed - 1) {
      task.doubtful[doubtful++] = static_cast<std::uint32_t>(f) + _tzcnt_u32(listed);
    }
  }
  while (doubtful > 0 && task.doubtful[doubtful - 1] >= task.fields) {
    --doubtful;
  }
  return doubtful;
}

}  // namespace

const FieldKernels avx2_field_kernels{index_rows_loop<Avx2>, parse_numbers};

}  // namespace steepest::data
