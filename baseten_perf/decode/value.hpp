// JSON values and the members of objects: what the readers of answers need of the grammar.
//
// All functions take the rest of the text as [p, last) and give where they stopped, or null for what is out of the
// ordinary: wrong, or right but not worth reading twice in two languages (escapes in keys, deep nesting).
#pragma once

#include <Python.h>

#include "decode/number.hpp"
#include "decode/string.hpp"
#include "decode/white_space.hpp"

namespace baseten {

// Behind the character `mark` and the blanks around it; `p` may be null already.
inline const char* skip_mark(const char* p, const char* last, char mark) {
    if (p == nullptr) return nullptr;
    p = skip_white(p, last);
    if (p == last || *p != mark) return nullptr;
    return skip_white(p + 1, last);
}

// A number that is none of these goes on with what may not follow one, and is found out by that.
inline const char* read_index(const char* p, const char* last, Py_ssize_t* index) {
    const char* first = p;
    for (*index = 0; p < last && is_digit(*p) && p - first < 18; ++p) *index = *index * 10 + (*p - '0');
    return p > first && (*first != '0' || p - first == 1) ? p : nullptr;
}

// The number as float(text) rounds it.
inline const char* read_score(const char* p, const char* last, double* score) {
    Written number;
    if (!scan_decimal(p, last, &number)) number = scan_number(p, last, true);
    // The integer -0 is 0 in Python.
    if (number.state != NumberState::complete || (number.whole && number.negative && number.mantissa == 0)) return nullptr;
    return to_double(p, number, score) ? number.end : nullptr;
}

inline const char* skip_word(const char* p, const char* last, const char* word, size_t length) {
    return static_cast<size_t>(last - p) >= length && std::memcmp(p, word, length) == 0 ? p + length : nullptr;
}

[[gnu::noinline]] inline const char* skip_value(const char* p, const char* last, int depth = 16);

// The array or object at `p`, and whatever is in it.
[[gnu::noinline]] inline const char* skip_nested(const char* p, const char* last, int depth) {
    if (depth == 0) return nullptr;
    bool is_object = *p == '{';
    char mark = is_object ? '}' : ']';
    p = skip_white(p + 1, last);
    if (p < last && *p == mark) return p + 1;
    for (;;) {
        if (is_object) {
            if (p == last || *p != '"') return nullptr;
            p = skip_value(p, last);
            if (p != nullptr) p = skip_mark(p, last, ':');
        }
        if (p != nullptr) p = skip_value(p, last, depth - 1);
        if (p == nullptr) return nullptr;
        p = skip_white(p, last);
        if (p < last && *p == mark) return p + 1;
        p = skip_mark(p, last, ',');
        if (p == nullptr) return nullptr;
    }
}

// A value that nobody asked for.
inline const char* skip_value(const char* p, const char* last, int depth) {
    if (p == last) return nullptr;
    switch (*p) {
        case '"': {
            JsonString text;
            p = scan_string(p + 1, last, &text);
            return text.plain() ? p : nullptr;
        }
        case 'n': return skip_word(p, last, "null", 4);
        case 't': return skip_word(p, last, "true", 4);
        case 'f': return skip_word(p, last, "false", 5);
        case '{':
        case '[': return skip_nested(p, last, depth);
        default: {
            double number;
            return read_score(p, last, &number);
        }
    }
}

// Whether a key is this literal, whose length the compiler knows.
template <size_t size>
bool is(const JsonString& key, const char (&name)[size]) {
    return key.is(name, size - 1);
}

// Reads a key and the colon behind it.
inline const char* read_key(const char* p, const char* last, JsonString* key) {
    if (p == last || *p != '"') return nullptr;
    p = scan_string(p + 1, last, key);
    if (p == nullptr || !key->plain()) return nullptr;
    return skip_mark(p, last, ':');
}

// Reads the members of the object at `p`, which may be null already: `read_value` is given a key and where its value
// begins, before `last`, and gives where that ends, or null.
template <typename ReadValue>
[[gnu::always_inline]] inline const char* read_members(const char* p, const char* last, ReadValue read_value) {
    p = skip_mark(p, last, '{');
    if (p != nullptr && p < last && *p == '}') return p + 1;
    while (p != nullptr) {
        JsonString key;
        p = read_key(p, last, &key);
        if (p == nullptr || p == last) return nullptr;
        p = read_value(key, p);
        if (p == nullptr) return nullptr;
        p = skip_white(p, last);
        if (p < last && *p == '}') return p + 1;
        p = skip_mark(p, last, ',');
    }
    return nullptr;
}

// From the object at `p` to the value of its member `name`.
template <size_t size>
const char* enter_member(const char* p, const char* last, const char (&name)[size]) {
    p = skip_mark(p, last, '{');
    while (p != nullptr) {
        JsonString key;
        p = read_key(p, last, &key);
        if (p == nullptr || is(key, name)) return p;
        p = skip_value(p, last);
        if (p != nullptr) p = skip_mark(p, last, ',');
    }
    return nullptr;
}

// From behind the value of the member `name`, and the blanks there, to behind its object.  It must not come again.
template <size_t size>
const char* leave_member(const char* p, const char* last, const char (&name)[size]) {
    while (p != nullptr && p < last && *p == ',') {
        JsonString key;
        p = read_key(skip_white(p + 1, last), last, &key);
        if (p == nullptr || is(key, name)) return nullptr;
        p = skip_value(p, last);
        if (p != nullptr) p = skip_white(p, last);
    }
    return p == nullptr ? nullptr : skip_mark(p, last, '}');
}

}  // namespace baseten
