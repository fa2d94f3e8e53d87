// Decimals with AVX2: four at a time, each in a register of 32 characters that ends where the number ends.
//
// maddubs, madd, packus and madd again make integers of 2, 4 and 8 digits of them (W. Mula, "Parsing decimal numbers,
// part 2: SSE", 2014 and 2018).  The commas are found before, 64 characters at a time, as structural characters are in
// G. Langdale and D. Lemire, "Parsing gigabytes of JSON per second" (2019), so that no number waits for the one before.
#pragma once

#include <immintrin.h>

#include "decode/decimal.hpp"
#include "decode/kernels/avx2/machine.hpp"

namespace baseten::avx2 {

BASETEN_AVX2 inline uint64_t commas_of_32(const char* text) {
    __m256i characters = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(text));
    return static_cast<uint32_t>(_mm256_movemask_epi8(_mm256_cmpeq_epi8(characters, _mm256_set1_epi8(','))));
}

BASETEN_AVX2 inline size_t find_commas(const char* text, size_t size, uint16_t* behind) {
    uint16_t* next = behind;
    for (size_t block = 0; block < size; block += 64)
        next = note_commas(commas_of_32(text + block) | commas_of_32(text + block + 32) << 32, block, next);
    return static_cast<size_t>(next - behind);
}

// The 32 characters before `end` as the values of digits, zeros in front of the last `count`.
BASETEN_AVX2 inline __m256i digits_before(const char* end, size_t count) {
    __m256i characters = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(end - 32));
    __m256i mask = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(kept_digits.data() + count));
    return _mm256_and_si256(_mm256_xor_si256(characters, _mm256_set1_epi8('0')), mask);
}

BASETEN_AVX2 inline __m256i four_digits(__m256i digits) {
    __m256i twos = _mm256_maddubs_epi16(digits, _mm256_set1_epi16(10 | 1 << 8));
    return _mm256_madd_epi16(twos, _mm256_set1_epi32(100 | 1 << 16));
}

// Two numbers as integers of eight digits: none, high, none, high in the lower lane, middle, low, middle, low in the
// upper.
BASETEN_AVX2 inline __m256i eight_digits(__m256i first, __m256i second) {
    return _mm256_madd_epi16(_mm256_packus_epi32(first, second), _mm256_set1_epi32(10000 | 1 << 16));
}

BASETEN_AVX2 inline __m256d four_doubles(const double* a, const double* b, const double* c, const double* d) {
    return _mm256_set_m128d(_mm_loadh_pd(_mm_load_sd(c), d), _mm_loadh_pd(_mm_load_sd(a), b));
}

// Not zero where a character that should be a digit is none.
BASETEN_AVX2 inline __m256i no_digits(__m256i digits) { return _mm256_subs_epu8(digits, _mm256_set1_epi8(9)); }

// Not zero where a double is in doubt, see in_doubt(): the upper halves are made zero, which is never below the bound.
BASETEN_AVX2 inline __m256i doubts(__m256d values) {
    __m256i distance = _mm256_sub_epi64(_mm256_castpd_si256(values), _mm256_set1_epi64x(midpoint - doubt));
    distance = _mm256_and_si256(distance, _mm256_set1_epi64x(below_float32));
    return _mm256_cmpgt_epi32(_mm256_set1_epi64x((2 * doubt + 1) | ~uint64_t{0} << 32), distance);
}

BASETEN_AVX2 inline size_t read_decimals(const char* text, const uint16_t* starts, size_t count, size_t gap,
                                         float* out) {
    const __m256d e8 = _mm256_set1_pd(1e8), e16 = _mm256_set1_pd(1e16);
    for (size_t i = 0; i + 4 <= count; i += 4) {
        DecimalShape shape[4];
        __m256i digits[4];
        for (size_t k = 0; k < 4; ++k) {
            size_t start = starts[i + k], end = starts[i + k + 1] - size_t{1};
            shape[k] = decimal_shape(text, start + gap, end);
            digits[k] = digits_before(text + end, shape[k].count);
        }
        __m256 ab = _mm256_castsi256_ps(eight_digits(four_digits(digits[0]), four_digits(digits[1])));
        __m256 cd = _mm256_castsi256_ps(eight_digits(four_digits(digits[2]), four_digits(digits[3])));
        __m256i even = _mm256_castps_si256(_mm256_shuffle_ps(ab, cd, _MM_SHUFFLE(2, 0, 2, 0)));
        __m256i odd = _mm256_castps_si256(_mm256_shuffle_ps(ab, cd, _MM_SHUFFLE(3, 1, 3, 1)));
        __m256d high = _mm256_cvtepi32_pd(_mm256_castsi256_si128(odd));
        __m256d middle = _mm256_cvtepi32_pd(_mm256_extracti128_si256(even, 1));
        __m256d low = _mm256_cvtepi32_pd(_mm256_extracti128_si256(odd, 1));
        __m256d value = _mm256_add_pd(_mm256_mul_pd(middle, e8), low);
        value = _mm256_add_pd(_mm256_mul_pd(high, e16), value);
        value = _mm256_mul_pd(value, four_doubles(shape[0].scale, shape[1].scale, shape[2].scale, shape[3].scale));
        value = _mm256_add_pd(value, four_doubles(shape[0].whole, shape[1].whole, shape[2].whole, shape[3].whole));
        _mm_storeu_ps(out + i, _mm256_cvtpd_ps(value));

        __m256i most = _mm256_max_epu8(_mm256_max_epu8(digits[0], digits[1]), _mm256_max_epu8(digits[2], digits[3]));
        __m256i doubtful = doubts(value);
        __m256i wrong = _mm256_or_si256(doubtful, no_digits(most));
        if (__builtin_expect(_mm256_testz_si256(wrong, wrong), 1)) continue;
        int lanes = _mm256_movemask_ps(_mm256_castsi256_ps(doubtful));
        for (size_t k = 0; k < 4; ++k) {
            __m256i bad = no_digits(digits[k]);
            if ((lanes >> 2 * k & 1) != 0 || !_mm256_testz_si256(bad, bad)) return i + k;
        }
    }
    return count & ~size_t{3};
}

}  // namespace baseten::avx2
