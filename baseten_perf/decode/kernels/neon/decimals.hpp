// Decimals with NEON, which every 64-bit ARM has: two numbers at a time, each in two registers of 16 characters.
//
// The same steps as with AVX2, see avx2/decimals.hpp.  Multiplications and pairwise additions, each to integers of
// twice the width, take the place of maddubs and madd.  Bits of a comparison are gathered by addition, as there is no
// movemask.
#pragma once

#include <arm_neon.h>

#include "decode/decimal.hpp"

namespace baseten::neon {

inline uint8x16_t characters_at(const char* text) { return vld1q_u8(reinterpret_cast<const uint8_t*>(text)); }

// Bit i: whether text[i] is a comma, of 64.
inline uint64_t commas_of_64(const char* text) {
    const uint8x16_t comma = vdupq_n_u8(','), bits = vreinterpretq_u8_u64(vdupq_n_u64(0x8040201008040201));
    uint8x16_t parts[4];
    for (size_t i = 0; i < 4; ++i) parts[i] = vandq_u8(vceqq_u8(characters_at(text + 16 * i), comma), bits);
    uint8x16_t sums = vpaddq_u8(vpaddq_u8(parts[0], parts[1]), vpaddq_u8(parts[2], parts[3]));
    return vgetq_lane_u64(vreinterpretq_u64_u8(vpaddq_u8(sums, sums)), 0);
}

inline size_t find_commas(const char* text, size_t size, uint16_t* behind) {
    uint16_t* next = behind;
    for (size_t block = 0; block < size; block += 64) next = note_commas(commas_of_64(text + block), block, next);
    return static_cast<size_t>(next - behind);
}

// Sixteen characters as the values of digits, zeros where `mask` has them.
inline uint8x16_t digits_at(const char* text, const char* mask) {
    return vandq_u8(veorq_u8(characters_at(text), vdupq_n_u8('0')), characters_at(mask));
}

// Sixteen digits as two integers of eight digits.
inline uint64x2_t eight_digits(uint8x16_t digits) {
    const uint8x16_t tens = vreinterpretq_u8_u16(vdupq_n_u16(10 | 1 << 8));
    const uint16x8_t hundreds = vreinterpretq_u16_u32(vdupq_n_u32(100 | 1 << 16));
    const uint32x4_t ten_thousands = vreinterpretq_u32_u64(vdupq_n_u64(10000 | uint64_t{1} << 32));
    uint16x8_t twos = vpaddlq_u8(vmulq_u8(digits, tens));
    uint32x4_t fours = vpaddlq_u16(vmulq_u16(twos, hundreds));
    return vpaddlq_u32(vmulq_u32(fours, ten_thousands));
}

// Not zero where a character that should be a digit is none.
inline uint8x16_t no_digits(uint8x16_t digits) { return vqsubq_u8(digits, vdupq_n_u8(9)); }

inline float64x2_t two_doubles(const double* a, const double* b) { return vcombine_f64(vld1_f64(a), vld1_f64(b)); }

// All ones where a double is in doubt or no number, see in_doubt().
inline uint64x2_t doubts(float64x2_t values) {
    uint64x2_t distance = vsubq_u64(vreinterpretq_u64_f64(values), vdupq_n_u64(midpoint - doubt));
    distance = vandq_u64(distance, vdupq_n_u64(below_float32));
    return vornq_u64(vcleq_u64(distance, vdupq_n_u64(2 * doubt)), vceqq_f64(values, values));
}

inline size_t read_decimals(const char* text, const uint16_t* starts, size_t count, size_t gap, float* out) {
    for (size_t i = 0; i + 2 <= count; i += 2) {
        DecimalShape shape[2];
        uint8x16_t digits[2];
        uint64x2_t front[2], back[2];
        for (size_t k = 0; k < 2; ++k) {
            size_t start = starts[i + k], end = starts[i + k + 1] - size_t{1};
            shape[k] = decimal_shape(text, start + gap, end);
            const char* mask = kept_digits.data() + shape[k].count;
            uint8x16_t first = digits_at(text + end - 32, mask), second = digits_at(text + end - 16, mask + 16);
            front[k] = eight_digits(first);
            back[k] = eight_digits(second);
            digits[k] = vmaxq_u8(first, second);
        }
        float64x2_t high = vcvtq_f64_u64(vzip2q_u64(front[0], front[1]));
        float64x2_t middle = vcvtq_f64_u64(vzip1q_u64(back[0], back[1]));
        float64x2_t low = vcvtq_f64_u64(vzip2q_u64(back[0], back[1]));
        float64x2_t value = vaddq_f64(vmulq_n_f64(middle, 1e8), low);
        value = vaddq_f64(vmulq_n_f64(high, 1e16), value);
        value = vmulq_f64(value, two_doubles(shape[0].scale, shape[1].scale));
        value = vaddq_f64(value, two_doubles(shape[0].whole, shape[1].whole));
        vst1_f32(out + i, vcvt_f32_f64(value));

        uint64x2_t doubtful = doubts(value);
        uint8x16_t wrong = vorrq_u8(vreinterpretq_u8_u64(doubtful), no_digits(vmaxq_u8(digits[0], digits[1])));
        if (__builtin_expect(vmaxvq_u8(wrong) == 0, 1)) continue;
        uint64_t lanes[2];
        vst1q_u64(lanes, doubtful);
        for (size_t k = 0; k < 2; ++k) {
            if (lanes[k] != 0 || vmaxvq_u8(no_digits(digits[k])) != 0) return i + k;
        }
    }
    return count & ~size_t{1};
}

}  // namespace baseten::neon
