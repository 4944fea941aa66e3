/* The spectra of model/physics/spectra.py at one instruction level; see kernel_level.h. A vector holds
 * the same element of LANES windows, so that a transform of one window is one of LANES.
 */

#define vector LEVEL(vector)
#define mask LEVEL(mask)
#define complex LEVEL(complex)

typedef struct {
    vector re, im;
} complex;

struct LEVEL(workspace) {
    complex one[FULL], other[FULL];    /* of a transform */
    complex spectrum[HALF + 1];        /* of the windows */
    vector magnitude[HALF + 1];        /* of the spectrum */
    complex pair[FULL];                /* squared envelopes of two views */
    complex fine[FINENESS][MAX_READ];  /* their spectrum, from every fourth point on */
    vector product[FINENESS * MAX_READ / 2]; /* of the power of several views */
    vector sum[FINENESS * MAX_READ / 2];     /* of the logarithms of products */
};

/* A discrete Fourier transform of 2 to 5 numbers, in place. */
static inline __attribute__((always_inline)) void LEVEL(butterfly)(int radix, complex *x)
{
    if (radix == 2) {
        complex a = x[0], b = x[1];
        x[0] = (complex){a.re + b.re, a.im + b.im};
        x[1] = (complex){a.re - b.re, a.im - b.im};
    } else if (radix == 3) {
        const float sine = 0.866025403784438647f;
        complex sum = {x[1].re + x[2].re, x[1].im + x[2].im};
        complex apart = {(x[1].re - x[2].re) * sine, (x[1].im - x[2].im) * sine};
        complex middle = {x[0].re - sum.re * 0.5f, x[0].im - sum.im * 0.5f};
        x[0] = (complex){x[0].re + sum.re, x[0].im + sum.im};
        x[1] = (complex){middle.re + apart.im, middle.im - apart.re};
        x[2] = (complex){middle.re - apart.im, middle.im + apart.re};
    } else if (radix == 4) {
        complex even = {x[0].re + x[2].re, x[0].im + x[2].im};
        complex even_apart = {x[0].re - x[2].re, x[0].im - x[2].im};
        complex odd = {x[1].re + x[3].re, x[1].im + x[3].im};
        complex odd_apart = {x[1].re - x[3].re, x[1].im - x[3].im};
        x[0] = (complex){even.re + odd.re, even.im + odd.im};
        x[1] = (complex){even_apart.re + odd_apart.im, even_apart.im - odd_apart.re};
        x[2] = (complex){even.re - odd.re, even.im - odd.im};
        x[3] = (complex){even_apart.re - odd_apart.im, even_apart.im + odd_apart.re};
    } else {
        const float c1 = 0.309016994374947424f, c2 = -0.809016994374947424f;
        const float s1 = 0.951056516295153572f, s2 = 0.587785252292473129f;
        complex near = {x[1].re + x[4].re, x[1].im + x[4].im};
        complex near_apart = {x[1].re - x[4].re, x[1].im - x[4].im};
        complex far = {x[2].re + x[3].re, x[2].im + x[3].im};
        complex far_apart = {x[2].re - x[3].re, x[2].im - x[3].im};
        complex a = {x[0].re + near.re * c1 + far.re * c2, x[0].im + near.im * c1 + far.im * c2};
        complex b = {x[0].re + near.re * c2 + far.re * c1, x[0].im + near.im * c2 + far.im * c1};
        complex c = {near_apart.re * s1 + far_apart.re * s2, near_apart.im * s1 + far_apart.im * s2};
        complex d = {near_apart.re * s2 - far_apart.re * s1, near_apart.im * s2 - far_apart.im * s1};
        x[0] = (complex){x[0].re + near.re + far.re, x[0].im + near.im + far.im};
        x[1] = (complex){a.re + c.im, a.im - c.re};
        x[2] = (complex){b.re + d.im, b.im - d.re};
        x[3] = (complex){b.re - d.im, b.im + d.re};
        x[4] = (complex){a.re - c.im, a.im + c.re};
    }
}

static inline complex LEVEL(turned)(complex x, const float *turn)
{
    return (complex){x.re * turn[0] - x.im * turn[1], x.re * turn[1] + x.im * turn[0]};
}

