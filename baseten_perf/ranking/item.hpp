// One object of a rerank or classify answer: {"index":0,"score":0.9,"text":"..."} or {"label":"x","score":0.9}.
//
// All functions take the rest of the text as [p, last) and give where they stopped, or null for what is out of the
// ordinary: wrong, or right but not worth reading twice in two languages (escapes in keys, objects within objects).
#pragma once

#include "decode/number.hpp"
#include "ranking/text.hpp"

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

// A JSON number (RFC 8259, section 6).
struct Decimal {
    bool whole = true;        // neither fraction nor exponent
    uint64_t digits = 0;      // as one number, without the point; meaningful when there are at most nineteen
    ptrdiff_t count = 0;      // of the digits
    ptrdiff_t behind = 0;     // how many of them come behind the point
    bool exponent = false;
};

inline const char* take_digits(const char* p, const char* last, Decimal* decimal) {
    const char* first = p;
    for (; p < last && is_digit(*p); ++p) decimal->digits = decimal->digits * 10 + static_cast<uint64_t>(*p - '0');
    decimal->count += p - first;
    return p;
}

inline const char* scan_decimal(const char* p, const char* last, Decimal* decimal) {
    if (p < last && *p == '-') ++p;
    const char* integer = p;
    p = take_digits(p, last, decimal);
    if (p == integer || (*integer == '0' && p - integer > 1)) return nullptr;
    if (p < last && *p == '.') {
        const char* fraction = ++p;
        p = take_digits(p, last, decimal);
        if (p == fraction) return nullptr;
        decimal->behind = p - fraction;
        decimal->whole = false;
    }
    if (p < last && (*p | 0x20) == 'e') {
        ++p;
        if (p < last && (*p == '-' || *p == '+')) ++p;
        const char* exponent = p;
        while (p < last && is_digit(*p)) ++p;
        if (p == exponent) return nullptr;
        decimal->exponent = true;
        decimal->whole = false;
    }
    return p;
}

inline const char* read_index(const char* p, const char* last, Py_ssize_t* index) {
    Decimal decimal;
    const char* end = scan_decimal(p, last, &decimal);
    if (end == nullptr || !decimal.whole || *p == '-' || decimal.count > 18) return nullptr;
    if (decimal.digits > static_cast<uint64_t>(PY_SSIZE_T_MAX)) return nullptr;
    *index = static_cast<Py_ssize_t>(decimal.digits);
    return end;
}

// The number as float(text) rounds it.
inline const char* read_score(const char* p, const char* last, double* score) {
    Decimal decimal;
    const char* end = scan_decimal(p, last, &decimal);
    // The integer -0 is 0 in Python.
    if (end == nullptr || (decimal.whole && decimal.digits == 0 && *p == '-')) return nullptr;
    // Both numbers are doubles themselves, so that dividing them rounds once.
    if (decimal.count <= 19 && decimal.digits <= uint64_t{1} << 53 && decimal.behind <= 22 && !decimal.exponent) {
        double value = static_cast<double>(decimal.digits) / powers_of_ten[decimal.behind];
        *score = *p == '-' ? -value : value;
        return end;
    }
    return exact_double(p, end, score) ? end : nullptr;
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

enum class Field { score, index, name, other };

// Reads a key and the colon behind it; `name` is the key of the text or label.
inline const char* read_key(const char* p, const char* last, const char* name, size_t name_length, Field* field) {
    Text key;
    if (p == last || *p != '"') return nullptr;
    p = scan_text(p + 1, last, &key);
    if (p == nullptr || !key.plain()) return nullptr;
    *field = key.is("score", 5) ? Field::score
             : key.is("index", 5) ? Field::index
             : key.is(name, name_length) ? Field::name
                                         : Field::other;
    return skip_mark(p, last, ':');
}

// Reads the object at `p`, which may be null already.  No key that matters may come twice.
inline const char* read_item(const char* p, const char* last, const char* name, size_t name_length, Item* item) {
    p = skip_mark(p, last, '{');
    while (p != nullptr) {
        Field field;
        p = read_key(p, last, name, name_length, &field);
        if (p == nullptr || p == last) return nullptr;
        switch (field) {
            case Field::score:
                if (item->has_score) return nullptr;
                item->has_score = true;
                p = read_score(p, last, &item->score);
                break;
            case Field::index:
                if (item->has_index) return nullptr;
                item->has_index = true;
                p = read_index(p, last, &item->index);
                break;
            case Field::name:
                if (item->has_name) return nullptr;
                item->has_name = true;
                item->is_null = *p != '"';
                p = item->is_null ? skip_word(p, last, "null", 4) : scan_text(p + 1, last, &item->name);
                break;
            case Field::other: p = skip_value(p, last); break;
        }
        if (p == nullptr) return nullptr;
        p = skip_blanks(p, last);
        if (p == last) return nullptr;
        if (*p == '}') return skip_blanks(p + 1, last);
        p = skip_mark(p, last, ',');
    }
    return nullptr;
}

}  // namespace baseten
