// A string of a JSON text: where it lies, and the str that it stands for.
#pragma once

#include <Python.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace baseten {

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the first character must be the lowest byte of a word");

struct Text {
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

// A bit in each byte of a word that is a quote, a backslash or a control character; the lowest one is exact, those
// above it need not be.
inline uint64_t string_ends(uint64_t word) {
    constexpr uint64_t ones = 0x0101010101010101, high = 0x8080808080808080;
    uint64_t quote = word ^ 0x22 * ones, backslash = word ^ 0x5c * ones;
    return (((quote - ones) & ~quote) | ((backslash - ones) & ~backslash) | ((word - 0x20 * ones) & ~word)) & high;
}

// Finds the end of the string whose opening quote is before `p`.  Gives what follows the closing one, or null when there
// is none or a control character comes first.
inline const char* scan_text(const char* p, const char* last, Text* text) {
    uint64_t seen = 0;
    text->first = p;
    text->escaped = false;
    for (;;) {
        while (last - p >= 8) {
            uint64_t word;
            std::memcpy(&word, p, sizeof word);
            uint64_t ends = string_ends(word);
            if (ends != 0) {
                int length = __builtin_ctzll(ends) >> 3;
                seen |= word & ((uint64_t{1} << 8 * length) - 1);
                p += length;
                break;
            }
            seen |= word;
            p += 8;
        }
        if (p == last) return nullptr;
        unsigned char c = static_cast<unsigned char>(*p);
        if (c == '"') break;
        if (c < 0x20) return nullptr;
        seen |= c;
        ++p;
        if (c == '\\') {
            text->escaped = true;
            if (p == last) return nullptr;
            seen |= static_cast<unsigned char>(*p++);
        }
    }
    text->last = p;
    text->ascii = (seen & 0x8080808080808080) == 0;
    return p + 1;
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
inline char* unescape(const Text& text, char* out) {
    const char* p = text.first;
    for (;;) {
        const char* end = static_cast<const char*>(std::memchr(p, '\\', static_cast<size_t>(text.last - p)));
        size_t length = static_cast<size_t>((end != nullptr ? end : text.last) - p);
        std::memcpy(out, p, length);
        out += length;
        if (end == nullptr) return out;
        p = end + 1;  // scan_text has seen that something follows
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
                int code = hexadecimal(p, text.last);
                if (code < 0) return nullptr;
                p += 4;
                if (code >= 0xd800 && code < 0xdc00 && text.last - p >= 6 && p[0] == '\\' && p[1] == 'u') {
                    int low = hexadecimal(p + 2, text.last);
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

// The str of a text; null with an exception set: UnicodeDecodeError for what is no UTF-8, ValueError for what is no
// escape, MemoryError.
inline PyObject* decode_text(const Text& text) {
    if (!text.escaped) return PyUnicode_DecodeUTF8(text.first, static_cast<Py_ssize_t>(text.size()), nullptr);
    char* start = static_cast<char*>(PyMem_Malloc(text.size()));
    if (start == nullptr) return PyErr_NoMemory();
    char* end = unescape(text, start);
    PyObject* decoded = nullptr;
    if (end != nullptr) decoded = PyUnicode_DecodeUTF8(start, end - start, nullptr);
    else PyErr_SetNone(PyExc_ValueError);
    PyMem_Free(start);
    return decoded;
}

}  // namespace baseten