/* One pass of a Stockham transform: `stride` transforms of `length` become `radix` times as many. */
static inline __attribute__((always_inline)) void
LEVEL(pass)(int radix, int length, int stride, const complex *from, complex *to, struct turns turns)
{
    int part = length / radix, step = turns.count / length;
    for (int first = 0; first < part; first++)
        for (int i = 0; i < stride; i++) {
            complex x[5];
#pragma GCC unroll 8
            for (int k = 0; k < radix; k++)
                x[k] = from[i + stride * (first + k * part)];
            LEVEL(butterfly)(radix, x);
            to[i + stride * radix * first] = x[0];
#pragma GCC unroll 8
            for (int k = 1; k < radix; k++)
                to[i + stride * (radix * first + k)] =
                    LEVEL(turned)(x[k], turns.of + 2 * first * k * step);
        }
}

/* The discrete Fourier transform of `length` numbers, whose factors are 2 to 5, in `one`; both arrays
 * are overwritten. Returns the array that holds it. */
static complex *LEVEL(transform)(int length, complex *one, complex *other, struct turns turns)
{
    int stride = 1;
    while (length > 1) {
        int radix = length % 4 == 0 ? 4 : length % 5 == 0 ? 5 : length % 3 == 0 ? 3 : 2;
        if (radix == 4)
            LEVEL(pass)(4, length, stride, one, other, turns);
        else if (radix == 5)
            LEVEL(pass)(5, length, stride, one, other, turns);
        else if (radix == 3)
            LEVEL(pass)(3, length, stride, one, other, turns);
        else
            LEVEL(pass)(2, length, stride, one, other, turns);
        length /= radix;
        stride *= radix;
        complex *next = one;
        one = other;
        other = next;
    }
    return one;
}

/* The natural logarithm of positive normal numbers, as Cephes computes it (logf.c), to 1e-7. */
static inline vector LEVEL(log)(vector x)
{
    mask bits = (mask)x, exponent = (bits >> 23) - 126;
    vector m = (vector)((bits & 0x007fffff) | 0x3f000000);
    mask low = m < 0.707106781186547524f;
    exponent += low;
    m = LEVEL(either)(low, m + m, m) - 1.0f;
    vector square = m * m;
    vector y = m * 7.0376836292e-2f - 1.1514610310e-1f;
    y = y * m + 1.1676998740e-1f;
    y = y * m - 1.2420140846e-1f;
    y = y * m + 1.4249322787e-1f;
    y = y * m - 1.6668057665e-1f;
    y = y * m + 2.0000714765e-1f;
    y = y * m - 2.4999993993e-1f;
    y = y * m + 3.3333331174e-1f;
    vector e = __builtin_convertvector(exponent, vector);
    y = y * m * square + e * -2.12194440e-4f - square * 0.5f;
    return m + y + e * 0.693359375f;
}

static inline vector LEVEL(root)(vector x)
{
    for (int lane = 0; lane < LANES; lane++)
        x[lane] = sqrtf(x[lane]);
    return x;
}

/* Write the spectrum of windows (lanes, SAMPLES) scaled to mean 0 and a span of 2. */
static void LEVEL(write_spectrum)(const float *windows, int lanes, struct turns turns,
                                  struct LEVEL(workspace) *w)
{
    const vector zero = {0};
    vector *samples = (vector *)w->one;
    for (int lane = 0; lane < LANES; lane++) {
        /* What is beyond the last window is that window again. */
        const float *window = windows + (lane < lanes ? lane : lanes - 1) * SAMPLES;
        for (int i = 0; i < SAMPLES; i++)
            samples[i][lane] = window[i];
    }
    vector low = samples[0], high = samples[0], total = zero;
    for (int i = 1; i < SAMPLES; i++) {
        low = LEVEL(either)(samples[i] < low, samples[i], low);
        high = LEVEL(either)(samples[i] > high, samples[i], high);
    }
    vector half = high * 0.5f - low * 0.5f, middle = high * 0.5f + low * 0.5f;
    half = LEVEL(either)(half > FLT_MIN, half, zero + FLT_MIN);
    for (int i = 0; i < SAMPLES; i++) {
        samples[i] = (samples[i] - middle) / half;
        total += samples[i];
    }
    for (int i = 0; i < SAMPLES; i++)
        samples[i] -= total / SAMPLES;
    /* Two samples are one complex number: the transform of half the length, taken apart. */
    complex *packed = LEVEL(transform)(HALF, w->one, w->other, turns);
    for (int i = 0; i <= HALF; i++) {
        complex a = packed[i % HALF], b = packed[(HALF - i) % HALF];
        complex odd = {(a.im + b.im) * 0.5f, (b.re - a.re) * 0.5f};
        odd = LEVEL(turned)(odd, turns.of + 2 * i);
        w->spectrum[i] = (complex){(a.re + b.re) * 0.5f + odd.re, (a.im - b.im) * 0.5f + odd.im};
    }
    /* The mean that remains is rounding error; whitening would amplify it. */
    w->spectrum[0] = (complex){zero, zero};
    for (int i = 0; i <= HALF; i++) {
        complex x = w->spectrum[i];
        w->magnitude[i] = LEVEL(root)(x.re * x.re + x.im * x.im);
    }
}

