// Base64 with SSSE3's instructions: 16 characters at a time, see base64_tables.hpp.
#pragma once

#include <immintrin.h>

#include "base64_portable.hpp"
#include "base64_tables.hpp"
#include "targets.hpp"

namespace baseten::sse41 {

// Brings each three bytes, which are the lower ones of four and in the wrong order, to the front.
alignas(16) inline constexpr uint8_t base64_order[16] = {2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, 255, 255, 255, 255};

BASETEN_SSE41 inline __m128i sixteen(const uint8_t* bytes) {
    return _mm_load_si128(reinterpret_cast<const __m128i*>(bytes));
}

// 16 characters to 12 bytes, and 4 more that mean nothing.
BASETEN_SSE41 inline __m128i base64_bytes(__m128i characters, __m128i upper) {
    __m128i slash = _mm_cmpeq_epi8(characters, _mm_set1_epi8('/'));
    __m128i added = _mm_shuffle_epi8(sixteen(base64_tables.added), _mm_add_epi8(upper, slash));
    __m128i values = _mm_add_epi8(characters, added);
    __m128i twelve_bits = _mm_maddubs_epi16(values, _mm_set1_epi16(64 | 1 << 8));
    __m128i bits = _mm_madd_epi16(twelve_bits, _mm_set1_epi32(4096 | 1 << 16));
    return _mm_shuffle_epi8(bits, sixteen(base64_order));
}

BASETEN_SSE41 inline size_t decode_base64(const char* text, size_t sixteens, char* bytes) {
    const __m128i low = _mm_set1_epi8(15);
    size_t i = 0;
    // What is written behind the 12 bytes must be written again.
    for (; sixteens - i >= 2; ++i) {
        __m128i characters = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text + 16 * i));
        __m128i upper = _mm_and_si128(_mm_srli_epi32(characters, 4), low);
        __m128i lower = _mm_and_si128(characters, low);
        __m128i forbidden = _mm_shuffle_epi8(sixteen(base64_tables.forbidden), lower);
        if (!_mm_testz_si128(forbidden, _mm_shuffle_epi8(sixteen(base64_tables.upper), upper))) return i;
        _mm_storeu_si128(reinterpret_cast<__m128i*>(bytes + 12 * i), base64_bytes(characters, upper));
    }
    return i + portable::decode_base64(text + 16 * i, sixteens - i, bytes + 12 * i);
}

}  // namespace baseten::sse41
