// The inner loops of the decoders, in one version for each kind of machine; which one is in use is chosen once.
//
// A new one is a folder with the functions of a Kernel, and a row of `kernels` here.  What its machine has nothing better
// for it takes from another one.
#pragma once

#include <cstdlib>
#include <cstring>

#if defined(__x86_64__)
#include "decode/kernels/avx2/binary.hpp"
#include "decode/kernels/avx2/decimals.hpp"
#include "decode/kernels/sse41/binary.hpp"
#include "decode/kernels/sse41/decimals.hpp"
#elif defined(__aarch64__)
#include "decode/kernels/neon/binary.hpp"
#include "decode/kernels/neon/decimals.hpp"
#endif
#include "decode/kernels/portable/binary.hpp"
#include "decode/kernels/portable/decimals.hpp"

namespace baseten {

struct Kernel {
    const char* name;
    bool (*supported)();
    // Notes the positions behind the commas in `size` characters, a multiple of 64; gives their number, at most `size`.
    size_t (*find_commas)(const char* text, size_t size, uint16_t* behind);
    // Reads numbers, each of which starts `gap` characters, none of them a comma, behind starts[i] and has its comma
    // before starts[i + 1]; gives how many.  It stops before one that is no plain decimal or whose rounding is in doubt,
    // and may leave up to three at the end.  `before_decimals` characters before the text and `behind_decimals` behind
    // it must be readable.
    size_t (*read_decimals)(const char* text, const uint16_t* starts, size_t count, size_t gap, float* out);
    // Decodes up to `sixteens` times 16 characters of base64 to 12 bytes each, and gives how many: it stops before the
    // first sixteen with a character that is not of the alphabet.
    size_t (*decode_base64)(const char* text, size_t sixteens, char* bytes);
    // Read up to `count` MessagePack floats of one size that follow each other, and give how many: they stop before the
    // first other value.
    size_t (*read_float32s)(const char* text, size_t count, float* out);
    size_t (*read_float64s)(const char* text, size_t count, float* out);
};

inline bool everywhere() { return true; }

// The best first.
inline constexpr Kernel kernels[] = {
#if defined(__x86_64__)
    {"avx2", avx2::supported, avx2::find_commas, avx2::read_decimals, avx2::decode_base64,
     avx2::read_float32s, avx2::read_float64s},
    {"sse41", sse41::supported, sse41::find_commas, sse41::read_decimals, sse41::decode_base64,
     sse41::read_float32s, sse41::read_float64s},
#elif defined(__aarch64__)
    {"neon", everywhere, neon::find_commas, neon::read_decimals, neon::decode_base64,
     neon::read_float32s, neon::read_float64s},
#endif
    {"portable", everywhere, portable::find_commas, portable::read_decimals, portable::decode_base64,
     portable::read_float32s, portable::read_float64s},
};
constexpr size_t kernel_count = sizeof kernels / sizeof *kernels;

// The one in use.  A module chooses it when it is imported, before any decoder runs.
inline const Kernel* kernel = &kernels[kernel_count - 1];

// Puts the kernel of that name, or the best one for an empty name, in use; false when this machine supports no such
// kernel.
inline bool choose_kernel(const char* name) {
    for (const Kernel& each : kernels) {
        if ((*name != 0 && std::strcmp(name, each.name) != 0) || !each.supported()) continue;
        kernel = &each;
        return true;
    }
    return false;
}

// What the environment asks for; empty when it asks for none.
inline const char* wanted_kernel() {
    const char* name = std::getenv("BASETEN_PERF_KERNEL");
    return name == nullptr ? "" : name;
}

}  // namespace baseten
