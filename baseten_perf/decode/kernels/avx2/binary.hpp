// Floats that come as bytes, with AVX2: twice as many at a time as in sse41/binary.hpp.
#pragma once

#include <immintrin.h>

#include "decode/kernels/avx2/machine.hpp"
#include "decode/kernels/sse41/binary.hpp"

namespace baseten::avx2 {

BASETEN_AVX2 inline __m256i sixteen_twice(const uint8_t* bytes) {
    return _mm256_broadcastsi128_si256(_mm_load_si128(reinterpret_cast<const __m128i*>(bytes)));
}

// 32 characters to 24 bytes, and 8 more that mean nothing.
BASETEN_AVX2 inline __m256i base64_bytes(__m256i characters, __m256i upper) {
    __m256i slash = _mm256_cmpeq_epi8(characters, _mm256_set1_epi8('/'));
    __m256i added = _mm256_shuffle_epi8(sixteen_twice(base64_tables.added), _mm256_add_epi8(upper, slash));
    __m256i values = _mm256_add_epi8(characters, added);
    __m256i twelve_bits = _mm256_maddubs_epi16(values, _mm256_set1_epi16(64 | 1 << 8));
    __m256i bits = _mm256_madd_epi16(twelve_bits, _mm256_set1_epi32(4096 | 1 << 16));
    __m256i bytes = _mm256_shuffle_epi8(bits, sixteen_twice(sse41::base64_order));
    return _mm256_permutevar8x32_epi32(bytes, _mm256_setr_epi32(0, 1, 2, 4, 5, 6, 6, 6));
}

BASETEN_AVX2 inline size_t decode_base64(const char* text, size_t sixteens, char* bytes) {
    const __m256i low = _mm256_set1_epi8(15);
    size_t i = 0;
    // What is written behind the 24 bytes must be written again.
    for (; sixteens - i >= 3; i += 2) {
        __m256i characters = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(text + 16 * i));
        __m256i upper = _mm256_and_si256(_mm256_srli_epi32(characters, 4), low);
        __m256i lower = _mm256_and_si256(characters, low);
        __m256i forbidden = _mm256_shuffle_epi8(sixteen_twice(base64_tables.forbidden), lower);
        if (!_mm256_testz_si256(forbidden, _mm256_shuffle_epi8(sixteen_twice(base64_tables.upper), upper))) break;
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(bytes + 12 * i), base64_bytes(characters, upper));
    }
    return i + sse41::decode_base64(text + 16 * i, sixteens - i, bytes + 12 * i);
}

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
