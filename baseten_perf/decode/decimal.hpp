// A decimal such as -0.0042423605918884277: one digit, a point and 1 to 24 digits, the form that embeddings come in.
//
// How the kernels read it, and why the result is np.float32(float(text)).  Its digits behind the point are looked at
// from their end, 24 of them in front of the comma, and what is not part of the number is masked away: so that any
// count of digits takes the same way, without a branch.  Three integers of eight digits come of it, high, middle and
// low, and
//
//     value = (high * 1e16 + (middle * 1e8 + low)) * 10**-count + whole
//
// in doubles.  Each integer is exact.  With u = 2**-53 for the relative error of one rounding, all terms being of one
// sign: middle * 1e8 and its sum with `low` are integers below 1e16, off by u each at most; high * 1e16 by u, the sum
// by u more, the table's power by u, the product by u and the last sum by u.  Together less than 7 u of the value,
// which is less than 7 units in the last place; the correctly rounded double is within half a unit of the decimal.
// Both round to the same float32 unless a midpoint between two float32s lies less than 8 units from what was computed,
// and `in_doubt` says so of anything nearer than 16.  (No such value is subnormal as a float32: it is 0 or at least
// 1e-24.)  The midpoint itself, where NumPy rounds to even after a first rounding that hides on which side the decimal
// was, is always in doubt.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace baseten {

constexpr size_t most_fraction_digits = 24;
// Characters that must be readable before and behind a text of decimals.
constexpr ptrdiff_t before_decimals = 32;
constexpr ptrdiff_t behind_decimals = 8;

constexpr double powers_of_ten[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
constexpr double negative_powers_of_ten[] = {1e0,   1e-1,  1e-2,  1e-3,  1e-4,  1e-5,  1e-6,  1e-7,  1e-8,
                                             1e-9,  1e-10, 1e-11, 1e-12, 1e-13, 1e-14, 1e-15, 1e-16, 1e-17,
                                             1e-18, 1e-19, 1e-20, 1e-21, 1e-22, 1e-23, 1e-24};

inline bool is_digit(char c) { return static_cast<unsigned char>(c - '0') < 10; }

// A double lies this near to a midpoint between two float32s when its lower 29 bits lie this near to 2**28.
constexpr uint64_t below_float32 = 0x1fffffff;
constexpr uint64_t midpoint = 0x10000000;
constexpr uint64_t doubt = 16;

// Whether a double that may be some units off its correct value could round to another float32 than that, or is no
// number.
inline bool in_doubt(double value) {
    uint64_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    return ((bits - (midpoint - doubt)) & below_float32) <= 2 * doubt || value != value;
}

// A NaN whose lower bits are a midpoint's.  On x86 so are those of whatever it is added to or multiplied with, and the
// vector kernels look at no more than that; other machines may answer with another NaN.
constexpr double no_number = __builtin_nan("0x10000000");

// What the other parts of a decimal contribute, by index; the sign comes with them.  The powers of two make for short
// address arithmetic.
constexpr size_t scale_entries = 32;
constexpr std::array<double, 2 * scale_entries> scales() {
    std::array<double, 2 * scale_entries> table{};
    for (auto& entry : table) entry = no_number;
    for (size_t count = 1; count <= most_fraction_digits; ++count) {
        table[count] = negative_powers_of_ten[count];
        table[scale_entries + count] = -negative_powers_of_ten[count];
    }
    return table;
}
inline constexpr std::array<double, 2 * scale_entries> decimal_scales = scales();

constexpr size_t whole_entries = 16;
constexpr std::array<double, 2 * whole_entries> wholes() {
    std::array<double, 2 * whole_entries> table{};
    for (auto& entry : table) entry = no_number;
    for (size_t digit = 0; digit < 10; ++digit) {
        table[digit] = static_cast<double>(digit);
        table[whole_entries + digit] = -static_cast<double>(digit);
    }
    return table;
}
inline constexpr std::array<double, 2 * whole_entries> decimal_wholes = wholes();

// 32 zeros, then 32 times 0xff: 32 of them from `count` on are a mask that keeps the last `count` of 32 characters.
constexpr std::array<char, 64> digit_mask() {
    std::array<char, 64> mask{};
    for (size_t i = 32; i < 64; ++i) mask[i] = static_cast<char>(0xff);
    return mask;
}
alignas(64) inline constexpr std::array<char, 64> kept_digits = digit_mask();

// The shape of what may be a decimal in [text + start, text + end).  When it is none, `scale` or `whole` is no_number,
// unless a character among the `count` before `end` is no digit: that remains to be seen.
struct DecimalShape {
    size_t count;
    const double* scale;
    const double* whole;
};
[[gnu::always_inline]] inline DecimalShape decimal_shape(const char* text, size_t start, size_t end) {
    size_t negative = text[start] == '-';
    size_t first = start + negative;
    uint16_t digit_and_point;
    std::memcpy(&digit_and_point, text + first, sizeof digit_and_point);
    uint32_t whole = digit_and_point - uint32_t{'0' | '.' << 8};
    size_t count = end - first - 2;
    whole = whole < 10 ? whole : 10;
    count = count <= most_fraction_digits ? count : 0;
    const double* scale = &decimal_scales[negative * scale_entries + count];
    return {count, scale, &decimal_wholes[negative * whole_entries + whole]};
}

// Appends the positions behind the commas of a block of 64 characters.  Four are written in any case, room for 64 must
// be left: a block of long numbers has no more than four, and how many exactly is what no branch predictor knows.
[[gnu::always_inline]] inline uint16_t* note_commas(uint64_t commas, size_t block, uint16_t* behind) {
    uint16_t* end = behind + __builtin_popcountll(commas);
    do {
        for (size_t i = 0; i < 4; ++i, ++behind, commas &= commas - 1) {
            unsigned place = static_cast<unsigned>(commas != 0 ? __builtin_ctzll(commas) : 64);
            *behind = static_cast<uint16_t>(block + place + 1);
        }
    } while (behind < end);
    return end;
}

}  // namespace baseten
