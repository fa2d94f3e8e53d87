// Sixteen bytes of a text, looked at together.  Compilers make the best of what every machine of a kind has: no dispatch.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace baseten {

// Comparisons give, in the place of each byte, all bits or none.
typedef unsigned char TextBlock __attribute__((vector_size(16)));

inline TextBlock block_at(const char* text) {
    TextBlock block;
    std::memcpy(&block, text, sizeof block);
    return block;
}

inline bool any(TextBlock block) {
    uint64_t words[2];
    std::memcpy(words, &block, sizeof words);
    return (words[0] | words[1]) != 0;
}

}  // namespace baseten
