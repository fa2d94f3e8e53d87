// Floats that come as bytes, with NEON: base64 by 64 characters at a time, see base64_tables.hpp.  Loads and stores that
// deal the bytes out to four and gather them from three registers spare the shuffles.
#pragma once

#include <arm_neon.h>

#include "decode/kernels/base64_tables.hpp"
#include "decode/kernels/portable/binary.hpp"

namespace baseten::neon {

// The values of sixteen characters; `forbidden` gets bits where one is not of the alphabet.
inline uint8x16_t base64_values(uint8x16_t characters, uint8x16_t& forbidden) {
    uint8x16_t upper = vshrq_n_u8(characters, 4), lower = vandq_u8(characters, vdupq_n_u8(15));
    uint8x16_t slash = vceqq_u8(characters, vdupq_n_u8('/'));
    uint8x16_t wrong = vandq_u8(vqtbl1q_u8(vld1q_u8(base64_tables.forbidden), lower),
                                vqtbl1q_u8(vld1q_u8(base64_tables.upper), upper));
    forbidden = vorrq_u8(forbidden, wrong);
    return vaddq_u8(characters, vqtbl1q_u8(vld1q_u8(base64_tables.added), vaddq_u8(upper, slash)));
}

inline size_t decode_base64(const char* text, size_t sixteens, char* bytes) {
    size_t i = 0;
    for (; sixteens - i >= 4; i += 4) {
        uint8x16x4_t characters = vld4q_u8(reinterpret_cast<const uint8_t*>(text + 16 * i));
        uint8x16_t forbidden = vdupq_n_u8(0), values[4];
        for (size_t k = 0; k < 4; ++k) values[k] = base64_values(characters.val[k], forbidden);
        if (vmaxvq_u8(forbidden) != 0) break;
        uint8x16x3_t decoded;
        decoded.val[0] = vorrq_u8(vshlq_n_u8(values[0], 2), vshrq_n_u8(values[1], 4));
        decoded.val[1] = vorrq_u8(vshlq_n_u8(values[1], 4), vshrq_n_u8(values[2], 2));
        decoded.val[2] = vorrq_u8(vshlq_n_u8(values[2], 6), values[3]);
        vst3q_u8(reinterpret_cast<uint8_t*>(bytes + 12 * i), decoded);
    }
    return i + portable::decode_base64(text + 16 * i, sixteens - i, bytes + 12 * i);
}

using portable::read_float32s;
using portable::read_float64s;

}  // namespace baseten::neon
