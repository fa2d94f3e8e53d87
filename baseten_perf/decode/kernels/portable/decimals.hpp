// Decimals on any machine: eight characters at a time in a 64-bit word.
//
// Commas: a byte is zero exactly when adding 0x7f to its lower seven bits leaves the upper bit clear, and its own upper
// bit is clear too (H. Warren, "Hacker's Delight", 6-1); one multiplication gathers the eight answers.
#pragma once

#include "decode/decimal.hpp"
#include "decode/word.hpp"

namespace baseten::portable {

// Bit i: whether text[i] is a comma.
inline uint64_t commas_of_eight(const char* text) {
    constexpr uint64_t low = 0x7f7f7f7f7f7f7f7f;
    uint64_t word = word_at(text) ^ 0x2c2c2c2c2c2c2c2c;
    uint64_t zeros = ~(((word & low) + low) | word | low);
    return (zeros >> 7) * 0x0102040810204080 >> 56;
}

inline size_t find_commas(const char* text, size_t size, uint16_t* behind) {
    uint16_t* next = behind;
    for (size_t block = 0; block < size; block += 64) {
        uint64_t commas = 0;
        for (size_t i = 0; i < 64; i += 8) commas |= commas_of_eight(text + block + i) << i;
        next = note_commas(commas, block, next);
    }
    return static_cast<size_t>(next - behind);
}

inline size_t read_decimals(const char* text, const uint16_t* starts, size_t count, size_t gap, float* out) {
    for (size_t i = 0; i < count; ++i) {
        size_t end = starts[i + 1] - size_t{1};
        DecimalShape shape = decimal_shape(text, starts[i] + gap, end);
        const char* kept = kept_digits.data() + shape.count;
        uint64_t high = as_digits(word_at(text + end - 24)) & word_at(kept + 8);
        uint64_t middle = as_digits(word_at(text + end - 16)) & word_at(kept + 16);
        uint64_t low = as_digits(word_at(text + end - 8)) & word_at(kept + 24);
        double value = static_cast<double>(eight_digits(middle) * 100000000 + eight_digits(low));
        value = (static_cast<double>(eight_digits(high)) * 1e16 + value) * *shape.scale + *shape.whole;
        if ((no_digits(high) | no_digits(middle) | no_digits(low)) != 0 || in_doubt(value)) return i;
        out[i] = static_cast<float>(value);
    }
    return count;
}

}  // namespace baseten::portable
