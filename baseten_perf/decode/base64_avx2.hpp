// Base64 with AVX2: 32 characters at a time, see base64_tables.hpp.
#pragma once

#include <immintrin.h>

#include "base64_sse41.hpp"

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

}  // namespace baseten::avx2
