/* The network and its novelty on a CPU: windows in, probabilities and novelty out. And the spectra of
 * physics, and the statistics that quality and indicators follow from.
 *
 * Plain C without Python's interface; model/backends/native.py, model/physics/native.py and
 * model/statistics.py call it through ctypes, which releases the GIL. The work is in the headers
 * kernel_*.h, compiled once for each instruction level that the compiler can make, and the caller chooses
 * one that the processor has. No compiler option changes how floating point behaves: with -ffast-math a
 * shared object changes that of the whole process.
 */

#include <float.h>
#include <math.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define SAMPLES 2048
#define FILTERS 5
#define TAPS 100
#define POOL 50
#define POOLED 38
#define FEATURES 190
#define PADDED 192 /* FEATURES, and zeros up to a multiple of every vector's length */
#define LABELS 4
#define QUADS 480 /* groups of four neighbouring outputs, a multiple of every tile */
#define TOGETHER 4 /* windows whose features are whitened together */

struct network {
    const float *filters;   /* (9, FILTERS, TAPS / 4): even taps, their sum with the odd, odd ones; of
                             * each of these three the same again */
    const float *bias;      /* (FILTERS) */
    const float *weights;   /* (LABELS, PADDED), divided by the temperature */
    const float *offsets;   /* (LABELS), divided by the temperature */
    const float *whitening; /* (FEATURES, PADDED), divided by the limit; NULL without novelty */
    const float *shift;     /* (PADDED) */
    const float *means;     /* (classes, PADDED), whitened */
    int64_t classes;
};

#define HALF 1024
#define FULL 1280    /* samples of the envelope of the full band */
#define MAX_READ 384 /* samples of an envelope that are read, at most */
#define FINENESS 4
#define BANDS 12
#define VIEW_BANDS 6
#define SMOOTHING 33
#define TINY 1e-30f
#define LEAST_POWER 1e-6f

/* Cosine and sine of -2 pi k / count, for k from 0 to count - 1. */
struct turns {
    const float *of; /* (count, 2) */
    int64_t count;
};

/* What the spectra of model/physics/spectra.py are made with; its constants are the macros above. */
struct plan {
    int64_t samples, points;        /* of `Reading` */
    struct turns whole, full, fine; /* of SAMPLES, FULL and FINENESS * samples */
    int32_t edges[BANDS + 1];       /* of the bands, in bins */
    int32_t views[VIEW_BANDS][2];   /* first bin and the one after the last of the band views */
};

#define BLOCKS 64

/* The statistics of a window; model/statistics.py explains each. All are float32, so that NumPy reads
 * them as one array. */
