// A JSON number (RFC 8259, section 6): its grammar, and the float32 or double that it is.
//
// The decimal is taken as a 64-bit integer and a power of ten.  For a float32, equal to np.float32(float(text)), one or two
// operations with exact powers then give a double that is at most three units in the last place away from the correctly
// rounded one.  Both round to the same float32 unless a float32 midpoint lies that close; only then, and for rare
// exponents, the exact conversion is asked.  Rounding straight to float32 instead would differ: NumPy rounds twice.
#pragma once

#include <locale.h>
#if defined(__APPLE__)
#include <xlocale.h>
#endif

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <limits>

#include "decode/decimal.hpp"
#include "decode/word.hpp"

namespace baseten {

enum class NumberState { complete, more, malformed, too_large };

// A number as it is written: mantissa * 10**exponent.
struct Written {
    NumberState state = NumberState::malformed;
    const char* end = nullptr;  // first character behind the number; meaningful, as all that follows, when complete
    uint64_t mantissa = 0;   // its first 18 or 19 digits
    long long exponent = 0;
    bool negative = false;
    bool whole = true;       // neither fraction nor exponent
    bool cut = false;        // further digits are left out
};

// Whether a character can belong to a number.
inline bool is_of_number(char c) { return is_digit(c) || c == '.' || c == '-' || c == '+' || (c | 0x20) == 'e'; }

constexpr uint64_t integer_powers_of_ten[] = {
    1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000, 1000000000, 10000000000, 100000000000, 1000000000000,
    10000000000000, 100000000000000, 1000000000000000, 10000000000000000, 100000000000000000, 1000000000000000000,
    10000000000000000000u};

// Read digits at `p`, which is then behind them, on into the mantissa, and give how many of them no longer had a place
// there: one by one, or eight at a time.
inline long long read_few_digits(const char*& p, const char* last, uint64_t& mantissa) {
    long long left_out = 0;
    for (; p < last && is_digit(*p); ++p) {
        if (mantissa < 1000000000000000000) mantissa = mantissa * 10 + static_cast<uint64_t>(*p - '0');
        else ++left_out;
    }
    return left_out;
}
inline long long read_many_digits(const char*& p, const char* last, uint64_t& mantissa) {
    for (uint64_t word; last - p >= 8 && mantissa < 100000000000; p += 8) {
        word = as_digits(word_at(p));
        if (no_digits(word) != 0) break;
        mantissa = mantissa * 100000000 + static_cast<uint64_t>(eight_digits(word));
    }
    return read_few_digits(p, last, mantissa);
}

// Reads the number that starts at `first`, which is before `last`.  One that touches `last` may go on in the next chunk:
// `more`, unless `final` says that nothing follows.
[[gnu::always_inline]] inline Written scan_number(const char* first, const char* last, bool final) {
    // One object at every end, so that it need not lie in memory.
    Written number{NumberState::malformed, first};
    const NumberState at_last = final ? NumberState::malformed : NumberState::more;
    const char* p = first;
    number.negative = *p == '-';
    if (number.negative && ++p == last) {
        number.state = at_last;
        return number;
    }
    if (!is_digit(*p)) return number;

    const char* integer = p;
    long long left_out = read_few_digits(p, last, number.mantissa);
    number.exponent = left_out;
    if (p - integer > 1 && *integer == '0') return number;
    if (p < last && *p == '.') {
        const char* fraction = ++p;
        long long more_left_out = read_many_digits(p, last, number.mantissa);
        left_out += more_left_out;
        number.exponent += more_left_out - (p - fraction);
        number.whole = false;
        if (p == fraction) {
            if (p == last) number.state = at_last;
            return number;
        }
    }
    if (p < last && (*p | 0x20) == 'e') {
        bool down = false;
        if (++p < last && (*p == '-' || *p == '+')) down = *p++ == '-';
        if (p == last) {
            number.state = at_last;
            return number;
        }
        if (!is_digit(*p)) return number;
        long long written = 0;
        for (; p < last && is_digit(*p); ++p)
            written = written < 1000000000 ? written * 10 + (*p - '0') : written;
        number.exponent += down ? -written : written;
        number.whole = false;
    }
    number.state = p < last || final ? NumberState::complete : NumberState::more;
    number.end = p;
    number.cut = left_out != 0;
    return number;
}

// The same for numbers as models give them: one digit, a point, and so many digits that all have a place in the mantissa,
// with something else behind them.  False when it is another one, or too near to `last` to tell.
[[gnu::always_inline]] inline bool scan_decimal(const char* first, const char* last, Written* number) {
    constexpr ptrdiff_t looked_at = 2 + 3 * 8;
    if (last - first < looked_at || !is_digit(first[0]) || first[1] != '.') return false;
    uint64_t mantissa = static_cast<uint64_t>(first[0] - '0');
    const char* p = first + 2;
    uint64_t word = as_digits(word_at(p)), marks = no_digits(word);
    for (int words = 0; marks == 0; marks = no_digits(word)) {
        if (++words == 3) return false;
        mantissa = mantissa * 100000000 + static_cast<uint64_t>(eight_digits(word));
        word = as_digits(word_at(p += 8));
    }
    int count = __builtin_ctzll(marks) >> 3;
    if (mantissa >= integer_powers_of_ten[19 - count]) return false;
    word = word << 8 << (56 - 8 * count);  // zeros, and the digits
    mantissa = mantissa * integer_powers_of_ten[count] + static_cast<uint64_t>(eight_digits(word));
    p += count;
    if (p == first + 2 || (*p | 0x20) == 'e') return false;
    *number = {NumberState::complete, p, mantissa, first + 2 - p, false, false, false};
    return true;
}

// mantissa / 10**places, correctly rounded: a quotient of more than sixty bits, whose last one says whether anything is
// left, rounds as the fraction itself.
inline double quotient(uint64_t mantissa, unsigned places) {
    int up = __builtin_clzll(mantissa), down = __builtin_clzll(integer_powers_of_ten[places]);
    uint64_t divisor = integer_powers_of_ten[places] << down;
    unsigned __int128 dividend = static_cast<unsigned __int128>(mantissa << up) << 62;
    uint64_t bits = static_cast<uint64_t>(dividend / divisor);
    bits |= static_cast<unsigned __int128>(bits) * divisor != dividend;
    uint64_t scale = static_cast<uint64_t>(1023 + down - up - 62) << 52;
    double power_of_two;
    std::memcpy(&power_of_two, &scale, sizeof scale);
    return static_cast<double>(static_cast<int64_t>(bits)) * power_of_two;
}

// The C library's conversion of [first, last).  Not std::from_chars: older C++ libraries have none for doubles.
inline bool library_double(const char* first, const char* last, double* value) {
    static locale_t c_locale = newlocale(LC_ALL_MASK, "C", nullptr);
    size_t length = static_cast<size_t>(last - first);
    char stack[256];
    char* text = length < sizeof stack ? stack : static_cast<char*>(std::malloc(length + 1));
    if (text == nullptr) return false;
    std::memcpy(text, first, length);
    text[length] = 0;
    *value = strtod_l(text, nullptr, c_locale);
    if (text != stack) std::free(text);
    return std::isfinite(*value);
}

// The correctly rounded double, as float(text) gives it, of a number that starts at `first`.  False when it exceeds double.
inline bool to_double(const char* first, const Written& number, double* value) {
    const long long exponent = number.exponent;
    const uint64_t mantissa = number.mantissa;
    if (number.cut || exponent < -22 || exponent > 22) return library_double(first, number.end, value);
    if (mantissa <= uint64_t{1} << 53) {
        // Both are doubles themselves, so that one operation rounds once.
        double exact = static_cast<double>(mantissa);
        *value = exponent < 0 ? exact / powers_of_ten[-exponent] : exact * powers_of_ten[exponent];
    } else if (exponent <= 0 && exponent >= -19) {
        *value = quotient(mantissa, static_cast<unsigned>(-exponent));
    } else {
        return library_double(first, number.end, value);
    }
    if (number.negative) *value = -*value;
    return true;
}

inline float to_float32(double value) {
    // Doubles at or beyond this round to infinity; the plain cast of such a double is undefined behaviour.
    constexpr double limit = 3.4028235677973366e+38;
    if (value >= limit) return std::numeric_limits<float>::infinity();
    if (value <= -limit) return -std::numeric_limits<float>::infinity();
    return static_cast<float>(value);
}

// mantissa * 10**exponent rounded to double and then to float32, if that can be told without the exact conversion.
// Digits that the mantissa leaves out change the value by less than what is `in_doubt` anyway.
inline bool quick_float32(uint64_t mantissa, long long exponent, bool negative, float* result) {
    double value = static_cast<double>(mantissa);
    if (exponent < -22 || exponent > 22) {
        *result = negative ? -0.0f : 0.0f;
        if (mantissa == 0) return true;
        if (exponent < -44 || exponent > 22) return false;
        value = value / powers_of_ten[22] / powers_of_ten[-exponent - 22];
        // The midpoints between smaller float32s are others.
        if (value < static_cast<double>(std::numeric_limits<float>::min())) return false;
    } else {
        value = exponent < 0 ? value / powers_of_ten[-exponent] : value * powers_of_ten[exponent];
    }
    *result = to_float32(negative ? -value : value);
    return !in_doubt(value);
}

struct Number {
    NumberState state;
    const char* end;  // as in Written
    float value;
};

// scan_number(), and its float32.
[[gnu::noinline]] inline Number read_number(const char* first, const char* last, bool final) {
    const Written written = scan_number(first, last, final);
    Number number{written.state, written.end, 0.0f};
    if (written.state != NumberState::complete) return number;
    if (quick_float32(written.mantissa, written.exponent, written.negative, &number.value)) return number;
    double value;
    if (to_double(first, written, &value)) number.value = to_float32(value);
    else number.state = NumberState::too_large;
    return number;
}

}  // namespace baseten
