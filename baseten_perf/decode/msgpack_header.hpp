// The header of a MessagePack value: its marker byte and the length, or the number itself, that follows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "decode/number.hpp"

namespace baseten {

enum class Kind { number, other, text, bytes, array, map };

struct MsgpackHeader {
    Kind kind;
    uint64_t size;  // bytes, elements or pairs that follow the header: what the sender claims
};

constexpr size_t longest_msgpack_header = 9;
constexpr char float32_marker = static_cast<char>(0xca);
constexpr char float64_marker = static_cast<char>(0xcb);

// Bytes of the header that starts with `marker`, the marker included.
inline size_t msgpack_header_size(char marker) {
    static constexpr uint8_t sizes[32] = {1, 1, 1, 1, 2, 3, 5, 3, 4, 6, 5, 9, 2, 3, 5, 9,
                                          2, 3, 5, 9, 2, 2, 2, 2, 2, 2, 3, 5, 3, 5, 3, 5};
    uint8_t m = static_cast<uint8_t>(marker);
    return m < 0xc0 || m >= 0xe0 ? 1 : sizes[m - 0xc0];
}

template <typename Unsigned>
inline Unsigned big_endian(const char* bytes) {
    Unsigned value;
    std::memcpy(&value, bytes, sizeof value);
    if constexpr (sizeof value == 2) return __builtin_bswap16(value);
    else if constexpr (sizeof value == 4) return __builtin_bswap32(value);
    else if constexpr (sizeof value == 8) return __builtin_bswap64(value);
    else return value;
}

// `header` has all its bytes.  The byte 0xc1, which the format never uses, counts as `other`.
inline MsgpackHeader read_msgpack_header(const char* header) {
    uint8_t marker = static_cast<uint8_t>(*header);
    const char* length = header + 1;
    if (marker < 0x80 || marker >= 0xe0) return {Kind::number, 0};
    if (marker < 0x90) return {Kind::map, marker & 0x0fu};
    if (marker < 0xa0) return {Kind::array, marker & 0x0fu};
    if (marker < 0xc0) return {Kind::text, marker & 0x1fu};
    switch (marker) {
        case 0xc4: case 0xc7: return {Kind::bytes, big_endian<uint8_t>(length)};
        case 0xc5: case 0xc8: return {Kind::bytes, big_endian<uint16_t>(length)};
        case 0xc6: case 0xc9: return {Kind::bytes, big_endian<uint32_t>(length)};
        case 0xd9: return {Kind::text, big_endian<uint8_t>(length)};
        case 0xda: return {Kind::text, big_endian<uint16_t>(length)};
        case 0xdb: return {Kind::text, big_endian<uint32_t>(length)};
        case 0xdc: return {Kind::array, big_endian<uint16_t>(length)};
        case 0xdd: return {Kind::array, big_endian<uint32_t>(length)};
        case 0xde: return {Kind::map, big_endian<uint16_t>(length)};
        case 0xdf: return {Kind::map, big_endian<uint32_t>(length)};
        case 0xc0: case 0xc1: case 0xc2: case 0xc3: return {Kind::other, 0};
    }
    if (marker >= 0xd4) return {Kind::bytes, uint64_t{1} << (marker - 0xd4)};
    return {Kind::number, 0};
}

inline float float32_of(const char* bytes) {
    uint32_t bits = big_endian<uint32_t>(bytes);
    float value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
}

inline float float32_of_float64(const char* bytes) {
    uint64_t bits = big_endian<uint64_t>(bytes);
    double value;
    std::memcpy(&value, &bits, sizeof value);
    return to_float32(value);
}

// The number whose header this is, equal to np.float32(float(number)); false when it is no number.
inline bool msgpack_float32(const char* header, float* value) {
    const char* bytes = header + 1;
    double number;
    switch (static_cast<uint8_t>(*header)) {
        case 0xca: *value = float32_of(bytes); return true;
        case 0xcb: *value = float32_of_float64(bytes); return true;
        case 0xcc: number = big_endian<uint8_t>(bytes); break;
        case 0xcd: number = big_endian<uint16_t>(bytes); break;
        case 0xce: number = big_endian<uint32_t>(bytes); break;
        case 0xcf: number = static_cast<double>(big_endian<uint64_t>(bytes)); break;
        case 0xd0: number = static_cast<int8_t>(big_endian<uint8_t>(bytes)); break;
        case 0xd1: number = static_cast<int16_t>(big_endian<uint16_t>(bytes)); break;
        case 0xd2: number = static_cast<int32_t>(big_endian<uint32_t>(bytes)); break;
        case 0xd3: number = static_cast<double>(static_cast<int64_t>(big_endian<uint64_t>(bytes))); break;
        default:
            if (read_msgpack_header(header).kind != Kind::number) return false;
            number = static_cast<int8_t>(*header);
    }
    *value = to_float32(number);
    return true;
}

}  // namespace baseten
