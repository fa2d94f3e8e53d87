// One object of a rerank or classify answer: {"index":0,"score":0.9,"text":"..."} or {"label":"x","score":0.9}.
//
// All functions take the rest of the text as [p, last) and give where they stopped, or null for what is out of the
// ordinary: wrong, or right but not worth reading twice in two languages (escapes in keys, objects within objects).
#pragma once

#include <Python.h>

#include "decode/number.hpp"
#include "decode/string.hpp"
#include "decode/white_space.hpp"

namespace baseten {

struct Item {
    Py_ssize_t index = 0;
    double score = 0;
    JsonString name;  // of the text or the label
    bool has_index = false;
    bool has_score = false;
    bool has_name = false;
    bool is_null = false;  // the name
};

// Behind the character `mark` and the blanks around it; `p` may be null already.
inline const char* skip_mark(const char* p, const char* last, char mark) {
    if (p == nullptr) return nullptr;
    p = skip_white(p, last);
    if (p == last || *p != mark) return nullptr;
    return skip_white(p + 1, last);
}

inline const char* read_index(const char* p, const char* last, Py_ssize_t* index) {
    const Written number = scan_number(p, last, true);
    if (number.state != NumberState::complete || !number.whole || number.negative || number.cut) return nullptr;
    if (number.mantissa > static_cast<uint64_t>(PY_SSIZE_T_MAX)) return nullptr;
    *index = static_cast<Py_ssize_t>(number.mantissa);
    return number.end;
}

// The number as float(text) rounds it.
inline const char* read_score(const char* p, const char* last, double* score) {
    const Written number = scan_number(p, last, true);
    // The integer -0 is 0 in Python.
    if (number.state != NumberState::complete || (number.whole && number.negative && number.mantissa == 0)) return nullptr;
    return to_double(p, number, score) ? number.end : nullptr;
}

inline const char* skip_word(const char* p, const char* last, const char* word, size_t length) {
    return static_cast<size_t>(last - p) >= length && std::memcmp(p, word, length) == 0 ? p + length : nullptr;
}

// A value of a field that nobody asked for.
inline const char* skip_value(const char* p, const char* last) {
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
        default: {
            double number;
            return read_score(p, last, &number);
        }
    }
}

enum class Field { score, index, name, other };

// Reads a key and the colon behind it; `name` is the key of the text or label.
inline const char* read_key(const char* p, const char* last, const char* name, size_t name_length, Field* field) {
    JsonString key;
    if (p == last || *p != '"') return nullptr;
    p = scan_string(p + 1, last, &key);
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
                p = item->is_null ? skip_word(p, last, "null", 4) : scan_string(p + 1, last, &item->name);
                break;
            case Field::other: p = skip_value(p, last); break;
        }
        if (p == nullptr) return nullptr;
        p = skip_white(p, last);
        if (p == last) return nullptr;
        if (*p == '}') return skip_white(p + 1, last);
        p = skip_mark(p, last, ',');
    }
    return nullptr;
}

}  // namespace baseten
