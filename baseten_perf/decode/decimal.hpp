// A decimal fraction such as -0.0042423605918884277, read eight digits at a time: the form that embeddings come in.
//
// The digits are counted first, sixteen characters in one comparison, so that the work for 9 to 16 and for 17 to 19 of them
// is free of further branches; the time of a number is then the time of its arithmetic.  Eight digits in one 64-bit word
// become a number in three multiplications (D. Lemire, "Number parsing at a gigabyte per second", 2021).
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace baseten {

constexpr double powers_of_ten[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
constexpr int64_t whole_powers_of_ten[] = {1,
                                           10,
                                           100,
                                           1000,
                                           10000,
                                           100000,
                                           1000000,
                                           10000000,
                                           100000000,
                                           1000000000,
                                           10000000000,
                                           100000000000,
                                           1000000000000,
                                           10000000000000,
                                           100000000000000,
                                           1000000000000000,
                                           10000000000000000,
                                           100000000000000000,
                                           1000000000000000000};

inline bool is_digit(char c) { return static_cast<unsigned char>(c - '0') < 10; }

// Whether rounding a double that is up to two units off its correct value gives the same float32 all the same.
// Bits below a float32's mantissa: half a unit is 2**28.  Closer than 8 doubles to it is not trusted.
inline bool rounds_safely(double value) {
    uint64_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    return (bits & 0x1fffffff) - (0x10000000 - 8) > 16;
}

// Digits at `text`, up to the first other character: at most 24 are looked at, 32 characters must be readable.
inline unsigned count_digits(const char* text) {
#if defined(__SSE2__)
    const __m128i below = _mm_set1_epi8('0' - 1), above = _mm_set1_epi8('9' + 1);
    __m128i head = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text));
    __m128i tail = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text + 16));
    head = _mm_and_si128(_mm_cmpgt_epi8(head, below), _mm_cmplt_epi8(head, above));
    tail = _mm_and_si128(_mm_cmpgt_epi8(tail, below), _mm_cmplt_epi8(tail, above));
    unsigned digits = static_cast<unsigned>(_mm_movemask_epi8(head) | _mm_movemask_epi8(tail) << 16);
    return static_cast<unsigned>(__builtin_ctz(~digits | 1u << 24));
#else
    unsigned count = 0;
    for (; count < 24; count += 8) {
        uint64_t word;
        std::memcpy(&word, text + count, sizeof word);
        word ^= 0x3030303030303030;
        uint64_t others = (((word & 0x7f7f7f7f7f7f7f7f) + 0x7676767676767676) | word) & 0x8080808080808080;
        if (others != 0) return count + static_cast<unsigned>(__builtin_ctzll(others)) / 8;
    }
    return count;
#endif
}

// The number that the first `count` (1 to 8) characters at `text`, all digits, make; eight must be readable.
inline int64_t digits_to_number(const char* text, unsigned count) {
    uint64_t word;
    std::memcpy(&word, text, sizeof word);
    word = (word ^ 0x3030303030303030) << (64 - 8 * count);  // what follows goes, zeros come in front
    word = (word & 0x0f0f0f0f0f0f0f0f) * 2561 >> 8;
    word = (word & 0x00ff00ff00ff00ff) * 6553601 >> 16;
    return static_cast<int64_t>((word & 0x0000ffff0000ffff) * 42949672960001 >> 32);
}

// Reads [-]D.DDD... with one digit before the point and 1 to 19 behind it; gives its end, or null when it is anything
// else or its rounding is in doubt.  `decimal_margin` characters must be readable at `first`.
constexpr ptrdiff_t decimal_margin = 48;
inline const char* read_decimal(const char* first, float* value) {
    const bool negative = *first == '-';
    const char* p = first + negative;
    if (!is_digit(p[0]) || p[1] != '.') return nullptr;
    int64_t whole = p[0] - '0';
    p += 2;
    unsigned count = count_digits(p);
    int64_t number;
    if (count - 17 < 3) {
        number = digits_to_number(p, 8) * 100000000 + digits_to_number(p + 8, 8);
        // Nineteen digits fit when the first ones are zeros, which is when numbers this long are written.
        if (number >= 922337203685477 && count == 19) return nullptr;
        number = number * whole_powers_of_ten[count - 16] + digits_to_number(p + 16, count - 16);
    } else if (count - 9 < 8) {
        number = digits_to_number(p, 8) * whole_powers_of_ten[count - 8] + digits_to_number(p + 8, count - 8);
    } else if (count - 1 < 8) {
        number = digits_to_number(p, count);
    } else {
        return nullptr;
    }
    if (whole != 0) {
        if (count > 17) return nullptr;
        number += whole * whole_powers_of_ten[count];
    }
    p += count;
    if ((*p | 0x20) == 'e') return nullptr;
    double quotient = static_cast<double>(number) / powers_of_ten[count];
    float rounded = static_cast<float>(quotient);
    // The sign by its bit: half of all numbers are negative, and no branch predictor knows which.
    uint32_t bits;
    std::memcpy(&bits, &rounded, sizeof bits);
    bits |= static_cast<uint32_t>(negative) << 31;
    std::memcpy(value, &bits, sizeof bits);
    return rounds_safely(quotient) ? p : nullptr;
}

}  // namespace baseten
