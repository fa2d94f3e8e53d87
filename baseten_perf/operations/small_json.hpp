// A small body in JSON as it is written: tokens are put one after another, as long as they fit.
#pragma once

#include <charconv>
#include <cstdint>
#include <cstring>

#include "decode/string.hpp"

namespace baseten {

class SmallJson {
  public:
    const char* data() const { return text_; }
    size_t size() const { return size_; }

    // As it stands.  False, as below, when it does not fit.
    bool put(const char* text, size_t size) {
        if (size > MOST - size_) return false;
        std::memcpy(text_ + size_, text, size);
        size_ += size;
        return true;
    }

    bool put(char c) { return put(&c, 1); }

    bool put_integer(long long number) {
        auto end = std::to_chars(text_ + size_, text_ + MOST, number);
        size_ = static_cast<size_t>(end.ptr - text_);
        return end.ec == std::errc();
    }

    // A string of UTF-8, with quotes around it.
    bool put_string(const char* text, size_t size) {
        if (size + 2 > MOST - size_) return false;
        const char* last = text + size;
        text_[size_++] = '"';
        while (text < last) {
            size_t plain = plain_at(text, last);
            if (!put(text, plain)) return false;
            text += plain;
            if (text < last && !put_escaped(static_cast<unsigned char>(*text++))) return false;
        }
        return put('"');
    }

    // Whether the next float is one of few: of many, orjson makes the text sooner.
    bool takes_float() { return floats_++ < MOST_FLOATS; }

  private:
    static constexpr size_t MOST = 1024;
    static constexpr int MOST_FLOATS = 8;

    // How many characters stand for themselves.
    static size_t plain_at(const char* text, const char* last) {
        const char* p = text;
        while (last - p >= 8 && string_marks(word_at(p)) == 0) p += 8;
        while (p < last && static_cast<unsigned char>(*p) >= 0x20 && *p != '"' && *p != '\\') ++p;
        return static_cast<size_t>(p - text);
    }

    bool put_escaped(unsigned char c) {
        switch (c) {
            case '\b': return put("\\b", 2);
            case '\t': return put("\\t", 2);
            case '\n': return put("\\n", 2);
            case '\f': return put("\\f", 2);
            case '\r': return put("\\r", 2);
            case '"': return put("\\\"", 2);
            case '\\': return put("\\\\", 2);
            default:
                char escape[] = "\\u0000";
                escape[4] = static_cast<char>('0' + (c >> 4));
                escape[5] = "0123456789abcdef"[c & 15];
                return put(escape, 6);
        }
    }

    char text_[MOST];
    size_t size_ = 0;
    int floats_ = 0;
};

}  // namespace baseten