/* Write the factor that whitens each bin by the running mean of magnitudes; the ends repeat. */
static void LEVEL(write_smoothed)(const vector *magnitude, vector *factors)
{
    enum { SIDE = SMOOTHING / 2 };
    typedef double wide __attribute__((vector_size(8 * LANES)));
    wide running = {0}, all = {0};
    for (int i = 0; i <= HALF; i++)
        all += __builtin_convertvector(magnitude[i], wide);
    vector least = __builtin_convertvector(all / (HALF + 1) * 1e-5, vector);
    for (int i = 0; i < SMOOTHING - 1; i++)
        running += __builtin_convertvector(magnitude[i], wide);
    for (int i = SIDE; i <= HALF - SIDE; i++) {
        running += __builtin_convertvector(magnitude[i + SIDE], wide);
        vector mean = __builtin_convertvector(running / SMOOTHING, vector);
        running -= __builtin_convertvector(magnitude[i - SIDE], wide);
        factors[i] = 1.0f / (LEVEL(either)(mean > least, mean, least) + TINY);
    }
    for (int i = 0; i < SIDE; i++) {
        factors[i] = factors[SIDE];
        factors[HALF - i] = factors[HALF - SIDE];
    }
}

/* Write the squared magnitude of the transform of bins, of length `length`, as one of a pair. */
static void LEVEL(write_envelope)(const complex *bins, const vector *factors, int count, int length,
                                  struct turns turns, int second, struct LEVEL(workspace) *w)
{
    const vector zero = {0};
    for (int i = 0; i < count; i++) {
        vector factor = factors ? factors[i] : zero + 1.0f;
        /* Conjugate, so that the transform is the inverse one, conjugate too. */
        w->one[i] = (complex){bins[i].re * factor, -bins[i].im * factor};
    }
    memset(w->one + count, 0, (length - count) * sizeof *w->one);
    complex *analytic = LEVEL(transform)(length, w->one, w->other, turns);
    for (int i = 0; i < length; i++) {
        vector square = analytic[i].re * analytic[i].re + analytic[i].im * analytic[i].im;
        square *= 1.0f / length / length;
        if (second)
            w->pair[i].im = square;
        else
            w->pair[i].re = square;
    }
}

/* Write the envelopes of the full band, whitened in two ways, lowered to the samples that are read. */
static void LEVEL(write_full_views)(const struct plan *plan, struct LEVEL(workspace) *w)
{
    vector *factors = (vector *)w->fine;
    for (int i = 0; i <= HALF; i++)
        factors[i] = 1.0f / (w->magnitude[i] + TINY);
    LEVEL(write_envelope)(w->spectrum, factors, HALF + 1, FULL, plan->full, 0, w);
    LEVEL(write_smoothed)(w->magnitude, factors);
    LEVEL(write_envelope)(w->spectrum, factors, HALF + 1, FULL, plan->full, 1, w);
    complex *bins = LEVEL(transform)(FULL, w->pair, w->other, plan->full);
    /* The lowest bins of both signs are those of the shorter pair. */
    int samples = plan->samples;
    memset(w->one, 0, samples * sizeof *w->one);
    for (int i = 0; i < samples / 2; i++)
        w->one[i] = (complex){bins[i].re, -bins[i].im};
    for (int i = 1; i < samples / 2; i++)
        w->one[samples - i] = (complex){bins[FULL - i].re, -bins[FULL - i].im};
    complex *lowered = LEVEL(transform)(samples, w->one, bins == w->pair ? w->other : w->pair, plan->fine);
    for (int i = 0; i < samples; i++) {
        complex x = lowered[i];
        w->pair[i] = (complex){x.re / (float)samples, -x.im / (float)samples};
    }
}

/* The mean of numbers whose count is a multiple of 16; of 16 sums, so that it is exact to 2e-7. */
static complex LEVEL(mean)(const complex *numbers, int count)
{
    complex total = {{0}, {0}};
    for (int first = 0; first < 16; first++) {
        complex part = {{0}, {0}};
        for (int i = first; i < count; i += 16)
            part = (complex){part.re + numbers[i].re, part.im + numbers[i].im};
        total = (complex){total.re + part.re, total.im + part.im};
    }
    return (complex){total.re / (float)count, total.im / (float)count};
}

