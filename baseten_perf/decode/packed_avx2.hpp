// Floats of a MessagePack array with AVX2: twice as many at a time as packed_sse41.hpp.
#pragma once

#include <immintrin.h>

#include "packed_sse41.hpp"

namespace baseten::avx2 {

BASETEN_AVX2 inline size_t read_float32s(const char* text, size_t count, float* out) {
    const __m256i order = _mm256_setr_epi8(4, 3, 2, 1, 9, 8, 7, 6, 14, 13, 12, 11, -1, -1, -1, -1,  //
                                           4, 3, 2, 1, 9, 8, 7, 6, 14, 13, 12, 11, -1, -1, -1, -1);
    const __m256i places = _mm256_setr_epi8(-1, 0, 0, 0, 0, -1, 0, 0, 0, 0, -1, 0, 0, 0, 0, 0,  //
                                            -1, 0, 0, 0, 0, -1, 0, 0, 0, 0, -1, 0, 0, 0, 0, 0);
    const __m256i markers = _mm256_and_si256(places, _mm256_set1_epi8(float32_marker));
    size_t i = 0;
    // Six at a time; eight are written, and must be written again.
    for (; count - i >= 8; i += 6) {
        const char* p = text + 5 * i;
        __m256i six = _mm256_castsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
        six = _mm256_inserti128_si256(six, _mm_loadu_si128(reinterpret_cast<const __m128i*>(p + 15)), 1);
        if (!_mm256_testz_si256(_mm256_xor_si256(six, markers), places)) break;
        six = _mm256_permutevar8x32_epi32(_mm256_shuffle_epi8(six, order), _mm256_setr_epi32(0, 1, 2, 4, 5, 6, 7, 7));
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + i), six);
    }
    return i + sse41::read_float32s(text + 5 * i, count - i, out + i);
}

BASETEN_AVX2 inline size_t read_float64s(const char* text, size_t count, float* out) {
    const __m256i order = _mm256_setr_epi8(7, 6, 5, 4, 3, 2, 1, 0, 15, 14, 13, 12, 11, 10, 9, 8,  //
                                           7, 6, 5, 4, 3, 2, 1, 0, 15, 14, 13, 12, 11, 10, 9, 8);
    size_t i = 0;
    for (; count - i >= 4; i += 4) {
        const char* four = text + 9 * i;
        int others = (four[0] ^ float64_marker) | (four[9] ^ float64_marker) | (four[18] ^ float64_marker);
        if ((others | (four[27] ^ float64_marker)) != 0) break;
        __m256i bits = _mm256_castsi128_si256(sse41::two_float64s(four));
        bits = _mm256_shuffle_epi8(_mm256_inserti128_si256(bits, sse41::two_float64s(four + 18), 1), order);
        _mm_storeu_ps(out + i, _mm256_cvtpd_ps(_mm256_castsi256_pd(bits)));
    }
    return i + sse41::read_float64s(text + 9 * i, count - i, out + i);
}

}  // namespace baseten::avx2
