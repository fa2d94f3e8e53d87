// Reads the skeleton of an embeddings answer of the usual form (see decode/sink.hpp), in any order of keys:
//   {"object":"list","data":[{"object":"embedding","index":0,"embedding":0}, ...],"model":"m","usage":{"total_tokens":3}}
//
// What is out of the ordinary in any way is left to the general JSON reader.  So nothing may be accepted here that the
// general reader refuses, and every value must be the one that it gives.
#pragma once

#include "decode/value.hpp"

namespace baseten {

struct Skeleton {
    bool base64 = false;   // the form in which the vectors came
    bool indexed = false;  // whether each item has its number
    bool has_data = false, has_model = false, has_object = false, has_usage = false;
    JsonString model, object;
    Py_ssize_t prompt_tokens = 0, total_tokens = 0;

    const char* read(const char* p, const char* last, Py_ssize_t count);

  private:
    const char* read_items(const char* p, const char* last, Py_ssize_t count);
    const char* read_item(const char* p, const char* last, Py_ssize_t number);
    const char* read_usage(const char* p, const char* last);
};

// A string of ASCII without escapes, which is what models and objects are called.
inline const char* read_plain(const char* p, const char* last, JsonString* name, bool* has_name) {
    if (*has_name || *p != '"') return nullptr;
    *has_name = true;
    p = scan_string(p + 1, last, name);
    return name->plain() ? p : nullptr;
}

// An integer that must be this one.
inline const char* read_number(const char* p, const char* last, Py_ssize_t number) {
    Py_ssize_t found;
    p = read_index(p, last, &found);
    return p != nullptr && found == number ? p : nullptr;
}

inline const char* Skeleton::read_item(const char* p, const char* last, Py_ssize_t number) {
    bool has_embedding = false, has_index = false, has_name = false;
    p = read_members(p, last, [&](const JsonString& key, const char* value) -> const char* {
        if (is(key, "embedding")) {
            if (has_embedding) return nullptr;
            has_embedding = true;
            // The placeholder of vector k is k, or -1 - k for base64.
            bool negative = *value == '-';
            if (number == 0) base64 = negative;
            if (negative != base64) return nullptr;
            return negative ? read_number(value + 1, last, number + 1) : read_number(value, last, number);
        }
        if (is(key, "index")) {
            if (has_index) return nullptr;
            has_index = true;
            return read_number(value, last, number);
        }
        if (is(key, "object")) {
            JsonString name;
            value = read_plain(value, last, &name, &has_name);
            return value != nullptr && is(name, "embedding") ? value : nullptr;
        }
        return skip_value(value, last);
    });
    if (number == 0) indexed = has_index;
    return has_embedding && has_index == indexed ? p : nullptr;
}

inline const char* Skeleton::read_items(const char* p, const char* last, Py_ssize_t count) {
    if (has_data || count < 1) return nullptr;
    has_data = true;
    p = skip_mark(p, last, '[');
    for (Py_ssize_t number = 0; number < count && p != nullptr; ++number) {
        p = read_item(p, last, number);
        if (p != nullptr && number + 1 < count) p = skip_mark(p, last, ',');
    }
    return skip_mark(p, last, ']');
}

inline const char* Skeleton::read_usage(const char* p, const char* last) {
    if (has_usage) return nullptr;
    has_usage = true;
    bool has_prompt = false, has_total = false;
    return read_members(p, last, [&](const JsonString& key, const char* value) -> const char* {
        bool prompt = is(key, "prompt_tokens");
        if (!prompt && !is(key, "total_tokens")) return skip_value(value, last);
        bool& has = prompt ? has_prompt : has_total;
        if (has) return nullptr;
        has = true;
        return read_index(value, last, prompt ? &prompt_tokens : &total_tokens);
    });
}

// The answer to `count` inputs at `p`, with a row for each of them; null for one that the general reader shall look at.
inline const char* Skeleton::read(const char* p, const char* last, Py_ssize_t count) {
    p = read_members(p, last, [&](const JsonString& key, const char* value) -> const char* {
        if (is(key, "data")) return read_items(value, last, count);
        if (is(key, "model")) return read_plain(value, last, &model, &has_model);
        if (is(key, "object")) return read_plain(value, last, &object, &has_object);
        if (is(key, "usage")) return read_usage(value, last);
        return skip_value(value, last);
    });
    return p != nullptr && has_data && skip_white(p, last) == last ? p : nullptr;
}

}  // namespace baseten
