// Floats that come as bytes, with SSE4.1: base64 by 16 characters at a time, see base64_tables.hpp; of MessagePack's,
// pshufb takes the markers out and turns the bytes of each number round.
#pragma once

#include <immintrin.h>

#include "decode/kernels/base64_tables.hpp"
#include "decode/kernels/portable/binary.hpp"
#include "decode/kernels/sse41/machine.hpp"

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

BASETEN_SSE41 inline size_t read_float32s(const char* text, size_t count, float* out) {
    const __m128i order = _mm_setr_epi8(4, 3, 2, 1, 9, 8, 7, 6, 14, 13, 12, 11, -1, -1, -1, -1);
    const __m128i places = _mm_setr_epi8(-1, 0, 0, 0, 0, -1, 0, 0, 0, 0, -1, 0, 0, 0, 0, 0);
    const __m128i markers = _mm_and_si128(places, _mm_set1_epi8(float32_marker));
    size_t i = 0;
    // Three at a time; 16 bytes are read and written, so that a fourth must follow.
    for (; count - i >= 4; i += 3) {
        __m128i three = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text + 5 * i));
        if (!_mm_testz_si128(_mm_xor_si128(three, markers), places)) break;
        _mm_storeu_si128(reinterpret_cast<__m128i*>(out + i), _mm_shuffle_epi8(three, order));
    }
    return i + portable::read_float32s(text + 5 * i, count - i, out + i);
}

// The bits of two doubles that follow each other, big-endian.
BASETEN_SSE41 inline __m128i two_float64s(const char* text) {
    __m128i first = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(text + 1));
    return _mm_unpacklo_epi64(first, _mm_loadl_epi64(reinterpret_cast<const __m128i*>(text + 10)));
}

// The conversion rounds as to_float32() does; what is beyond float32 becomes an infinity.
BASETEN_SSE41 inline size_t read_float64s(const char* text, size_t count, float* out) {
    const __m128i order = _mm_setr_epi8(7, 6, 5, 4, 3, 2, 1, 0, 15, 14, 13, 12, 11, 10, 9, 8);
    size_t i = 0;
    for (; count - i >= 2; i += 2) {
        const char* two = text + 9 * i;
        if (two[0] != float64_marker || two[9] != float64_marker) break;
        __m128d values = _mm_castsi128_pd(_mm_shuffle_epi8(two_float64s(two), order));
        _mm_storel_pi(reinterpret_cast<__m64*>(out + i), _mm_cvtpd_ps(values));
    }
    return i + portable::read_float64s(text + 9 * i, count - i, out + i);
}

}  // namespace baseten::sse41
