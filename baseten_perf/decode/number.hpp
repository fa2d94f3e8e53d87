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

#include "decode/decimal.hpp"
#include "decode/word.hpp"

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

// mantissa * 10**exponent rounded to double and then to float32, if that can be told without the exact conversion.
inline bool quick_float32(uint64_t mantissa, long long exponent, bool negative, float* result) {
    if (exponent < -22 || exponent > 22) {
        *result = negative ? -0.0f : 0.0f;
        return mantissa == 0;
    }
    double value = static_cast<double>(mantissa);
    value = exponent < 0 ? value / powers_of_ten[-exponent] : value * powers_of_ten[exponent];
    *result = to_float32(negative ? -value : value);
    return !in_doubt(value);
}

// Reads digits at `p`, which is then behind them, on into the mantissa; gives how many of them no longer had a place
// there. Those behind the nineteenth change the value by less than what is `in_doubt` anyway.
inline long long read_digits(const char*& p, const char* last, uint64_t& mantissa) {
    for (uint64_t word; last - p >= 8 && mantissa < 100000000000; p += 8) {
        word = as_digits(word_at(p));
        if (no_digits(word) != 0) break;
        mantissa = mantissa * 100000000 + static_cast<uint64_t>(eight_digits(word));
    }
    long long left_out = 0;
    for (; p < last && is_digit(*p); ++p) {
        if (mantissa < 1000000000000000000) mantissa = mantissa * 10 + static_cast<uint64_t>(*p - '0');
        else ++left_out;
    }
    return left_out;
}

// Reads the number that starts at `first`.  A number that touches `last` may go on in the next chunk: `more`, unless
// `final` says that nothing follows.
[[gnu::noinline]] inline Number read_number(const char* first, const char* last, bool final) {
    const Number more{final ? NumberState::malformed : NumberState::more, last, 0.0f};
    const Number malformed{NumberState::malformed, first, 0.0f};
    const char* p = first;
    bool negative = *p == '-';
    if (negative && ++p == last) return more;
    if (!is_digit(*p)) return malformed;

    uint64_t mantissa = 0;
    const char* integer = p;
    long long exponent = read_digits(p, last, mantissa);
    if (p - integer > 1 && *integer == '0') return malformed;
    if (p < last && *p == '.') {
        const char* fraction = ++p;
        exponent += read_digits(p, last, mantissa) - (p - fraction);
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

}  // namespace baseten