struct statistics {
    float high, low, square, at_level, longest_run, powers[4], means[BLOCKS];
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
#include "kernel_spectra.h"
#include "kernel_statistics.h"
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
#include "kernel_spectra.h"
#include "kernel_statistics.h"
#undef LEVEL
#undef LANES
#undef TILE
#pragma GCC pop_options

#pragma GCC push_options
#pragma GCC target("avx512f,avx512dq,avx512bw,avx512vl,fma,prefer-vector-width=512")
#define LEVEL(name) name##_avx512
#define LANES 16
#define TILE 3
#include "kernel_level.h"
#include "kernel_spectra.h"
#include "kernel_statistics.h"
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
#define spectra_avx2 spectra_baseline
#define spectra_avx512 spectra_baseline
#define statistics_avx2 statistics_baseline
#define statistics_avx512 statistics_baseline

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

/* Write the log envelope spectra (count, plan->points) and the log band powers (count, BANDS) of
 * windows (count, SAMPLES). Returns 0 where there is no memory. */
int bearing_spectra(const float *windows, int64_t count, int level, const struct plan *plan,
                    float *envelope, float *bands)
{
    /* A vector of few windows takes as long as a full one. */
    if (count <= 4)
        level = 0;
    else if (count <= 8 && level == 2)
        level = 1;
    if (level == 2)
        return spectra_avx512(windows, count, plan, envelope, bands);
    if (level == 1)
        return spectra_avx2(windows, count, plan, envelope, bands);
    return spectra_baseline(windows, count, plan, envelope, bands);
}

/* Write the statistics (count) of windows (count, SAMPLES) of finite samples. */
void bearing_statistics(const float *windows, int64_t count, int level, int least_run, struct statistics *out)
{
    if (level == 2)
        statistics_avx512(windows, count, least_run, out);
    else if (level == 1)
        statistics_avx2(windows, count, least_run, out);
    else
        statistics_baseline(windows, count, least_run, out);
}

#define PART 16 /* windows after which the thread checks what else there is */

/* A thread that examines the windows of an array from the first to the last, as they are written. Python's
 * lock is not needed for it: a thread of Python would wait for that lock before and after each call. */
struct examiner {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    const struct network *network;
    int level, least_run, busy, stopping;
    const float *windows;
    float *probabilities, *novelty;
    struct statistics *statistics;
    int64_t end, done; /* windows that are written, and that are examined */
};

static void *examine_as_written(void *argument)
{
    struct examiner *e = argument;
    pthread_mutex_lock(&e->lock);
    for (;;) {
        while (!e->stopping && e->done >= e->end)
            pthread_cond_wait(&e->changed, &e->lock);
        if (e->stopping)
            break;
        int64_t first = e->done, count = e->end - first < PART ? e->end - first : PART;
        const float *windows = e->windows + first * SAMPLES;
        e->busy = 1;
        pthread_mutex_unlock(&e->lock);
        bearing_examine(windows, count, 0, e->level, e->network, e->probabilities + first * LABELS,
                        e->novelty + first);
        bearing_statistics(windows, count, e->level, e->least_run, e->statistics + first);
        pthread_mutex_lock(&e->lock);
        e->busy = 0;
        e->done = first + count;
        pthread_cond_broadcast(&e->changed);
    }
    pthread_mutex_unlock(&e->lock);
    return NULL;
}

/* Start a thread; returns NULL where that is not possible. The network must outlive it. */
struct examiner *bearing_examiner_start(const struct network *network, int level, int least_run)
{
    struct examiner *e = calloc(1, sizeof *e);
    if (!e)
        return NULL;
    e->network = network;
    e->level = level;
    e->least_run = least_run;
    pthread_mutex_init(&e->lock, NULL);
    pthread_cond_init(&e->changed, NULL);
    if (pthread_create(&e->thread, NULL, examine_as_written, e)) {
        free(e);
        return NULL;
    }
    return e;
}

/* Forget all windows, and examine those of other arrays, whose first `done` are examined already. Returns
 * when the thread reads nothing. */
void bearing_examiner_use(struct examiner *e, const float *windows, float *probabilities, float *novelty,
                          struct statistics *statistics, int64_t done)
{
    pthread_mutex_lock(&e->lock);
    e->end = 0;
    while (e->busy)
        pthread_cond_wait(&e->changed, &e->lock);
    e->windows = windows;
    e->probabilities = probabilities;
    e->novelty = novelty;
    e->statistics = statistics;
    e->end = e->done = done;
    pthread_mutex_unlock(&e->lock);
}

/* Let the thread examine the windows before `end` */
void bearing_examiner_extend(struct examiner *e, int64_t end)
{
    pthread_mutex_lock(&e->lock);
    e->end = end;
    pthread_cond_broadcast(&e->changed);
    pthread_mutex_unlock(&e->lock);
}

/* Wait until the windows before `end`, which are written, are examined. */
void bearing_examiner_wait(struct examiner *e, int64_t end)
{
    pthread_mutex_lock(&e->lock);
    while (e->done < end)
        pthread_cond_wait(&e->changed, &e->lock);
    pthread_mutex_unlock(&e->lock);
}

/* End the thread, and free what it took. */
void bearing_examiner_stop(struct examiner *e)
{
    pthread_mutex_lock(&e->lock);
    e->stopping = 1;
    pthread_cond_broadcast(&e->changed);
    pthread_mutex_unlock(&e->lock);
    pthread_join(e->thread, NULL);
    pthread_cond_destroy(&e->changed);
    pthread_mutex_destroy(&e->lock);
    free(e);
}
