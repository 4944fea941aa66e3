/* The work of kernel.c at one instruction level. It is included once for each, with
 *   LEVEL(name)  the name of a function at this level,
 *   LANES        floats in a vector,
 *   TILE         vectors of each filter's outputs that are computed together: what the registers hold.
 */

typedef float LEVEL(vector) __attribute__((vector_size(4 * LANES)));
typedef int32_t LEVEL(mask) __attribute__((vector_size(4 * LANES)));

#define vector LEVEL(vector)
#define mask LEVEL(mask)

static inline vector LEVEL(load)(const float *from)
{
    vector loaded;
    memcpy(&loaded, from, sizeof loaded);
    return loaded;
}

static inline void LEVEL(store)(float *to, vector stored) { memcpy(to, &stored, sizeof stored); }

static inline vector LEVEL(either)(mask choice, vector yes, vector no)
{
    return (vector)(((mask)yes & choice) | ((mask)no & ~choice));
}

static inline float LEVEL(sum)(vector summed)
{
    float total = 0;
    for (int lane = 0; lane < LANES; lane++)
        total += summed[lane];
    return total;
}

/* tanh(x) as above / below, a rational function that is right to 3e-7, as Eigen computes it
 * (Eigen/src/Core/MathFunctionsImpl.h): beyond 7.9 float32 holds nothing between tanh and 1. */
static inline void LEVEL(tanh)(vector x, vector *above, vector *below)
{
    const vector zero = {0};
    const float end = 7.90531110763549805f;
    x = LEVEL(either)(x > end, zero + end, x);
    x = LEVEL(either)(x < -end, zero - end, x);
    vector square = x * x;
    vector sum = square * -2.76076847742355e-16f + 2.00018790482477e-13f;
    sum = sum * square + -8.60467152213735e-11f;
    sum = sum * square + 5.12229709037114e-08f;
    sum = sum * square + 1.48572235717979e-05f;
    sum = sum * square + 6.37261928875436e-04f;
    *above = (sum * square + 4.89352455891786e-03f) * x;
    sum = square * 1.19825839466702e-06f + 1.18534705686654e-04f;
    sum = sum * square + 2.26843463243900e-03f;
    *below = sum * square + 4.89352518554385e-03f;
}

/* tanh(one) + tanh(other), with one division. */
static inline vector LEVEL(sum_of_tanh)(vector one, vector other)
{
    vector above[2], below[2];
    LEVEL(tanh)(one, &above[0], &below[0]);
    LEVEL(tanh)(other, &above[1], &below[1]);
    return (above[0] * below[1] + above[1] * below[0]) / (below[0] * below[1]);
}

/* Four totals at a time: each addition to one waits for the one before. */
static inline vector LEVEL(total)(const float *samples, int squared)
{
    vector totals[4] = {{0}};
    for (int i = 0; i < SAMPLES; i += 4 * LANES)
#pragma GCC unroll 4
        for (int part = 0; part < 4; part++) {
            vector next = LEVEL(load)(samples + i + part * LANES);
            totals[part] += squared ? next * next : next;
        }
    return (totals[0] + totals[1]) + (totals[2] + totals[3]);
}

static void LEVEL(subtract_mean)(float *samples)
{
    float mean = LEVEL(sum)(LEVEL(total)(samples, 0)) / SAMPLES;
    for (int i = 0; i < SAMPLES; i += LANES)
        LEVEL(store)(samples + i, LEVEL(load)(samples + i) - mean);
}

/* Standardise a window in place; returns whether all its samples are finite. A flat window becomes
 * zeros. See model/scaling.py for why it scales first and subtracts the mean twice. */
