// A text in UTF-8 as a JSON string (RFC 8259, section 7), as it is written: with the same escapes as orjson's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "decode/string.hpp"
#include "operations/text_block.hpp"

namespace baseten {

// How many bytes stand for themselves.
inline size_t plain_length(const char* text, const char* last) {
    const char* p = text;
    for (; last - p >= 8; p += 8) {
        uint64_t marks = string_marks(word_at(p));
        if (marks != 0) return static_cast<size_t>(p - text) + (__builtin_ctzll(marks) >> 3);
    }
    while (p < last && static_cast<unsigned char>(*p) >= 0x20 && *p != '"' && *p != '\\') ++p;
    return static_cast<size_t>(p - text);
}

// What stands for a quote, a backslash or a control character.
struct Escape {
    char text[7];
    unsigned char size;
};

struct Escapes {
    Escape of[256];  // of other characters too, so that none is out of bounds

    constexpr Escapes() : of() {
        for (int c = 0; c < 256; ++c) {
            const char digits[] = "0123456789abcdef";
            of[c] = {{'\\', 'u', '0', '0', digits[c >> 4], digits[c & 15], 0}, 6};
        }
        for (const char* pair = "\bb\tt\nn\ff\rr\"\"\\\\"; *pair != 0; pair += 2) {
            of[static_cast<unsigned char>(*pair)] = {{'\\', pair[1], 0, 0, 0, 0, 0}, 2};
        }
    }
};

inline constexpr Escapes ESCAPES;
constexpr size_t ESCAPE_ROOM = sizeof(Escape);

// Writes it, with what follows it in a word of that size; gives its own.
inline size_t put_escape(char* out, char c) {
    const Escape& escape = ESCAPES.of[static_cast<unsigned char>(c)];
    std::memcpy(out, &escape, ESCAPE_ROOM);
    return escape.size;
}

// The places of the bytes that do not stand for themselves.
inline auto escaped_in(TextBlock block) { return (block == '"') | (block == '\\') | (block < 0x20); }

// How many bytes of a block stand for themselves before the first that does not; 16 when all do.
inline size_t plain_in(TextBlock block) {
    uint64_t words[2];
    auto escaped = escaped_in(block);
    std::memcpy(words, &escaped, sizeof words);
    if ((words[0] | words[1]) == 0) return 16;
    uint64_t word = words[0] != 0 ? words[0] : words[1];
    return (words[0] != 0 ? 0 : 8) + (__builtin_ctzll(word) >> 3);
}

// Memory that JSON is written to.  There is room for all strings as if they stood for themselves, and `spare` bytes for
// escapes: only these have to ask.
struct JsonOutput {
    char* at;
    size_t spare;
};

// Writes the inside of a string.  Gives its end, or where it has stopped since there is not enough to spare.
inline const char* put_inside(JsonOutput* output, const char* p, const char* last) {
    char* out = output->at;
    size_t spare = output->spare;
    while (p < last) {
        size_t plain;
        if (last - p >= 16) {
            // What is copied too much is written over: what is left needs as much room at least.
            TextBlock block = block_at(p);
            std::memcpy(out, &block, 16);
            plain = plain_in(block);
        } else {
            plain = plain_length(p, last);
            std::memcpy(out, p, plain);
        }
        p += plain;
        out += plain;
        if (plain == 16 || p == last) continue;
        if (spare < ESCAPE_ROOM) break;
        size_t size = put_escape(out, *p++);
        out += size;
        spare -= size - 1;
    }
    *output = {out, spare};
    return p;
}

}  // namespace baseten
