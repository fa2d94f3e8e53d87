// A JSON string (RFC 8259, section 7): where it ends, and what its escapes stand for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "decode/word.hpp"

namespace baseten {

// A bit in each byte of a word that is a quote, a backslash or a control character; the lowest one is exact, those
// above it need not be.
constexpr uint64_t string_marks(uint64_t word) {
    constexpr uint64_t ones = 0x0101010101010101, high = 0x8080808080808080;
    uint64_t quote = word ^ 0x22 * ones, backslash = word ^ 0x5c * ones;
    return ((quote - ones) | (backslash - ones) | (word - 0x20 * ones)) & ~word & high;
}

// Looks for the end of a string whose opening quote has been read, in pieces of any size.
class StringScanner {
  public:
    bool escaped = false;  // there was a backslash
    bool control = false;  // there was a control character, which no string may hold

    bool ascii() const { return (seen_ & 0x8080808080808080) == 0; }
    // Whether the piece read last ended with a backslash that the next one completes.
    bool in_escape() const { return in_escape_; }
    void start(bool in_escape) { *this = StringScanner(), in_escape_ = in_escape; }

    // Behind the closing quote; null when it is not in this piece.
    [[gnu::always_inline]] const char* scan(const char* p, const char* last) {
        if (in_escape_ && p < last) {
            in_escape_ = false;
            seen_ |= static_cast<unsigned char>(*p++);
        }
        for (;;) {
            p = find_mark(p, last);
            if (p == last) return nullptr;
            char mark = *p++;
            if (mark == '"') return p;
            if (mark != '\\') {
                control = true;
                continue;
            }
            escaped = true;
            in_escape_ = p == last;
            if (in_escape_) return nullptr;
            seen_ |= static_cast<unsigned char>(*p++);
        }
    }

  private:
    [[gnu::always_inline]] const char* find_mark(const char* p, const char* last) {
        for (; last - p >= 8; p += 8) {
            uint64_t word = word_at(p), marks = string_marks(word);
            if (marks != 0) {
                int length = __builtin_ctzll(marks) >> 3;
                seen_ |= word & ((uint64_t{1} << 8 * length) - 1);
                return p + length;
            }
            seen_ |= word;
        }
        for (; p < last; ++p) {
            unsigned char c = static_cast<unsigned char>(*p);
            if (c == '"' || c == '\\' || c < 0x20) break;
            seen_ |= c;
        }
        return p;
    }

    bool in_escape_ = false;
    uint64_t seen_ = 0;  // all characters in one
};

// A whole string, without its quotes.
struct JsonString {
    const char* first = nullptr;
    const char* last = nullptr;
    bool escaped = false;  // holds a backslash
    bool ascii = true;

    size_t size() const { return static_cast<size_t>(last - first); }
    bool plain() const { return ascii && !escaped; }
    bool is(const char* name, size_t length) const {
        return size() == length && std::memcmp(first, name, length) == 0;
    }
};

// Reads the string whose opening quote is before `p`.  Gives what follows the closing one, or null when there is none or a
// control character comes first.
inline const char* scan_string(const char* p, const char* last, JsonString* string) {
    StringScanner scanner;
    const char* behind = scanner.scan(p, last);
    if (behind == nullptr || scanner.control) return nullptr;
    *string = {p, behind - 1, scanner.escaped, scanner.ascii()};
    return behind;
}

// The four hexadecimal digits at `p`, or -1.
inline int hexadecimal(const char* p, const char* last) {
    if (last - p < 4) return -1;
    int code = 0;
    for (int k = 0; k < 4; ++k) {
        unsigned char c = static_cast<unsigned char>(p[k]), letter = c | 0x20;
        if (c >= '0' && c <= '9') code = code * 16 + (c - '0');
        else if (letter >= 'a' && letter <= 'f') code = code * 16 + (letter - 'a' + 10);
        else return -1;
    }
    return code;
}

inline char* put_utf8(char* out, unsigned code) {
    if (code < 0x80) {
        *out++ = static_cast<char>(code);
        return out;
    }
    if (code < 0x800) {
        *out++ = static_cast<char>(0xc0 | code >> 6);
    } else {
        if (code < 0x10000) {
            *out++ = static_cast<char>(0xe0 | code >> 12);
        } else {
            *out++ = static_cast<char>(0xf0 | code >> 18);
            *out++ = static_cast<char>(0x80 | (code >> 12 & 0x3f));
        }
        *out++ = static_cast<char>(0x80 | (code >> 6 & 0x3f));
    }
    *out++ = static_cast<char>(0x80 | (code & 0x3f));
    return out;
}

// Writes a string without its escapes, which never makes it longer; gives the end, or null for what is no escape.  Half a
// surrogate pair is written as it stands: no UTF-8, so that decoding it fails.
inline char* unescape(const JsonString& string, char* out) {
    const char* p = string.first;
    for (;;) {
        const char* end = static_cast<const char*>(std::memchr(p, '\\', static_cast<size_t>(string.last - p)));
        size_t length = static_cast<size_t>((end != nullptr ? end : string.last) - p);
        std::memcpy(out, p, length);
        out += length;
        if (end == nullptr) return out;
        p = end + 1;  // scan_string has seen that something follows
        switch (*p++) {
            case '"': *out++ = '"'; break;
            case '\\': *out++ = '\\'; break;
            case '/': *out++ = '/'; break;
            case 'b': *out++ = '\b'; break;
            case 'f': *out++ = '\f'; break;
            case 'n': *out++ = '\n'; break;
            case 'r': *out++ = '\r'; break;
            case 't': *out++ = '\t'; break;
            case 'u': {
                int code = hexadecimal(p, string.last);
                if (code < 0) return nullptr;
                p += 4;
                if (code >= 0xd800 && code < 0xdc00 && string.last - p >= 6 && p[0] == '\\' && p[1] == 'u') {
                    int low = hexadecimal(p + 2, string.last);
                    if (low >= 0xdc00 && low < 0xe000) {
                        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
                        p += 6;
                    }
                }
                out = put_utf8(out, static_cast<unsigned>(code));
                break;
            }
            default: return nullptr;
        }
    }
}

}  // namespace baseten