static int LEVEL(standardise)(float *samples)
{
    vector low = LEVEL(load)(samples), high = low;
    for (int i = LANES; i < SAMPLES; i += LANES) {
        vector next = LEVEL(load)(samples + i);
        low = LEVEL(either)(next < low, next, low);
        high = LEVEL(either)(next > high, next, high);
    }
    float lowest = low[0], highest = high[0];
    for (int lane = 1; lane < LANES; lane++) {
        lowest = low[lane] < lowest ? low[lane] : lowest;
        highest = high[lane] > highest ? high[lane] : highest;
    }
    float peak = -lowest > highest ? -lowest : highest;
    if (!(peak <= FLT_MAX && -peak >= -FLT_MAX))
        return 0;
    float factor = power_of_two(peak);
    for (int i = 0; i < SAMPLES; i += LANES)
        LEVEL(store)(samples + i, LEVEL(load)(samples + i) * factor);
    /* A comparison passes over NaN; a sum does not, and that of scaled samples cannot overflow. */
    float all = LEVEL(sum)(LEVEL(total)(samples, 0));
    if (all != all)
        return 0;
    if (lowest == highest) {
        memset(samples, 0, SAMPLES * sizeof *samples);
        return 1;
    }
    LEVEL(subtract_mean)(samples);
    LEVEL(subtract_mean)(samples);
    float scale = 1 / sqrtf(LEVEL(sum)(LEVEL(total)(samples, 1)) / (SAMPLES - 1));
    for (int i = 0; i < SAMPLES; i += LANES)
        LEVEL(store)(samples + i, LEVEL(load)(samples + i) * scale);
    return 1;
}

/* Write the three signals (3, count / 2) whose correlations give every second output of a filter, and
 * the others: with the even samples v, the odd ones u and the next even ones w, v - u, u and u - w. */
static inline __attribute__((always_inline)) void LEVEL(split)(const float *restrict samples, int count,
                                                               float *restrict parts)
{
    int half = count / 2, last = half - 1;
    for (int i = 0; i < last; i++) {
        float even = samples[2 * i], odd = samples[2 * i + 1];
        parts[i] = even - odd;
        parts[half + i] = odd;
        parts[2 * half + i] = odd - samples[2 * i + 2];
    }
    parts[last] = samples[2 * last] - samples[2 * last + 1];
    parts[half + last] = parts[2 * half + last] = samples[2 * last + 1];
}

/* Write TILE vectors of the correlations of a part with its filters. Not inlined: among other code the
 * compiler keeps fewer of the totals in registers. */
static __attribute__((noinline)) void LEVEL(correlate)(const float *part, const float *filters,
                                                       vector (*correlated)[TILE])
{
    vector totals[FILTERS][TILE] = {{{0}}};
    for (int tap = 0; tap < TAPS / 4; tap++) {
        vector seen[TILE];
#pragma GCC unroll 8
        for (int tile = 0; tile < TILE; tile++)
            seen[tile] = LEVEL(load)(part + tap + tile * LANES);
#pragma GCC unroll 8
        for (int filter = 0; filter < FILTERS; filter++) {
            float weight = filters[filter * TAPS / 4 + tap];
#pragma GCC unroll 8
            for (int tile = 0; tile < TILE; tile++)
                totals[filter][tile] += seen[tile] * weight;
        }
    }
#pragma GCC unroll 8
    for (int filter = 0; filter < FILTERS; filter++)
#pragma GCC unroll 8
        for (int tile = 0; tile < TILE; tile++)
            correlated[filter][tile] = totals[filter][tile];
}

/* Write what the tanh of each first and second, and of each third and fourth, of four neighbouring
 * outputs of the filters add up to. Of two neighbouring outputs, three correlations of half the taps
 * are a quarter less work than two of all taps (Winograd, Arithmetic Complexity of Computations, SIAM
 * 1980, F(2, 2)); of four, nine of a quarter of the taps are 7/16 less. */
