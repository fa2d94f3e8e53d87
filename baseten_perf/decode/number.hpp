// A JSON number (RFC 8259, section 6) read from text into a float32, equal to np.float32(float(text)).
//
// The decimal is first taken as a 64-bit integer and a power of ten.  One multiplication or division by an exact power
// then gives a double that is at most two units in the last place away from the correctly rounded one.  Both round to
// the same float32 unless a float32 midpoint lies that close; only then, and for rare exponents, the exact conversion
// is asked.  Rounding straight to float32 instead (from_chars<float>) would differ: NumPy rounds twice.
#pragma once

#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <limits>
#if !defined(__cpp_lib_to_chars)
#include <locale.h>
#if defined(__APPLE__)
#include <xlocale.h>
#endif
#endif

namespace baseten {

enum class NumberState { complete, more, malformed, too_large };

struct Number {
    NumberState state;
    const char* end;  // first character behind the number; meaningful when complete
    float value;
};

inline bool is_digit(char c) { return static_cast<unsigned char>(c - '0') < 10; }

// The exact conversion of the whole token [first, last), which is a valid JSON number.  False when it exceeds double.
inline bool exact_double(const char* first, const char* last, double* value) {
#if defined(__cpp_lib_to_chars)
    auto [end, failure] = std::from_chars(first, last, *value);
    (void)end;
    if (failure != std::errc::result_out_of_range) return true;
    // Out of range both ways; only the decimal's magnitude tells underflow (a zero) from overflow (an error).
    const char* p = first + (*first == '-');
    long long magnitude = 0;
    while (p < last && *p == '0') ++p;
    if (p < last && is_digit(*p)) {
        for (; p < last && is_digit(*p); ++p) ++magnitude;
        while (p < last && (*p == '.' || is_digit(*p))) ++p;
    } else if (p < last && *p == '.') {
        for (++p; p < last && *p == '0'; ++p) --magnitude;
        while (p < last && is_digit(*p)) ++p;
    }
    if (p < last) {
        ++p;
        bool negative = *p == '-';
        if (*p == '-' || *p == '+') ++p;
        long long exponent = 0;
        for (; p < last; ++p) exponent = exponent < 1000000000 ? exponent * 10 + (*p - '0') : exponent;
        magnitude += negative ? -exponent : exponent;
    }
    if (magnitude > 0) return false;
    *value = *first == '-' ? -0.0 : 0.0;
    return true;
#else
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
#endif
}

inline float to_float32(double value) {
    // Doubles at or beyond this round to infinity; the plain cast of such a double is undefined behaviour.
    constexpr double limit = 3.4028235677973366e+38;
    if (value >= limit) return std::numeric_limits<float>::infinity();
    if (value <= -limit) return -std::numeric_limits<float>::infinity();
    return static_cast<float>(value);
}

constexpr double powers_of_ten[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

// mantissa * 10**exponent rounded to double and then to float32, if that can be told without the exact conversion.
inline bool quick_float32(uint64_t mantissa, long long exponent, bool negative, float* result) {
    if (exponent < -22 || exponent > 22) {
        *result = negative ? -0.0f : 0.0f;
        return mantissa == 0;
    }
    double value = static_cast<double>(mantissa);
    value = exponent < 0 ? value / powers_of_ten[-exponent] : value * powers_of_ten[exponent];
    uint64_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    *result = to_float32(negative ? -value : value);
    // Bits below a float32's mantissa: half a unit is 2**28.  Closer than 8 doubles to it: do not trust.
    return (bits & 0x1fffffff) - (0x10000000 - 8) > 16;
}

// How many of the eight characters at `text` are digits, up to the first that is not, and the number they make.
// Works on all eight in one 64-bit word (D. Lemire, "Number parsing at a gigabyte per second", 2021).
inline unsigned eight_digits(const char* text, uint64_t* number) {
    uint64_t word;
    std::memcpy(&word, text, sizeof word);
    word ^= 0x3030303030303030;  // digits become 0..9
    uint64_t others = (((word & 0x7f7f7f7f7f7f7f7f) + 0x7676767676767676) | word) & 0x8080808080808080;
    unsigned count = others == 0 ? 8 : static_cast<unsigned>(__builtin_ctzll(others)) / 8;
    if (count == 0) return *number = 0, 0;
    word <<= 64 - 8 * count;  // what follows the digits goes, zeros come in front
    word = (word & 0x0f0f0f0f0f0f0f0f) * 2561 >> 8;
    word = (word & 0x00ff00ff00ff00ff) * 6553601 >> 16;
    *number = (word & 0x0000ffff0000ffff) * 42949672960001 >> 32;
    return count;
}

// A plain decimal (no exponent, at most 19 digits that count) with at least `plain_margin` readable characters at
// `first`: its end, or null when it is anything else.
constexpr ptrdiff_t plain_margin = 48;
inline const char* read_plain_decimal(const char* first, float* value) {
    static constexpr uint64_t powers[] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000};
    const char* p = first;
    bool negative = *p == '-';
    p += negative;
    uint64_t mantissa, digits;
    unsigned whole;
    if (p[1] == '.' && is_digit(*p)) {
        mantissa = static_cast<uint64_t>(*p - '0');
        whole = 1;
    } else {
        whole = eight_digits(p, &mantissa);
        if (whole == 0 || whole == 8 || (whole > 1 && *p == '0')) return nullptr;
    }
    if (mantissa == 0) whole = 0;
    p += whole + (mantissa == 0);
    unsigned fraction = 0;
    if (*p == '.') {
        unsigned count;
        ++p;
        do {
            count = eight_digits(p, &digits);
            p += count;
            fraction += count;
            if (whole + fraction > 19) return nullptr;
            mantissa = mantissa * powers[count] + digits;
        } while (count == 8);
        if (fraction == 0) return nullptr;
    }
    if ((*p | 0x20) == 'e') return nullptr;
    return quick_float32(mantissa, -static_cast<long long>(fraction), negative, value) ? p : nullptr;
}

// Reads the number that starts at `first`.  A number that touches `last` may go on in the next chunk: `more`, unless
// `final` says that nothing follows.
[[gnu::noinline]] inline Number read_any_number(const char* first, const char* last, bool final) {
    const Number more{final ? NumberState::malformed : NumberState::more, last, 0.0f};
    const Number malformed{NumberState::malformed, first, 0.0f};
    const char* p = first;
    bool negative = *p == '-';
    if (negative && ++p == last) return more;
    if (!is_digit(*p)) return malformed;

    // Digits beyond the nineteenth only move the exponent: they change the value by less than the guard allows.
    uint64_t mantissa = 0;
    int taken = 0;
    long long exponent = 0;
    const char* integer = p;
    for (; p < last && is_digit(*p); ++p) {
        if (taken < 19) {
            mantissa = mantissa * 10 + static_cast<uint64_t>(*p - '0');
            taken += mantissa != 0;
        } else {
            ++exponent;
        }
    }
    if (p - integer > 1 && *integer == '0') return malformed;
    if (p < last && *p == '.') {
        const char* fraction = ++p;
        for (; p < last && is_digit(*p); ++p) {
            if (taken < 19) {
                mantissa = mantissa * 10 + static_cast<uint64_t>(*p - '0');
                taken += mantissa != 0;
                --exponent;
            }
        }
        if (p == last && !final) return more;
        if (p == fraction) return malformed;
    }
    if (p < last && (*p | 0x20) == 'e') {
        if (++p == last) return more;
        bool down = *p == '-';
        if ((*p == '-' || *p == '+') && ++p == last) return more;
        if (!is_digit(*p)) return malformed;
        long long written = 0;
        for (; p < last && is_digit(*p); ++p)
            written = written < 1000000000 ? written * 10 + (*p - '0') : written;
        exponent += down ? -written : written;
    }
    if (p == last && !final) return more;

    Number number{NumberState::complete, p, 0.0f};
    if (quick_float32(mantissa, exponent, negative, &number.value)) return number;
    double value;
    if (!exact_double(first, p, &value)) return {NumberState::too_large, p, 0.0f};
    number.value = to_float32(value);
    return number;
}

// The same in two parts: what is inlined into a loop over many numbers stays small.
[[gnu::always_inline]] inline Number read_number(const char* first, const char* last) {
    if (last - first >= plain_margin) {
        Number plain{NumberState::complete, nullptr, 0.0f};
        plain.end = read_plain_decimal(first, &plain.value);
        if (plain.end != nullptr) return plain;
    }
    return read_any_number(first, last, false);
}

}  // namespace baseten
