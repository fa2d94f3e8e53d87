// See avx2/machine.hpp.
#pragma once

#define BASETEN_SSE41 __attribute__((target("sse4.1,popcnt")))

namespace baseten::sse41 {

inline bool supported() { return __builtin_cpu_supports("sse4.1") && __builtin_cpu_supports("popcnt"); }

}  // namespace baseten::sse41
