// A small body in JSON as it is written: tokens are put one after another, as long as they fit.
#pragma once

#include <charconv>
#include <cstdint>
#include <cstring>

#include "operations/json_string.hpp"

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
            size_t plain = plain_length(text, last);
            if (!put(text, plain)) return false;
            text += plain;
            if (text < last && !put_escaped(*text++)) return false;
        }
        return put('"');
    }

    // Whether the next float is one of few: of many, orjson makes the text sooner.
    bool takes_float() { return floats_++ < MOST_FLOATS; }

  private:
    static constexpr size_t MOST = 1024;
    static constexpr int MOST_FLOATS = 8;

    bool put_escaped(char c) {
        size_t size = put_escape(text_ + size_, c);
        if (size > MOST - size_) return false;
        size_ += size;
        return true;
    }

    char text_[MOST + ESCAPE_ROOM];
    size_t size_ = 0;
    int floats_ = 0;
};

}  // namespace baseten
