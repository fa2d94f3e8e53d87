// UTF-8 (RFC 3629): whether a text is well-formed, and how many characters it has.
#pragma once

#include <cstddef>
#include <cstdint>

#include "decode/word.hpp"
#include "operations/text_block.hpp"

namespace baseten {

inline bool is_ascii(uint64_t word) { return (word & 0x8080808080808080) == 0; }

constexpr bool within(unsigned char c, unsigned char least, unsigned char most) {
    return static_cast<unsigned char>(c - least) <= most - least;
}

// Bytes of the character at `p`; 0 when it is not well-formed: cut off, longer than need be, a surrogate, or beyond
// U+10FFFF.
inline size_t character_size(const unsigned char* p, const unsigned char* last) {
    unsigned char lead = p[0];
    if (lead < 0x80) return 1;
    if (within(lead, 0xc2, 0xdf)) return last - p >= 2 && within(p[1], 0x80, 0xbf) ? 2 : 0;
    if (within(lead, 0xe0, 0xef)) {
        unsigned char least = lead == 0xe0 ? 0xa0 : 0x80, most = lead == 0xed ? 0x9f : 0xbf;
        return last - p >= 3 && within(p[1], least, most) && within(p[2], 0x80, 0xbf) ? 3 : 0;
    }
    if (within(lead, 0xf0, 0xf4)) {
        unsigned char least = lead == 0xf0 ? 0x90 : 0x80, most = lead == 0xf4 ? 0x8f : 0xbf;
        bool second = last - p >= 4 && within(p[1], least, most);
        return second && within(p[2], 0x80, 0xbf) && within(p[3], 0x80, 0xbf) ? 4 : 0;
    }
    return 0;
}

inline auto continues(TextBlock block) { return (block & 0xc0) == 0x80; }

// The same of sixteen bytes at once: the places of those that cannot follow the three before each.
inline TextBlock faults_at(const char* p) {
    TextBlock c = block_at(p), one = block_at(p - 1), two = block_at(p - 2), three = block_at(p - 3);
    auto due = (one >= 0xc0) | (two >= 0xe0) | (three >= 0xf0);
    auto never = ((c & 0xfe) == 0xc0) | (c >= 0xf5);
    auto longer = ((one == 0xe0) & (c < 0xa0)) | ((one == 0xf0) & (c < 0x90));
    auto beyond = ((one == 0xed) & (c >= 0xa0)) | ((one == 0xf4) & (c >= 0x90));
    return (TextBlock)((due ^ continues(c)) | never | longer | beyond);
}

// The end of the first characters that are well-formed, as far as they begin before `end`.
inline const char* skip_well_formed(const char* p, const char* end, const char* last) {
    while (p < end) {
        size_t size = character_size(reinterpret_cast<const unsigned char*>(p), reinterpret_cast<const unsigned char*>(last));
        if (size == 0) break;
        p += size;
    }
    return p;
}

// Whether all characters of a text are well-formed; before `p`, they are ASCII.
inline bool are_well_formed(const char* text, const char* p, const char* last) {
    constexpr ptrdiff_t BEFORE = 8;  // are read before each place
    if (last - text >= 64) {
        const char* start = text + BEFORE;
        p = skip_well_formed(p, start, last);
        if (p < start) return false;
        TextBlock faults = {};
        for (; last - p >= 32; p += 32) {
            uint64_t seen = word_at(p - BEFORE) | word_at(p) | word_at(p + 8) | word_at(p + 16) | word_at(p + 24);
            if (!is_ascii(seen)) faults |= faults_at(p) | faults_at(p + 16);
        }
        if (any(faults)) return false;
        // The last character may go on.
        do --p;
        while (within(static_cast<unsigned char>(*p), 0x80, 0xbf));
    }
    return skip_well_formed(p, last, last) == last;
}

// How many bytes are no first ones of a character.
inline size_t continuations(const char* p, const char* last) {
    size_t count = 0;
    while (last - p >= 16) {
        TextBlock counts = {};
        for (int k = 0; k < 255 && last - p >= 16; ++k, p += 16) counts -= (TextBlock)continues(block_at(p));
        for (int k = 0; k < 16; ++k) count += counts[k];
    }
    for (; p < last; ++p) count += within(static_cast<unsigned char>(*p), 0x80, 0xbf);
    return count;
}

// Characters of a text; -1 when it is not well-formed.
inline ptrdiff_t characters_of(const char* text, size_t size) {
    const char* p = text;
    const char* last = text + size;
    while (last - p >= 32 && is_ascii(word_at(p) | word_at(p + 8) | word_at(p + 16) | word_at(p + 24))) p += 32;
    while (last - p >= 8 && is_ascii(word_at(p))) p += 8;
    while (p < last && static_cast<signed char>(*p) >= 0) ++p;
    if (!are_well_formed(text, p, last)) return -1;
    return static_cast<ptrdiff_t>(size - continuations(p, last));
}

}  // namespace baseten
