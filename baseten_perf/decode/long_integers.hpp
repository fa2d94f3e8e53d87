// Whether a JSON text holds an integer that may not fit into 64 bits.
//
// Nearly no text does, so what counts is how soon that is known: of every twelve characters eight are looked at as one
// word.  Nineteen digits that follow each other, as the shortest such integer has, fill one of these words.
#pragma once

#include <cstddef>
#include <cstring>

#include "decode/decimal.hpp"
#include "decode/string.hpp"
#include "decode/word.hpp"

namespace baseten {

// From `p`, which is outside of strings: `mark` if that is too, otherwise what is behind the string that it is in.
inline const char* outside_strings(const char* p, const char* mark, const char* last) {
    while (p < mark) {
        p = static_cast<const char*>(std::memchr(p, '"', static_cast<size_t>(mark - p)));
        if (p == nullptr) return mark;
        p = StringScanner().scan(p + 1, last);
        if (p == nullptr) return last;
    }
    return p;
}

// Whether the digits [p, end), nineteen at least, would outside of strings be too large an integer, as far as can be told
// from what stands around them.  Those of a float are none; of an exponent with so many digits nothing is told.
inline bool may_be_long(const char* text, const char* p, const char* end, const char* last) {
    char before = p == text ? ' ' : p[-1];
    if (before == '.' || (end < last && (*end == '.' || (*end | 0x20) == 'e'))) return false;
    // 10**19 - 1 fits, but not its negative.
    return end - p > 19 || before == '-' || before == '+' || (before | 0x20) == 'e';
}

inline bool has_long_integer(const char* text, size_t size) {
    const char* last = text + size;
    const char* outside = text;  // no string is open there
    const char* p = text;
    while (last - p >= 8) {
        if (no_digits(as_digits(word_at(p))) != 0) {
            p += last - p < 12 ? last - p : 12;
            continue;
        }
        const char* first = p;
        while (first > text && is_digit(first[-1])) --first;
        for (p += 8; p < last && is_digit(*p);) ++p;
        if (p - first < 19 || !may_be_long(text, first, p, last)) continue;
        outside = outside_strings(outside, first, last);
        if (outside == first) return true;
        p = outside;
    }
    return false;
}

}  // namespace baseten