static void LEVEL(filter)(const float *samples, const struct network *network,
                          float (*first)[QUADS], float (*second)[QUADS])
{
    enum { STEP = TILE * LANES };
    _Static_assert(QUADS % STEP == 0 && QUADS * 4 >= POOLED * POOL, "tiles end elsewhere");
    _Static_assert(QUADS + TAPS / 4 <= SAMPLES / 4, "a tile reads beyond the window");
    float halves[3][SAMPLES / 2], quarters[9][SAMPLES / 4];
    LEVEL(split)(samples, SAMPLES, halves[0]);
    for (int half = 0; half < 3; half++)
        LEVEL(split)(halves[half], SAMPLES / 2, quarters[3 * half]);
    for (int begin = 0; begin < QUADS; begin += STEP) {
        vector of[9][FILTERS][TILE];
        for (int part = 0; part < 9; part++)
            LEVEL(correlate)(quarters[part] + begin, network->filters + part * FILTERS * TAPS / 4,
                             of[part]);
        for (int filter = 0; filter < FILTERS; filter++)
            for (int tile = 0; tile < TILE; tile++) {
                vector one[3], two[3];
#pragma GCC unroll 3
                for (int half = 0; half < 3; half++) {
                    vector shared = of[3 * half + 1][filter][tile];
                    if (half == 1)
                        shared += network->bias[filter];
                    one[half] = shared + of[3 * half][filter][tile];
                    two[half] = shared - of[3 * half + 2][filter][tile];
                }
                int at = begin + tile * LANES;
                LEVEL(store)(first[filter] + at, LEVEL(sum_of_tanh)(one[1] + one[0], one[1] - one[2]));
                LEVEL(store)(second[filter] + at, LEVEL(sum_of_tanh)(two[1] + two[0], two[1] - two[2]));
            }
    }
}

/* Write the pooled features (PADDED) of a standardised window, filter by filter. */
static void LEVEL(pool)(const float *samples, const struct network *network, float *features)
{
    float first[FILTERS][QUADS], second[FILTERS][QUADS];
    LEVEL(filter)(samples, network, first, second);
    for (int filter = 0; filter < FILTERS; filter++) {
        /* Sums of four outputs, of sixteen and of 48: all that a pool shares with the others, but for
         * two outputs. Beyond QUADS there is nothing to add. */
        float four[QUADS + 16] = {0}, sixteen[QUADS + 16] = {0}, most[QUADS];
        for (int i = 0; i < QUADS; i += LANES)
            LEVEL(store)(four + i, LEVEL(load)(first[filter] + i) + LEVEL(load)(second[filter] + i));
        for (int i = 0; i < QUADS; i += LANES)
            LEVEL(store)(sixteen + i, LEVEL(load)(four + i) + LEVEL(load)(four + i + 1) +
                                          (LEVEL(load)(four + i + 2) + LEVEL(load)(four + i + 3)));
        for (int i = 0; i < QUADS; i += LANES)
            LEVEL(store)(most + i, LEVEL(load)(sixteen + i) + LEVEL(load)(sixteen + i + 4) +
                                       LEVEL(load)(sixteen + i + 8));
        for (int pooled = 0; pooled < POOLED; pooled += 2) {
            /* A pool begins with a first pair of outputs and ends with one, the next with second ones. */
            int begin = pooled * POOL / 4, next = begin + POOL / 4;
            float *row = features + filter * POOLED + pooled;
            row[0] = (most[begin] + first[filter][next]) / POOL;
            row[1] = (most[next + 1] + second[filter][next]) / POOL;
        }
    }
    memset(features + FEATURES, 0, (PADDED - FEATURES) * sizeof *features);
}

static float LEVEL(dot)(const float *one, const float *other)
{
    vector totals = {0};
    for (int i = 0; i < PADDED; i += LANES)
        totals += LEVEL(load)(one + i) * LEVEL(load)(other + i);
    return LEVEL(sum)(totals);
}

