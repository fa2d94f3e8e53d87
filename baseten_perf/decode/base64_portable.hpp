// Base64 on any machine: four characters looked up in four tables.
#pragma once

#include "base64.hpp"

namespace baseten::portable {

inline size_t decode_base64(const char* text, size_t sixteens, char* bytes) {
    for (size_t i = 0; i < sixteens; ++i)
        if (!base64_decode(text + 16 * i, 4, reinterpret_cast<uint8_t*>(bytes + 12 * i))) return i;
    return sixteens;
}

}  // namespace baseten::portable
