// What the functions here are compiled for, each by itself, and whether the machine at hand is such a one: the rest of the
// module runs on every machine.
#pragma once

#define BASETEN_AVX2 __attribute__((target("avx2,bmi,popcnt")))

namespace baseten::avx2 {

inline bool supported() {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("popcnt");
}

}  // namespace baseten::avx2