static void LEVEL(softmax)(const float *features, const struct network *network, float *probabilities)
{
    float logits[LABELS], highest = -FLT_MAX, total = 0;
    for (int label = 0; label < LABELS; label++) {
        logits[label] = LEVEL(dot)(features, network->weights + label * PADDED) + network->offsets[label];
        highest = logits[label] > highest ? logits[label] : highest;
    }
    for (int label = 0; label < LABELS; label++)
        total += probabilities[label] = expf(logits[label] - highest);
    for (int label = 0; label < LABELS; label++)
        probabilities[label] /= total;
}

/* Whiten the features (TOGETHER, PADDED) of several windows, so that each row of the matrix is read
 * once for all of them. */
static void LEVEL(whiten)(float (*features)[PADDED], const struct network *network,
                          float (*whitened)[PADDED])
{
    enum { COLUMNS = LANES == 4 ? 2 : 3 };
    for (int begin = 0; begin < PADDED; begin += COLUMNS * LANES) {
        vector totals[TOGETHER][COLUMNS];
#pragma GCC unroll 8
        for (int window = 0; window < TOGETHER; window++)
#pragma GCC unroll 8
            for (int column = 0; column < COLUMNS; column++)
                totals[window][column] = LEVEL(load)(network->shift + begin + column * LANES);
        for (int feature = 0; feature < FEATURES; feature++) {
            const float *row = network->whitening + feature * PADDED + begin;
#pragma GCC unroll 8
            for (int column = 0; column < COLUMNS; column++) {
                vector weights = LEVEL(load)(row + column * LANES);
#pragma GCC unroll 8
                for (int window = 0; window < TOGETHER; window++)
                    totals[window][column] += weights * features[window][feature];
            }
        }
#pragma GCC unroll 8
        for (int window = 0; window < TOGETHER; window++)
#pragma GCC unroll 8
            for (int column = 0; column < COLUMNS; column++)
                LEVEL(store)(whitened[window] + begin + column * LANES, totals[window][column]);
    }
}

/* The distance of whitened features from those of the nearest class. */
static float LEVEL(distance)(const float *whitened, const struct network *network)
{
    float nearest = FLT_MAX;
    for (int64_t class = 0; class < network->classes; class ++) {
        const float *mean = network->means + class * PADDED;
        vector totals = {0};
        for (int i = 0; i < PADDED; i += LANES) {
            vector apart = LEVEL(load)(whitened + i) - LEVEL(load)(mean + i);
            totals += apart * apart;
        }
        float square = LEVEL(sum)(totals);
        nearest = square < nearest ? square : nearest;
    }
    return sqrtf(nearest);
}

static void LEVEL(examine)(const void *windows, int64_t count, int integers,
                           const struct network *network, float *probabilities, float *novelty)
{
    float samples[SAMPLES], features[TOGETHER][PADDED] = {{0}}, whitened[TOGETHER][PADDED];
    for (int64_t begin = 0; begin < count; begin += TOGETHER) {
        int together = count - begin < TOGETHER ? (int)(count - begin) : TOGETHER;
        int finite[TOGETHER];
        for (int i = 0; i < together; i++) {
            int64_t first = (begin + i) * SAMPLES;
            if (integers)
                for (int sample = 0; sample < SAMPLES; sample++)
                    samples[sample] = ((const int16_t *)windows)[first + sample];
            else
                memcpy(samples, (const float *)windows + first, sizeof samples);
            float *row = probabilities + (begin + i) * LABELS;
            if ((finite[i] = LEVEL(standardise)(samples))) {
                LEVEL(pool)(samples, network, features[i]);
                LEVEL(softmax)(features[i], network, row);
            } else
                for (int label = 0; label < LABELS; label++)
                    row[label] = NAN;
        }
        if (network->whitening)
            LEVEL(whiten)(features, network, whitened);
        for (int i = 0; i < together; i++)
            novelty[begin + i] = !finite[i]           ? NAN
                                 : network->whitening ? LEVEL(distance)(whitened[i], network)
                                                      : 0;
    }
}

#undef vector
#undef mask
