/* The statistics of model/statistics.py at one instruction level; see kernel_level.h. */

#define vector LEVEL(vector)
#define mask LEVEL(mask)

/* The length of the longest run of equal samples in a row, if it is at least `least`; else a smaller
 * number. A run of that length contains three samples that are a third of it apart. */
static int LEVEL(longest_run)(const float *samples, int least)
{
    int stride = least / 3 > 1 ? least / 3 : 1, found = 0;
    for (int i = 0; i + 2 * stride < SAMPLES; i += stride)
        found |= samples[i] == samples[i + stride] && samples[i] == samples[i + 2 * stride];
    if (!found)
        return 1;
    int longest = 1, run = 1;
    for (int i = 1; i < SAMPLES; i++) {
        run = samples[i] == samples[i - 1] ? run + 1 : 1;
        longest = run > longest ? run : longest;
    }
    return longest;
}

static void LEVEL(describe)(const float *samples, int least_run, struct statistics *out)
{
    const vector zero = {0};
    vector low = LEVEL(load)(samples), high = low;
    vector first = zero, second = zero, third = zero, fourth = zero;
    for (int block = 0; block < BLOCKS; block++) {
        vector total = zero;
        for (int i = 0; i < SAMPLES / BLOCKS; i += LANES) {
            vector next = LEVEL(load)(samples + block * (SAMPLES / BLOCKS) + i), square = next * next;
            low = LEVEL(either)(next < low, next, low);
            high = LEVEL(either)(next > high, next, high);
            /* Scaled first, so that a sum of large samples does not overflow. */
            total += next * (1.0f / (SAMPLES / BLOCKS));
            second += square;
            third += square * next;
            fourth += square * square;
        }
        out->means[block] = LEVEL(sum)(total);
        first += total * (1.0f / BLOCKS);
    }
    out->low = low[0];
    out->high = high[0];
    for (int lane = 1; lane < LANES; lane++) {
        out->low = low[lane] < out->low ? low[lane] : out->low;
        out->high = high[lane] > out->high ? high[lane] : out->high;
    }
    out->powers[0] = LEVEL(sum)(first);
    out->powers[1] = LEVEL(sum)(second) / SAMPLES;
    out->powers[2] = LEVEL(sum)(third) / SAMPLES;
    out->powers[3] = LEVEL(sum)(fourth) / SAMPLES;
    float middle = out->high / 2 + out->low / 2;
    float level = (out->high / 2 - out->low / 2) * (float)(1 - 1e-4);
    float limit = level * level;
    vector squares = zero;
    mask at_level = {0};
    for (int i = 0; i < SAMPLES; i += LANES) {
        vector apart = LEVEL(load)(samples + i) - middle, square = apart * apart;
        squares += square;
        at_level -= square >= limit;
    }
    out->square = LEVEL(sum)(squares) / SAMPLES;
    out->at_level = 0;
    for (int lane = 0; lane < LANES; lane++)
        out->at_level += (float)at_level[lane];
    out->longest_run = (float)LEVEL(longest_run)(samples, least_run);
}

static void LEVEL(statistics)(const float *windows, int64_t count, int least_run, struct statistics *out)
{
    for (int64_t i = 0; i < count; i++)
        LEVEL(describe)(windows + i * SAMPLES, least_run, out + i);
}

#undef vector
#undef mask
