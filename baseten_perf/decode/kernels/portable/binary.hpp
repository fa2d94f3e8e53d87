// Floats that come as bytes, on any machine: base64 by looking four characters up in four tables, and MessagePack's, a
// marker and a big-endian number each, one after the other.
#pragma once

#include "decode/base64.hpp"
#include "decode/msgpack_header.hpp"

namespace baseten::portable {

inline size_t decode_base64(const char* text, size_t sixteens, char* bytes) {
    for (size_t i = 0; i < sixteens; ++i)
        if (!base64_decode(text + 16 * i, 4, reinterpret_cast<uint8_t*>(bytes + 12 * i))) return i;
    return sixteens;
}

template <size_t size, float (*number_of)(const char*)>
inline size_t read_packed(const char* text, size_t count, float* out, char marker) {
    size_t i = 0;
    for (; i < count && text[size * i] == marker; ++i) out[i] = number_of(text + size * i + 1);
    return i;
}

inline size_t read_float32s(const char* text, size_t count, float* out) {
    return read_packed<5, float32_of>(text, count, out, float32_marker);
}
inline size_t read_float64s(const char* text, size_t count, float* out) {
    return read_packed<9, float32_of_float64>(text, count, out, float64_marker);
}

}  // namespace baseten::portable
