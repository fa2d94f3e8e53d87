// What the vector kernels' functions are compiled for, each by itself: the rest of the module runs on every machine.
#pragma once

#define BASETEN_SSE41 __attribute__((target("sse4.1,popcnt")))
#define BASETEN_AVX2 __attribute__((target("avx2,bmi,popcnt")))
