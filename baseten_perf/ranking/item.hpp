// One object of a rerank or classify answer: {"index":0,"score":0.9,"text":"..."} or {"label":"x","score":0.9}.
//
// All functions take the rest of the text as [p, last) and give where they stopped, or null for what is out of the
// ordinary: wrong, or right but not worth reading twice in two languages (escapes in keys, objects within objects).
#pragma once

#include "number.hpp"
#include "text.hpp"

namespace baseten {

struct Item {
    Py_ssize_t index = 0;
    double score = 0;
    Text name;  // of the text or the label
    bool has_index = false;
    bool has_score = false;
    bool has_name = false;
    bool is_null = false;  // the name
};

inline const char* skip_blanks(const char* p, const char* last) {
    while (p < last && (*p == ' ' || *p == '\n' || *p == '\t' || *p == '\r')) ++p;
    return p;
}

// Behind the character `mark` and the blanks around it; `p` may be null already.
inline const char* skip_mark(const char* p, const char* last, char mark) {
    if (p == nullptr) return nullptr;
    p = skip_blanks(p, last);
    if (p == last || *p != mark) return nullptr;
    return skip_blanks(p + 1, last);
}

inline const char* skip_digits(const char* p, const char* last) {
    while (p < last && is_digit(*p)) ++p;
    return p;
}

// A JSON number (RFC 8259, section 6); `whole` tells whether it has neither fraction nor exponent.
inline const char* scan_number(const char* p, const char* last, bool* whole) {
    if (p < last && *p == '-') ++p;
    const char* integer = p;
    p = skip_digits(p, last);
    if (p == integer || (*integer == '0' && p - integer > 1)) return nullptr;
    *whole = true;
    if (p < last && *p == '.') {
        const char* fraction = ++p;
        p = skip_digits(p, last);
        if (p == fraction) return nullptr;
        *whole = false;
    }
    if (p < last && (*p | 0x20) == 'e') {
        ++p;
        if (p < last && (*p == '-' || *p == '+')) ++p;
        const char* exponent = p;
        p = skip_digits(p, last);
        if (p == exponent) return nullptr;
        *whole = false;
    }
    return p;
}

inline const char* read_index(const char* p, const char* last, Py_ssize_t* index) {
    const char* first = p;
    bool whole;
    p = scan_number(p, last, &whole);
    if (p == nullptr || !whole || *first == '-' || p - first > 18) return nullptr;
    long long number = 0;
    for (; first < p; ++first) number = number * 10 + (*first - '0');
    if (number > PY_SSIZE_T_MAX) return nullptr;
    *index = static_cast<Py_ssize_t>(number);
    return p;
}

inline const char* read_score(const char* p, const char* last, double* score) {
    const char* first = p;
    bool whole;
    p = scan_number(p, last, &whole);
    // The integer -0 is 0 in Python.
    if (p == nullptr || (whole && *first == '-' && first[1] == '0')) return nullptr;
    return exact_double(first, p, score) ? p : nullptr;
}

inline const char* skip_word(const char* p, const char* last, const char* word, size_t length) {
    return static_cast<size_t>(last - p) >= length && std::memcmp(p, word, length) == 0 ? p + length : nullptr;
}

// A value of a field that nobody asked for.
inline const char* skip_value(const char* p, const char* last) {
    if (p == last) return nullptr;
    switch (*p) {
        case '"': {
            Text text;
            p = scan_text(p + 1, last, &text);
            return text.plain() ? p : nullptr;
        }
        case 'n': return skip_word(p, last, "null", 4);
        case 't': return skip_word(p, last, "true", 4);
        case 'f': return skip_word(p, last, "false", 5);
        default: {
            double number;
            return read_score(p, last, &number);
        }
    }
}

// Reads the object at `p`; `name` is the key of its text or label.  No key may come twice.
inline const char* read_item(const char* p, const char* last, const char* name, size_t name_length, Item* item) {
    p = skip_mark(p, last, '{');
    for (;;) {
        Text key;
        if (p == nullptr || p == last || *p != '"') return nullptr;
        p = scan_text(p + 1, last, &key);
        if (p == nullptr || !key.plain()) return nullptr;
        p = skip_mark(p, last, ':');
        if (p == nullptr) return nullptr;
        if (key.is("score", 5)) {
            if (item->has_score) return nullptr;
            p = read_score(p, last, &item->score);
            item->has_score = true;
        } else if (key.is("index", 5)) {
            if (item->has_index) return nullptr;
            p = read_index(p, last, &item->index);
            item->has_index = true;
        } else if (key.is(name, name_length)) {
            if (item->has_name) return nullptr;
            item->is_null = p == last || *p != '"';
            p = item->is_null ? skip_word(p, last, "null", 4) : scan_text(p + 1, last, &item->name);
            item->has_name = true;
        } else {
            p = skip_value(p, last);
        }
        if (p == nullptr) return nullptr;
        p = skip_blanks(p, last);
        if (p == last) return nullptr;
        if (*p == '}') return skip_blanks(p + 1, last);
        if (*p != ',') return nullptr;
        p = skip_blanks(p + 1, last);
    }
}

}  // namespace baseten