/* Multiply `product` by the power of the spectra of a pair of envelopes, four points a bin. */
static void LEVEL(multiply_power)(const struct plan *plan, struct LEVEL(workspace) *w)
{
    int samples = plan->samples;
    complex mean = LEVEL(mean)(w->pair, samples);
    vector first = 1.0f / (mean.re + TINY), second = 1.0f / (mean.im + TINY);
    for (int i = 0; i < samples; i++)
        w->pair[i] = (complex){w->pair[i].re * first - 1.0f, w->pair[i].im * second - 1.0f};
    for (int r = 0; r < FINENESS; r++) {
        for (int i = 0; i < samples; i++)
            w->one[i] = r ? LEVEL(turned)(w->pair[i], plan->fine.of + 2 * r * i) : w->pair[i];
        complex *found = LEVEL(transform)(samples, w->one, w->other, plan->fine);
        memcpy(w->fine[r], found, samples * sizeof *found);
    }
    for (int i = 0; i < plan->points; i++) {
        int opposite = (FINENESS * samples - i) % (FINENESS * samples);
        complex a = w->fine[i % FINENESS][i / FINENESS];
        complex b = w->fine[opposite % FINENESS][opposite / FINENESS];
        vector sum_re = a.re + b.re, sum_im = a.im - b.im;
        vector apart_re = a.re - b.re, apart_im = a.im + b.im;
        vector power = (sum_re * sum_re + sum_im * sum_im) * 0.25f + LEAST_POWER;
        w->product[i] *= power * ((apart_re * apart_re + apart_im * apart_im) * 0.25f + LEAST_POWER);
    }
}

static void LEVEL(write_bands)(const struct plan *plan, int lanes, struct LEVEL(workspace) *w, float *bands)
{
    for (int band = 0; band < BANDS; band++) {
        vector power = {0};
        for (int i = plan->edges[band]; i < plan->edges[band + 1]; i++)
            power += w->magnitude[i] * w->magnitude[i];
        float width = plan->edges[band + 1] - plan->edges[band];
        power = LEVEL(log)(power / width + TINY);
        for (int lane = 0; lane < lanes; lane++)
            bands[lane * BANDS + band] = power[lane];
    }
}

static void LEVEL(measure)(const float *windows, int lanes, const struct plan *plan,
                           struct LEVEL(workspace) *w, float *envelope, float *bands)
{
    const vector zero = {0};
    LEVEL(write_spectrum)(windows, lanes, plan->whole, w);
    LEVEL(write_bands)(plan, lanes, w, bands);
    memset(w->sum, 0, sizeof w->sum);
    for (int pair = 0; pair <= VIEW_BANDS / 2; pair++) {
        if (pair % 2 == 0)
            for (int i = 0; i < plan->points; i++)
                w->product[i] = zero + 1.0f;
        if (pair == 0)
            LEVEL(write_full_views)(plan, w);
        else
            for (int second = 0; second < 2; second++) {
                const int32_t *view = plan->views[2 * (pair - 1) + second];
                LEVEL(write_envelope)(w->spectrum + view[0], NULL, view[1] - view[0], plan->samples,
                                      plan->fine, second, w);
            }
        LEVEL(multiply_power)(plan, w);
        /* Four powers, from 1e-6 to 1e6 each, are what float32 holds the product of. */
        if (pair % 2)
            for (int i = 0; i < plan->points; i++)
                w->sum[i] += LEVEL(log)(w->product[i]);
    }
    for (int i = 0; i < plan->points; i++)
        for (int lane = 0; lane < lanes; lane++)
            envelope[lane * plan->points + i] = w->sum[i][lane] / (VIEW_BANDS + 2);
}

static int LEVEL(spectra)(const float *windows, int64_t count, const struct plan *plan, float *envelope, float *bands)
{
    struct LEVEL(workspace) *w = aligned_alloc(64, (sizeof *w + 63) / 64 * 64);
    if (!w)
        return 0;
    for (int64_t begin = 0; begin < count; begin += LANES) {
        int lanes = count - begin < LANES ? (int)(count - begin) : LANES;
        LEVEL(measure)(windows + begin * SAMPLES, lanes, plan, w, envelope + begin * plan->points,
                       bands + begin * BANDS);
    }
    free(w);
    return 1;
}

#undef vector
#undef mask
#undef complex
