// SPDX-License-Identifier: Apache-2.0
// AVX-512: 64 bytes compared at once, eight fields turned into numbers at once.
#include <immintrin.h>

#include "src/data/decimal_digits.hpp"
#include "src/data/field_kernels_levels.hpp"
#include "src/data/row_index_loop.hpp"

namespace steepest::data {
namespace {

alignas(64) constexpr std::uint8_t counting[64] = {
    0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21,
    22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43,
    44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63};

class Avx512 {
 public:
  Avx512(char delimiter, char quote)
      : delimiter_(_mm512_set1_epi8(delimiter)), quote_(_mm512_set1_epi8(quote)) {}

  [[nodiscard]] BlockMasks masks(const char* text) const {
    const __m512i bytes = _mm512_loadu_si512(text);
    BlockMasks block;
    block.delimiters = _mm512_cmpeq_epi8_mask(bytes, delimiter_);
    block.line_feeds = _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8('\n'));
    block.quotes = _mm512_cmpeq_epi8_mask(bytes, quote_);
    block.returns = _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8('\r'));
    block.nulls = _mm512_testn_epi8_mask(bytes, bytes);
    return block;
  }

  static std::uint64_t prefix_xor(std::uint64_t bits) {
    const __m128i product = _mm_clmulepi64_si128(_mm_cvtsi64_si128(static_cast<std::int64_t>(bits)),
                                                 _mm_set1_epi8(-1), 0);
    return static_cast<std::uint64_t>(_mm_cvtsi128_si64(product));
  }

  static int trailing_zeros(std::uint64_t bits) { return static_cast<int>(_tzcnt_u64(bits)); }
  static int population(std::uint64_t bits) { return static_cast<int>(_mm_popcnt_u64(bits)); }

  // Sixteen positions at a time; a block of numbers has about six.
  static void append(std::uint64_t boundaries, std::uint32_t at, std::uint32_t* next_starts,
                     std::uint32_t* ends) {
    const __m512i packed = _mm512_maskz_compress_epi8(boundaries, _mm512_load_si512(counting));
    const __m512i base = _mm512_set1_epi32(static_cast<int>(at));
    store(_mm512_castsi512_si128(packed), base, next_starts, ends);
    const int count = population(boundaries);
    if (count > 16) {
      store(_mm512_extracti32x4_epi32(packed, 1), base, next_starts + 16, ends + 16);
      if (count > 32) {
        store(_mm512_extracti32x4_epi32(packed, 2), base, next_starts + 32, ends + 32);
        store(_mm512_extracti32x4_epi32(packed, 3), base, next_starts + 48, ends + 48);
      }
    }
  }

 private:
  static void store(__m128i offsets, __m512i base, std::uint32_t* next_starts,
                    std::uint32_t* ends) {
    const __m512i positions = _mm512_add_epi32(_mm512_cvtepu8_epi32(offsets), base);
    _mm512_storeu_si512(ends, positions);
    _mm512_storeu_si512(next_starts, _mm512_add_epi32(positions, _mm512_set1_epi32(1)));
  }

  __m512i delimiter_;
  __m512i quote_;
};

// The 16 bytes before each of four ends.
inline __m512i load_four(const char* text, const std::uint32_t* ends) {
  const auto bytes = [&](int i) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(text + ends[i] - window));
  };
  const __m256i low = _mm256_inserti128_si256(_mm256_castsi128_si256(bytes(0)), bytes(1), 1);
  const __m256i high = _mm256_inserti128_si256(_mm256_castsi128_si256(bytes(2)), bytes(3), 1);
  return _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
}

// 128 bits, one for each byte of eight windows: 16 bits a field.
inline __m128i join(std::uint64_t first_four, std::uint64_t last_four) {
  return _mm_set_epi64x(static_cast<std::int64_t>(last_four),
                        static_cast<std::int64_t>(first_four));
}
inline std::uint64_t first_four(__m128i bits) {
  return static_cast<std::uint64_t>(_mm_cvtsi128_si64(bits));
}
inline std::uint64_t last_four(__m128i bits) {
  return static_cast<std::uint64_t>(_mm_extract_epi64(bits, 1));
}

struct EightNumbers {
  __m256 values;
  std::uint32_t undecided;  // a bit a field
  std::uint32_t empty;
};

