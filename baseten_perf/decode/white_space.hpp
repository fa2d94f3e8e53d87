// White space; and that in front of each number of an array, which is the same for all of them when the array is indented.
#pragma once

#include <cstddef>
#include <cstdint>

#include "decode/word.hpp"

namespace baseten {

inline bool is_white(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }

inline const char* skip_white(const char* p, const char* last) {
    while (p < last && is_white(*p)) ++p;
    return p;
}

class WhiteSpace {
  public:
    static constexpr size_t longest = 32;

    // What there is at `text`; more than `longest` characters count as that many.  Here as in count(), something else
    // must follow, and eight characters from there on be readable.
    explicit WhiteSpace(const char* text) : size_(length_at(text)) {
        for (size_t k = 0; 8 * k < size_; ++k) {
            size_t bytes = size_ - 8 * k < 8 ? size_ - 8 * k : 8;
            masks_[k] = ~uint64_t{0} >> (64 - 8 * bytes);
            words_[k] = word_at(text + 8 * k) & masks_[k];
        }
    }
    size_t size() const { return size_; }
    static size_t length_at(const char* text) { return static_cast<size_t>(skip_white(text, text + longest) - text); }

    // How many numbers of an array, from the first one on, have it in front of them.
    size_t count(const char* text, const uint16_t* starts, size_t numbers) const {
        for (size_t k = 0; 8 * k < size_; ++k) {
            const char* word = text + 8 * k;
            size_t alike = 0;
            while (alike < numbers && (word_at(word + starts[alike]) & masks_[k]) == words_[k]) ++alike;
            numbers = alike;
        }
        return numbers;
    }

  private:
    size_t size_;
    uint64_t masks_[longest / 8];
    uint64_t words_[longest / 8];
};

}  // namespace baseten
