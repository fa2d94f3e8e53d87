// What a response header line says about the body's format.
#pragma once

#include <cstddef>

namespace baseten {

enum class ContentType { not_said, other, msgpack };

// Whether `text` begins with `word` (in lower case), whatever its own case.
inline bool begins_with(const char* text, const char* last, const char* word) {
    for (; *word != 0; ++word, ++text) {
        if (text == last) return false;
        char c = *text >= 'A' && *text <= 'Z' ? static_cast<char>(*text | 0x20) : *text;
        if (c != *word) return false;
    }
    return true;
}

// `line` is one header line, with or without its line end.  Parameters of the media type do not matter.
inline ContentType content_type_of(const char* line, size_t length) {
    static constexpr struct { const char* name; size_t length; } names[] = {
        {"application/msgpack", 19}, {"application/x-msgpack", 21}, {"application/messagepack", 23},
        {"application/vnd.msgpack", 23}};
    const char* last = line + length;
    if (!begins_with(line, last, "content-type:")) return ContentType::not_said;
    line += 13;
    while (line < last && (*line == ' ' || *line == '\t')) ++line;
    for (auto& type : names) {
        if (!begins_with(line, last, type.name)) continue;
        const char* rest = line + type.length;
        while (rest < last && (*rest == ' ' || *rest == '\t')) ++rest;
        if (rest == last || *rest == ';' || *rest == '\r' || *rest == '\n') return ContentType::msgpack;
    }
    return ContentType::other;
}

}  // namespace baseten
