#include <stdio.h>
#include <string.h>

#include "wire.h"

static const struct {
  const char *name;
  size_t size;
} DTYPES[] = {{"float32", 4}, {"float64", 8}, {"int32", 4},  {"int64", 8}, {"uint8", 1},
              {"int8", 1},    {"uint16", 2},  {"int16", 2}, {"bool", 1}};

/** Frames repeat after this many elements, whatever their dtype. */
enum { PERIOD = 256, INVERSE_OF_31 = 223 };

size_t item_size(const char *dtype) {
  for (size_t i = 0; i < sizeof DTYPES / sizeof *DTYPES; i++)
    if (strcmp(DTYPES[i].name, dtype) == 0) return DTYPES[i].size;
  return 0;
}

static void fill_period(uint8_t *out, const char *dtype, uint64_t seed) {
  size_t size = item_size(dtype);
  for (uint64_t e = 0; e < PERIOD; e++) {
    double small = (double)((seed * 31 + e * 7) & 255) - 128;
    float single = (float)small;
    if (strcmp(dtype, "float32") == 0) memcpy(out + e * size, &single, size);
    else if (strcmp(dtype, "float64") == 0) memcpy(out + e * size, &small, size);
    else if (strcmp(dtype, "bool") == 0) out[e] = (uint8_t)(((seed >> (e & 7)) & 1) ^ ((e >> 3) & 1));
    else
      for (uint64_t i = e * size; i < (e + 1) * size; i++) out[i] = (uint8_t)((seed * 31 + i * 7) & 255);
  }
}

void frame_fill(uint8_t *frame, const char *dtype, size_t elements, uint64_t seed) {
  uint8_t period[PERIOD * 8];
  size_t step = PERIOD * item_size(dtype), bytes = elements * item_size(dtype);
  fill_period(period, dtype, seed);
  for (size_t at = 0; at < bytes; at += step) memcpy(frame + at, period, bytes - at < step ? bytes - at : step);
}

/** What the seed must be if the frame is whole. */
static uint64_t supposed_seed(const uint8_t *frame, const char *dtype, size_t elements) {
  float single;
  double value;
  if (strcmp(dtype, "float32") == 0) {
    memcpy(&single, frame, sizeof single);
    value = single;
  } else if (strcmp(dtype, "float64") == 0) {
    memcpy(&value, frame, sizeof value);
  } else if (strcmp(dtype, "bool") == 0) {
    uint64_t seed = 0;
    for (size_t e = 0; e < 8 && e < elements; e++) seed |= (uint64_t)(frame[e] & 1) << e;
    return seed;
  } else {
    return (frame[0] * (uint64_t)INVERSE_OF_31) & 255;
  }
  // Anything else than a small whole number is no frame of ours; the comparison says so.
  if (!(value >= -128 && value < 128)) return 0;
  return ((uint64_t)(int64_t)(value + 128) * INVERSE_OF_31) & 255;
}

int frame_seed(const uint8_t *frame, const char *dtype, size_t elements) {
  uint8_t period[PERIOD * 8];
  size_t step = PERIOD * item_size(dtype), bytes = elements * item_size(dtype);
  uint64_t seed = supposed_seed(frame, dtype, elements);
  fill_period(period, dtype, seed);
  bool same = true;
  for (size_t at = 0; at < bytes && same; at += step) same = memcmp(frame + at, period, bytes - at < step ? bytes - at : step) == 0;
  if (same) return (int)seed;
  for (size_t at = 0; at < bytes; at++)
    if (frame[at] != 0) return FRAME_TORN;
  return FRAME_ZERO;
}

void print_seed(int seed) {
  if (seed >= 0) printf("%d", seed);
  else printf("\"%s\"", seed == FRAME_ZERO ? "zero" : "torn");
}
