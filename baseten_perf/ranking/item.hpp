// One object of a rerank or classify answer: {"index":0,"score":0.9,"text":"..."} or {"label":"x","score":0.9} or
// {"index":0,"relevance_score":0.9,"document":{"text":"..."}}.
#pragma once

#include "decode/value.hpp"

namespace baseten {

// The keys that matter, besides "index": of the score, and of the text or label, which `nested` says may be in an object.
struct TextKeys {
    static constexpr char score[] = "score", name[] = "text";
    static constexpr bool nested = false;
};
struct LabelKeys {
    static constexpr char score[] = "score", name[] = "label";
    static constexpr bool nested = false;
};
struct DocumentKeys {
    static constexpr char score[] = "relevance_score", name[] = "document";
    static constexpr bool nested = true;
};

// Where a value stands in the text, if anywhere; a string from behind its first quote to behind its last one.
struct Place {
    const char* first = nullptr;
    const char* last = nullptr;
};

struct Item {
    Py_ssize_t index = 0;
    double score = 0;
    JsonString name;  // of the text or the label
    Place index_at, score_at, name_at;
    bool has_index = false;
    bool has_score = false;
    bool has_name = false;
    bool is_null = false;  // the name

    bool has_text() const { return has_name && !is_null; }
};

template <typename Keys>
const char* read_item(const char* p, const char* last, Item* item);

template <typename Keys>
const char* read_name(const char* p, const char* last, Item* item) {
    if (*p == '"') {
        item->name_at.first = p + 1;
        return item->name_at.last = scan_string(p + 1, last, &item->name);
    }
    if constexpr (Keys::nested) {
        if (*p == '{') {
            Item inner;
            p = read_item<TextKeys>(p, last, &inner);
            item->is_null = !inner.has_text();
            item->name = inner.name;
            item->name_at = inner.name_at;
            return p;
        }
    }
    item->is_null = true;
    return skip_word(p, last, "null", 4);
}

// Reads the object at `p`, which may be null already.  No key that matters may come twice.
template <typename Keys>
const char* read_item(const char* p, const char* last, Item* item) {
    p = read_members(p, last, [&](const JsonString& key, const char* value) -> const char* {
        if (is(key, Keys::score)) {
            if (item->has_score) return nullptr;
            item->has_score = true;
            item->score_at.first = value;
            return item->score_at.last = read_score(value, last, &item->score);
        }
        if (is(key, "index")) {
            if (item->has_index) return nullptr;
            item->has_index = true;
            item->index_at.first = value;
            return item->index_at.last = read_index(value, last, &item->index);
        }
        if (is(key, Keys::name)) {
            if (item->has_name) return nullptr;
            item->has_name = true;
            return read_name<Keys>(value, last, item);
        }
        return skip_value(value, last);
    });
    return p != nullptr ? skip_white(p, last) : nullptr;
}

}  // namespace baseten
