// Decimals with SSE4.1: two registers of 16 characters for each number, of which the second ends where the number ends.
//
// The same steps as with AVX2, see avx2/decimals.hpp; the doubles come in pairs.
#pragma once

#include <immintrin.h>

#include "decode/decimal.hpp"
#include "decode/kernels/sse41/machine.hpp"

namespace baseten::sse41 {

BASETEN_SSE41 inline uint64_t commas_of_16(const char* text) {
    __m128i characters = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text));
    return static_cast<uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(characters, _mm_set1_epi8(','))));
}

BASETEN_SSE41 inline size_t find_commas(const char* text, size_t size, uint16_t* behind) {
    uint16_t* next = behind;
    for (size_t block = 0; block < size; block += 64) {
        const char* p = text + block;
        uint64_t commas = commas_of_16(p) | commas_of_16(p + 16) << 16;
        next = note_commas(commas | commas_of_16(p + 32) << 32 | commas_of_16(p + 48) << 48, block, next);
    }
    return static_cast<size_t>(next - behind);
}

// Sixteen characters as the values of digits, zeros where `mask` has them.
BASETEN_SSE41 inline __m128i digits_at(const char* text, const char* mask) {
    __m128i characters = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text));
    __m128i kept = _mm_loadu_si128(reinterpret_cast<const __m128i*>(mask));
    return _mm_and_si128(_mm_xor_si128(characters, _mm_set1_epi8('0')), kept);
}

BASETEN_SSE41 inline __m128i four_digits(__m128i digits) {
    __m128i twos = _mm_maddubs_epi16(digits, _mm_set1_epi16(10 | 1 << 8));
    return _mm_madd_epi16(twos, _mm_set1_epi32(100 | 1 << 16));
}

// A number's last 32 characters as integers of eight digits: none, high, middle, low.
BASETEN_SSE41 inline __m128i eight_digits(__m128i front, __m128i back) {
    return _mm_madd_epi16(_mm_packus_epi32(four_digits(front), four_digits(back)), _mm_set1_epi32(10000 | 1 << 16));
}

BASETEN_SSE41 inline __m128i no_digits(__m128i digits) { return _mm_subs_epu8(digits, _mm_set1_epi8(9)); }

BASETEN_SSE41 inline __m128i doubts(__m128d values) {
    __m128i distance = _mm_sub_epi64(_mm_castpd_si128(values), _mm_set1_epi64x(midpoint - doubt));
    distance = _mm_and_si128(distance, _mm_set1_epi64x(below_float32));
    return _mm_cmpgt_epi32(_mm_set1_epi64x((2 * doubt + 1) | ~uint64_t{0} << 32), distance);
}

BASETEN_SSE41 inline __m128d two_doubles(const double* a, const double* b) { return _mm_loadh_pd(_mm_load_sd(a), b); }

BASETEN_SSE41 inline size_t read_decimals(const char* text, const uint16_t* starts, size_t count, size_t gap,
                                          float* out) {
    const __m128d e8 = _mm_set1_pd(1e8), e16 = _mm_set1_pd(1e16);
    for (size_t i = 0; i + 2 <= count; i += 2) {
        DecimalShape shape[2];
        __m128i digits[2], eights[2];
        for (size_t k = 0; k < 2; ++k) {
            size_t start = starts[i + k], end = starts[i + k + 1] - size_t{1};
            shape[k] = decimal_shape(text, start + gap, end);
            const char* mask = kept_digits.data() + shape[k].count;
            __m128i front = digits_at(text + end - 32, mask), back = digits_at(text + end - 16, mask + 16);
            eights[k] = eight_digits(front, back);
            digits[k] = _mm_max_epu8(front, back);
        }
        __m128i front = _mm_unpacklo_epi32(eights[0], eights[1]), back = _mm_unpackhi_epi32(eights[0], eights[1]);
        __m128d high = _mm_cvtepi32_pd(_mm_unpackhi_epi64(front, front));
        __m128d middle = _mm_cvtepi32_pd(back);
        __m128d low = _mm_cvtepi32_pd(_mm_unpackhi_epi64(back, back));
        __m128d value = _mm_add_pd(_mm_mul_pd(middle, e8), low);
        value = _mm_add_pd(_mm_mul_pd(high, e16), value);
        value = _mm_mul_pd(value, two_doubles(shape[0].scale, shape[1].scale));
        value = _mm_add_pd(value, two_doubles(shape[0].whole, shape[1].whole));
        _mm_storel_pi(reinterpret_cast<__m64*>(out + i), _mm_cvtpd_ps(value));

        __m128i doubtful = doubts(value);
        __m128i wrong = _mm_or_si128(doubtful, no_digits(_mm_max_epu8(digits[0], digits[1])));
        if (__builtin_expect(_mm_testz_si128(wrong, wrong), 1)) continue;
        int lanes = _mm_movemask_ps(_mm_castsi128_ps(doubtful));
        for (size_t k = 0; k < 2; ++k) {
            __m128i bad = no_digits(digits[k]);
            if ((lanes >> 2 * k & 1) != 0 || !_mm_testz_si128(bad, bad)) return i + k;
        }
    }
    return count & ~size_t{1};
}

}  // namespace baseten::sse41
