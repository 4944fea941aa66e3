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

/* tanh to 3e-7 by a rational function, as Eigen computes it (Eigen/src/Core/MathFunctionsImpl.h):
 * beyond 7.9 float32 holds nothing between tanh and 1. */
static inline vector LEVEL(tanh)(vector x)
{
    const vector zero = {0};
    const float end = 7.90531110763549805f;
    x = LEVEL(either)(x > end, zero + end, x);
    x = LEVEL(either)(x < -end, zero - end, x);
    vector square = x * x;
    vector above = square * -2.76076847742355e-16f + 2.00018790482477e-13f;
    above = above * square + -8.60467152213735e-11f;
    above = above * square + 5.12229709037114e-08f;
    above = above * square + 1.48572235717979e-05f;
    above = above * square + 6.37261928875436e-04f;
    above = (above * square + 4.89352455891786e-03f) * x;
    vector below = square * 1.19825839466702e-06f + 1.18534705686654e-04f;
    below = below * square + 2.26843463243900e-03f;
    below = below * square + 4.89352518554385e-03f;
    return above / below;
}

static void LEVEL(subtract_mean)(float *samples)
{
    vector total = {0};
    for (int i = 0; i < SAMPLES; i += LANES)
        total += LEVEL(load)(samples + i);
    float mean = LEVEL(sum)(total) / SAMPLES;
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
    vector total = {0};
    for (int i = 0; i < SAMPLES; i += LANES) {
        vector scaled = LEVEL(load)(samples + i) * factor;
        LEVEL(store)(samples + i, scaled);
        total += scaled;
    }
    /* A comparison passes over NaN; a sum does not, and that of scaled samples cannot overflow. */
    float all = LEVEL(sum)(total);
    if (all != all)
        return 0;
    if (lowest == highest) {
        memset(samples, 0, SAMPLES * sizeof *samples);
        return 1;
    }
    LEVEL(subtract_mean)(samples);
    LEVEL(subtract_mean)(samples);
    vector squares = {0};
    for (int i = 0; i < SAMPLES; i += LANES) {
        vector next = LEVEL(load)(samples + i);
        squares += next * next;
    }
    float scale = 1 / sqrtf(LEVEL(sum)(squares) / (SAMPLES - 1));
    for (int i = 0; i < SAMPLES; i += LANES)
        LEVEL(store)(samples + i, LEVEL(load)(samples + i) * scale);
    return 1;
}

/* Write the three signals whose correlations give every second output of a filter, and the others:
 * with the even samples v, the odd ones u and the next even ones w, v - u, u and u - w. */
static void LEVEL(split)(const float *samples, float (*parts)[SAMPLES / 2])
{
    for (int i = 0; i < SAMPLES / 2; i++) {
        float even = samples[2 * i], odd = samples[2 * i + 1];
        parts[0][i] = even - odd;
        parts[1][i] = odd;
        parts[2][i] = odd - (i < SAMPLES / 2 - 1 ? samples[2 * i + 2] : 0);
    }
}

/* Write TILE vectors of the correlations of a part with its filters. Not inlined: among other code the
 * compiler keeps fewer of the totals in registers. */
static __attribute__((noinline)) void LEVEL(correlate)(const float *part, const float *filters,
                                                       vector (*correlated)[TILE])
{
    vector totals[FILTERS][TILE] = {{{0}}};
    for (int tap = 0; tap < TAPS / 2; tap++) {
        vector seen[TILE];
#pragma GCC unroll 8
        for (int tile = 0; tile < TILE; tile++)
            seen[tile] = LEVEL(load)(part + tap + tile * LANES);
#pragma GCC unroll 8
        for (int filter = 0; filter < FILTERS; filter++) {
            float weight = filters[filter * TAPS / 2 + tap];
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

/* Write the pooled features (PADDED) of a standardised window, filter by filter. Of two neighbouring
 * outputs, three correlations of half the taps are a quarter less work than two of all taps (Winograd,
 * Arithmetic Complexity of Computations, SIAM 1980, F(2, 2)). */
static void LEVEL(pool)(const float *samples, const struct network *network, float *features)
{
    enum { STEP = TILE * LANES, PAIRS = (POOLED * POOL / 2 + STEP - 1) / STEP * STEP };
    _Static_assert(PAIRS + TAPS / 2 <= SAMPLES / 2, "a tile reads beyond the window");
    float parts[3][SAMPLES / 2], outputs[FILTERS][PAIRS];
    LEVEL(split)(samples, parts);
    for (int begin = 0; begin < PAIRS; begin += STEP) {
        vector correlated[3][FILTERS][TILE];
        for (int part = 0; part < 3; part++)
            LEVEL(correlate)(parts[part] + begin, network->filters + part * FILTERS * TAPS / 2,
                             correlated[part]);
        for (int filter = 0; filter < FILTERS; filter++)
            for (int tile = 0; tile < TILE; tile++) {
                vector shared = correlated[1][filter][tile] + network->bias[filter];
                vector even = shared + correlated[0][filter][tile];
                vector odd = shared - correlated[2][filter][tile];
                LEVEL(store)(outputs[filter] + begin + tile * LANES,
                             LEVEL(tanh)(even) + LEVEL(tanh)(odd));
            }
    }
    for (int filter = 0; filter < FILTERS; filter++)
        for (int pooled = 0; pooled < POOLED; pooled++) {
            const float *pool = outputs[filter] + pooled * POOL / 2;
            vector totals = {0};
            int i = 0;
            for (; i + LANES <= POOL / 2; i += LANES)
                totals += LEVEL(load)(pool + i);
            float total = LEVEL(sum)(totals);
            for (; i < POOL / 2; i++)
                total += pool[i];
            features[filter * POOLED + pooled] = total / POOL;
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
