// Base64 by looking characters up by their upper and lower four bits, sixteen at a time, which is what pshufb does.
//
// Within one upper half, the alphabet's values follow each other, but for '/', which does not follow '+': so what is
// to be added to a character depends on its upper half alone, and '/' borrows an upper half that no character of the
// alphabet has.  A character belongs to the alphabet if its lower half is allowed in the class of its upper half.  (W.
// Mula and D. Lemire, "Faster Base64 Encoding and Decoding Using AVX2 Instructions", 2018, section 4.)
#pragma once

#include "decode/base64.hpp"

namespace baseten {

struct Base64Tables {
    uint8_t added[16];      // by upper half
    uint8_t upper[16];      // its class, a bit
    uint8_t forbidden[16];  // by lower half: the classes in which it is not of the alphabet
};

constexpr Base64Tables base64_lookups() {
    constexpr uint8_t classes[16] = {16, 16, 1, 2, 4, 8, 4, 8, 16, 16, 16, 16, 16, 16, 16, 16};
    Base64Tables tables{};
    for (unsigned upper = 0; upper < 16; ++upper) tables.upper[upper] = classes[upper];
    for (unsigned lower = 0; lower < 16; ++lower) tables.forbidden[lower] = 16;
    for (unsigned upper = 0; upper < 16; ++upper)
        for (unsigned lower = 0; lower < 16; ++lower)
            if ((base64_part[3][upper << 4 | lower] & not_base64) != 0) tables.forbidden[lower] |= classes[upper];
    for (uint8_t value = 0; value < 64; ++value) {
        uint8_t character = static_cast<uint8_t>(base64_alphabet[value]);
        tables.added[character == '/' ? 1 : character >> 4] = static_cast<uint8_t>(value - character);
    }
    return tables;
}
alignas(16) inline constexpr Base64Tables base64_tables = base64_lookups();

}  // namespace baseten
