// Base64 (RFC 4648, section 4: standard alphabet, padded), for vectors sent as little-endian float32.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace baseten {

constexpr char base64_alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr uint32_t not_base64 = uint32_t{1} << 31;

// What each of four characters, by its place, contributes to the three bytes that they stand for, the first byte
// lowest; not_base64 for what is no character of the alphabet.
constexpr std::array<std::array<uint32_t, 256>, 4> base64_parts() {
    std::array<std::array<uint32_t, 256>, 4> parts{};
    for (auto& place : parts)
        for (auto& part : place) part = not_base64;
    for (uint32_t value = 0; value < 64; ++value) {
        uint8_t character = static_cast<uint8_t>(base64_alphabet[value]);
        parts[0][character] = value << 2;
        parts[1][character] = value >> 4 | (value & 15) << 12;
        parts[2][character] = value >> 2 << 8 | (value & 3) << 22;
        parts[3][character] = value << 16;
    }
    return parts;
}
inline constexpr std::array<std::array<uint32_t, 256>, 4> base64_part = base64_parts();

// Decodes `groups` x 4 characters into `groups` x 3 bytes; false when a character is not of the alphabet ('=' is not).
inline bool base64_decode(const char* text, size_t groups, uint8_t* bytes) {
    uint32_t seen = 0;
    for (size_t i = 0; i < groups; ++i, text += 4, bytes += 3) {
        uint32_t bits = 0;
        for (size_t k = 0; k < 4; ++k) bits |= base64_part[k][static_cast<uint8_t>(text[k])];
        seen |= bits;
        std::memcpy(bytes, &bits, 3);
    }
    return (seen & not_base64) == 0;
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