inline EightNumbers parse_eight(const char* text, const std::uint32_t* starts,
                                const std::uint32_t* ends, __m512i point) {
  const __m256i lengths32 =
      _mm256_sub_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(ends)),
                       _mm256_loadu_si256(reinterpret_cast<const __m256i*>(starts)));
  const __m128i lengths = _mm256_cvtusepi32_epi16(lengths32);
  __m512i a = load_four(text, ends);
  __m512i b = load_four(text, ends + 4);

  // Which bytes of the windows are the field's, and which of those are digits.
  const __m128i all = _mm_set1_epi16(-1);
  const __m128i within = _mm_sllv_epi16(all, _mm_subs_epu16(_mm_set1_epi16(window), lengths));
  const __m128i leading = _mm_andnot_si128(_mm_slli_epi16(within, 1), within);
  const __m512i minus = _mm512_set1_epi8('-');
  const __m128i negative = _mm_and_si128(
      join(_mm512_cmpeq_epi8_mask(a, minus), _mm512_cmpeq_epi8_mask(b, minus)), leading);
  const __m128i unsigned_part = _mm_xor_si128(within, negative);
  const __m128i points = _mm_and_si128(
      join(_mm512_cmpeq_epi8_mask(a, point), _mm512_cmpeq_epi8_mask(b, point)), unsigned_part);
  const __m512i zero_digit = _mm512_set1_epi8('0');
  a = _mm512_maskz_sub_epi8(first_four(unsigned_part), a, zero_digit);
  b = _mm512_maskz_sub_epi8(last_four(unsigned_part), b, zero_digit);
  const __m512i nine = _mm512_set1_epi8(9);
  const __m128i others = join(_mm512_cmpgt_epu8_mask(a, nine), _mm512_cmpgt_epu8_mask(b, nine));
  const __m128i below_point = _mm_add_epi16(points, all);  // bits under the lowest point
  const __m128i wrong =
      _mm_or_si128(_mm_xor_si128(others, points), _mm_and_si128(points, below_point));
  const std::uint32_t empty = _mm_cmpeq_epi16_mask(lengths, _mm_setzero_si128());
  std::uint32_t undecided = _mm_test_epi16_mask(wrong, wrong);
  undecided |= _mm_cmpeq_epi16_mask(unsigned_part, points);  // no digit
  undecided |= _mm_cmpgt_epu16_mask(lengths, _mm_set1_epi16(window));

  // The digits before the point move up by one byte, over it.
  const __m128i moved =
      _mm_maskz_mov_epi16(_mm_test_epi16_mask(points, points), _mm_xor_si128(points, below_point));
  a = _mm512_mask_blend_epi8(first_four(moved), a, _mm512_bslli_epi128(a, 1));
  b = _mm512_mask_blend_epi8(last_four(moved), b, _mm512_bslli_epi128(b, 1));

  // Sixteen digits to two numbers below 10^8. Lane j then holds fields j and j + 4.
  const __m512i by_ten = _mm512_set1_epi16(tens);
  const __m512i by_hundred = _mm512_set1_epi32(hundreds);
  a = _mm512_madd_epi16(_mm512_maddubs_epi16(a, by_ten), by_hundred);
  b = _mm512_madd_epi16(_mm512_maddubs_epi16(b, by_ten), by_hundred);
  __m512i halves = _mm512_madd_epi16(_mm512_packus_epi32(a, b), _mm512_set1_epi32(myriads));
  halves = _mm512_permutexvar_epi64(_mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7), halves);
  const __m512d high = _mm512_cvtepu64_pd(_mm512_and_si512(halves, _mm512_set1_epi64(0xFFFFFFFF)));
  const __m512d low = _mm512_cvtepu64_pd(_mm512_srli_epi64(halves, 32));
  const __m512d integer = _mm512_fmadd_pd(high, _mm512_set1_pd(1e8), low);

  // Digits behind the point: 16, that is index 0 of the table, when there is none.
  const __m256i decimals = _mm256_sub_epi32(_mm256_lzcnt_epi32(_mm256_cvtepu16_epi32(points)),
                                            _mm256_set1_epi32(window));
  const __m512d scale =
      _mm512_permutex2var_pd(_mm512_load_pd(inverse_powers), _mm512_cvtepu32_epi64(decimals),
                             _mm512_load_pd(inverse_powers + 8));
  const __m512d number = _mm512_mul_pd(integer, scale);
  const __m512i dropped = _mm512_and_si512(
      _mm512_castpd_si512(number), _mm512_set1_epi64(static_cast<std::int64_t>(dropped_bits)));
  undecided |= _mm512_cmple_epu64_mask(
      _mm512_sub_epi64(dropped, _mm512_set1_epi64(static_cast<std::int64_t>(midpoint - guard))),
      _mm512_set1_epi64(static_cast<std::int64_t>(2 * guard)));
  __m256 values = _mm512_cvtpd_ps(number);
  values = _mm256_mask_xor_ps(values, _mm_test_epi16_mask(negative, negative), values,
                              _mm256_set1_ps(-0.0F));
  values =
      _mm256_mask_mov_ps(values, static_cast<__mmask8>(empty), _mm256_set1_ps(__builtin_nanf("")));
  return {values, undecided & ~empty, empty};
}

std::size_t parse_numbers(const NumberTask& task) {
  const __m512i point = _mm512_set1_epi8(task.decimal);
  std::size_t doubtful = 0;
  for (std::size_t f = 0; f < task.fields; f += 8) {
    const EightNumbers eight = parse_eight(task.text, task.starts + f, task.ends + f, point);
    _mm256_storeu_ps(task.values + f, eight.values);
    std::uint32_t listed = eight.undecided | (task.empty_is_doubtful ? eight.empty : 0);
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

const FieldKernels avx512_field_kernels{index_rows_loop<Avx512>, parse_numbers};

}  // namespace steepest::data
