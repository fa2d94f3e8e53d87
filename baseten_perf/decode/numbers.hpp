// Runs of numbers with their commas, as many as the kernel can take: the bulk of an array, away from a piece's ends.
#pragma once

#include "decode/kernels/kernel.hpp"
#include "decode/number.hpp"
#include "decode/white_space.hpp"

namespace baseten {

// The number in any form that [p, last) is with the comma behind it, and perhaps white space in front; false when it is
// none.
inline bool read_with_comma(const char* p, const char* last, float* out) {
    if (!is_digit(last[-2])) return false;  // as behind the end of an array
    while (is_white(*p)) ++p;
    Number number = read_number(p, last, false);
    *out = number.value;
    return number.state == NumberState::complete && number.end == last - 1;
}

// Reads numbers, each with the comma behind it, to `out`, `room` at most, and gives how many; `p` is then behind the
// last one's comma.  Stops before whatever it does not take: white space behind a number, the end of the array, what is
// no number, and anything near an end of what is readable, which is [first, last).
inline size_t read_numbers(const char* first, const char*& p, const char* last, float* out, size_t room) {
    constexpr size_t portion = 1024;
    uint16_t starts[1 + portion + 64];
    size_t count = 0;
    while (room - count >= 4 && p - first >= before_decimals && last - p >= 64 + behind_decimals) {
        size_t gap = WhiteSpace::length_at(p);
        if (!is_digit(p[gap]) && p[gap] != '-') break;
        // No further than the commas in demand are likely to be.
        size_t size = static_cast<size_t>(last - p - behind_decimals);
        if (size > (room - count) * (32 + gap)) size = (room - count) * (32 + gap);
        size = size < portion ? size & ~size_t{63} : portion;
        starts[0] = 0;
        size_t here = kernel->find_commas(p, size, starts + 1);
        if (here < 4) break;
        if (here > room - count) here = room - count;
        // As in front of the second number: the first one of an array often has none.
        const WhiteSpace white(p + starts[1]);
        size_t alike = white.count(p, starts, here);
        size_t done = 0;
        while (here - done >= 4) {
            size_t read = kernel->read_decimals(p, starts + done, alike - done, white.size(), out + count + done);
            done += read;
            if (here - done < 4) break;
            // The next one is not for the kernel, and may be none at all.  Where it took none, those behind will not be
            // for it either.
            size_t end = read != 0 || done == 0 ? done + 1 : here - done < 16 ? here : done + 16;
            for (; done < end; ++done) {
                if (read_with_comma(p + starts[done], p + starts[done + 1], out + count + done)) continue;
                p += starts[done];
                return count + done;
            }
            if (alike < done) alike = done + white.count(p, starts + done, here - done);
        }
        p += starts[done];
        count += done;
    }
    return count;
}

}  // namespace baseten
