// One object of a rerank or classify answer: {"index":0,"score":0.9,"text":"..."} or {"label":"x","score":0.9} or
// {"index":0,"relevance_score":0.9,"document":{"text":"..."}}; and the object around all of them, if there is one.
//
// All functions take the rest of the text as [p, last) and give where they stopped, or null for what is out of the
// ordinary: wrong, or right but not worth reading twice in two languages (escapes in keys, deep nesting).
#pragma once

#include <string_view>

#include "number.hpp"
#include "text.hpp"

namespace baseten {

// The keys that matter, besides "index": of the score, and of the text or label, which `nested` says may be in an object.
struct TextKeys {
    static constexpr std::string_view score = "score", name = "text";
    static constexpr bool nested = false;
};
struct LabelKeys {
    static constexpr std::string_view score = "score", name = "label";
    static constexpr bool nested = false;
};
struct DocumentKeys {
    static constexpr std::string_view score = "relevance_score", name = "document";
    static constexpr bool nested = true;
};

struct Item {
    Py_ssize_t index = 0;
    double score = 0;
    Text name;  // of the text or the label
    bool has_index = false;
    bool has_score = false;
    bool has_name = false;
    bool is_null = false;  // the name

    bool has_text() const { return has_name && !is_null; }
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

[[gnu::noinline]] inline const char* skip_value(const char* p, const char* last, int depth = 16);

// The array or object at `p`, and whatever is in it.
[[gnu::noinline]] inline const char* skip_nested(const char* p, const char* last, int depth) {
    if (depth == 0) return nullptr;
    bool is_object = *p == '{';
    char mark = is_object ? '}' : ']';
    p = skip_blanks(p + 1, last);
    if (p < last && *p == mark) return p + 1;
    for (;;) {
        if (is_object) {
            if (p == last || *p != '"') return nullptr;
            p = skip_value(p, last);
            if (p != nullptr) p = skip_mark(p, last, ':');
        }
        if (p != nullptr) p = skip_value(p, last, depth - 1);
        if (p == nullptr) return nullptr;
        p = skip_blanks(p, last);
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
            Text text;
            p = scan_text(p + 1, last, &text);
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

enum class Field { score, index, name, other };

// Reads a key and the colon behind it.
inline const char* read_key(const char* p, const char* last, std::string_view* key) {
    Text text;
    if (p == last || *p != '"') return nullptr;
    p = scan_text(p + 1, last, &text);
    if (p == nullptr || !text.plain()) return nullptr;
    *key = {text.first, text.size()};
    return skip_mark(p, last, ':');
}

template <typename Keys>
const char* read_item(const char* p, const char* last, Item* item);

template <typename Keys>
const char* read_name(const char* p, const char* last, Item* item) {
    if (*p == '"') return scan_text(p + 1, last, &item->name);
    if constexpr (Keys::nested) {
        if (*p == '{') {
            Item inner;
            p = read_item<TextKeys>(p, last, &inner);
            item->is_null = !inner.has_text();
            item->name = inner.name;
            return p;
        }
    }
    item->is_null = true;
    return skip_word(p, last, "null", 4);
}

// Reads the object at `p`, which may be null already.  No key that matters may come twice.
template <typename Keys>
const char* read_item(const char* p, const char* last, Item* item) {
    p = skip_mark(p, last, '{');
    while (p != nullptr) {
        std::string_view key;
        p = read_key(p, last, &key);
        if (p == nullptr || p == last) return nullptr;
        if (key == Keys::score) {
            if (item->has_score) return nullptr;
            item->has_score = true;
            p = read_score(p, last, &item->score);
        } else if (key == "index") {
            if (item->has_index) return nullptr;
            item->has_index = true;
            p = read_index(p, last, &item->index);
        } else if (key == Keys::name) {
            if (item->has_name) return nullptr;
            item->has_name = true;
            p = read_name<Keys>(p, last, item);
        } else {
            p = skip_value(p, last);
        }
        if (p == nullptr) return nullptr;
        p = skip_blanks(p, last);
        if (p == last) return nullptr;
        if (*p == '}') return skip_blanks(p + 1, last);
        p = skip_mark(p, last, ',');
    }
    return nullptr;
}

// From the object at `p` to the value of its member `name`.
inline const char* enter_member(const char* p, const char* last, std::string_view name) {
    p = skip_mark(p, last, '{');
    while (p != nullptr) {
        std::string_view key;
        p = read_key(p, last, &key);
        if (p == nullptr || key == name) return p;
        p = skip_value(p, last);
        if (p != nullptr) p = skip_mark(p, last, ',');
    }
    return nullptr;
}

// From behind the value of the member `name`, and the blanks there, to behind its object.  It must not come again.
inline const char* leave_member(const char* p, const char* last, std::string_view name) {
    while (p != nullptr && p < last && *p == ',') {
        std::string_view key;
        p = read_key(skip_blanks(p + 1, last), last, &key);
        if (p == nullptr || key == name) return nullptr;
        p = skip_value(p, last);
        if (p != nullptr) p = skip_blanks(p, last);
    }
    return p == nullptr ? nullptr : skip_mark(p, last, '}');
}

}  // namespace baseten
