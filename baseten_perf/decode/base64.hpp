// Base64 (RFC 4648, section 4: standard alphabet, padded), for vectors sent as little-endian float32.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace baseten {

constexpr char base64_alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr uint8_t not_base64 = 0xff;

constexpr std::array<uint8_t, 256> base64_values() {
    std::array<uint8_t, 256> values{};
    for (auto& value : values) value = not_base64;
    for (uint8_t i = 0; i < 64; ++i) values[static_cast<uint8_t>(base64_alphabet[i])] = i;
    return values;
}
inline constexpr std::array<uint8_t, 256> base64_value = base64_values();

// Decodes `groups` x 4 characters into `groups` x 3 bytes; false when a character is not of the alphabet ('=' is not).
inline bool base64_decode(const char* text, size_t groups, uint8_t* bytes) {
    uint8_t seen = 0;
    for (size_t i = 0; i < groups; ++i, text += 4, bytes += 3) {
        uint8_t a = base64_value[static_cast<uint8_t>(text[0])], b = base64_value[static_cast<uint8_t>(text[1])];
        uint8_t c = base64_value[static_cast<uint8_t>(text[2])], d = base64_value[static_cast<uint8_t>(text[3])];
        seen |= a | b | c | d;
        uint32_t bits = uint32_t(a) << 18 | uint32_t(b) << 12 | uint32_t(c) << 6 | d;
        bytes[0] = static_cast<uint8_t>(bits >> 16);
        bytes[1] = static_cast<uint8_t>(bits >> 8);
        bytes[2] = static_cast<uint8_t>(bits);
    }
    return (seen & 0xc0) == 0;
}

constexpr size_t base64_length(size_t bytes) { return (bytes + 2) / 3 * 4; }

// Writes base64_length(size) characters to `text`.
inline void base64_encode(const uint8_t* bytes, size_t size, char* text) {
    for (; size >= 3; size -= 3, bytes += 3, text += 4) {
        uint32_t bits = uint32_t(bytes[0]) << 16 | uint32_t(bytes[1]) << 8 | bytes[2];
        text[0] = base64_alphabet[bits >> 18];
        text[1] = base64_alphabet[bits >> 12 & 63];
        text[2] = base64_alphabet[bits >> 6 & 63];
        text[3] = base64_alphabet[bits & 63];
    }
    if (size == 0) return;
    uint32_t bits = uint32_t(bytes[0]) << 16 | (size == 2 ? uint32_t(bytes[1]) << 8 : 0);
    text[0] = base64_alphabet[bits >> 18];
    text[1] = base64_alphabet[bits >> 12 & 63];
    text[2] = size == 2 ? base64_alphabet[bits >> 6 & 63] : '=';
    text[3] = '=';
}

}  // namespace baseten
