/* The network and its novelty on a CPU: windows in, probabilities and novelty out.
 *
 * Plain C without Python's interface; model/backends/native.py calls it through ctypes, which releases
 * the GIL. The work is in kernel_level.h, compiled once for each instruction level that the compiler
 * can make, and the caller chooses one that the processor has. No compiler option changes how floating
 * point behaves: with -ffast-math a shared object changes that of the whole process.
 */

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#define SAMPLES 2048
#define FILTERS 5
#define TAPS 100
#define POOL 50
#define POOLED 38
#define FEATURES 190
#define PADDED 192 /* FEATURES, and zeros up to a multiple of every vector's length */
#define LABELS 4
#define TOGETHER 4 /* windows whose features are whitened together */

struct network {
    const float *filters;   /* (FILTERS, TAPS) */
    const float *bias;      /* (FILTERS) */
    const float *weights;   /* (LABELS, PADDED), divided by the temperature */
    const float *offsets;   /* (LABELS), divided by the temperature */
    const float *whitening; /* (FEATURES, PADDED), divided by the limit; NULL without novelty */
    const float *shift;     /* (PADDED) */
    const float *means;     /* (classes, PADDED), whitened */
    int64_t classes;
};

/* The power of two that brings a peak to between 0.5 and 1. */
static float power_of_two(float peak)
{
    int exponent;
    frexpf(peak, &exponent);
    /* The reciprocal of a subnormal number would overflow. */
    return ldexpf(1.0f, exponent < -125 ? 126 : -exponent);
}

#define LEVEL(name) name##_baseline
#define LANES 4
#define TILE 2
#include "kernel_level.h"
#undef LEVEL
#undef LANES
#undef TILE

#if defined(__x86_64__) && defined(__GNUC__)

#pragma GCC push_options
#pragma GCC target("avx2,fma")
#define LEVEL(name) name##_avx2
#define LANES 8
#define TILE 2
#include "kernel_level.h"
#undef LEVEL
#undef LANES
#undef TILE
#pragma GCC pop_options

#pragma GCC push_options
#pragma GCC target("avx512f,avx512dq,avx512bw,avx512vl,fma,prefer-vector-width=512")
#define LEVEL(name) name##_avx512
#define LANES 16
#define TILE 4
#include "kernel_level.h"
#undef LEVEL
#undef LANES
#undef TILE
#pragma GCC pop_options

/* How many of the levels, in the order baseline, avx2, avx512, this processor has. */
int bearing_levels(void)
{
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma"))
        return 1;
    if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512dq") ||
        !__builtin_cpu_supports("avx512bw") || !__builtin_cpu_supports("avx512vl"))
        return 2;
    return 3;
}

#else

int bearing_levels(void) { return 1; }
#define examine_avx2 examine_baseline
#define examine_avx512 examine_baseline

#endif

/* Examine windows (count, SAMPLES), float32 or, if `integers`, int16, at an instruction level that
 * bearing_levels() includes. Writes probabilities (count, LABELS) and novelty (count); those of a
 * window with a sample that is not finite are NaN. */
void bearing_examine(const void *windows, int64_t count, int integers, int level,
                     const struct network *network, float *probabilities, float *novelty)
{
    if (level == 2)
        examine_avx512(windows, count, integers, network, probabilities, novelty);
    else if (level == 1)
        examine_avx2(windows, count, integers, network, probabilities, novelty);
    else
        examine_baseline(windows, count, integers, network, probabilities, novelty);
}
