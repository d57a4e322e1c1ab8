// What the C peers share: lines of JSON, frames that can be told apart, pools and their locks.
#ifndef WIRE_H
#define WIRE_H

#include <semaphore.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// --- Lines of JSON (wire_json.c): flat objects, strings without escapes.

bool json_string(const char *line, const char *key, char *out, size_t size);
int64_t json_int(const char *line, const char *key, int64_t otherwise);
double json_number(const char *line, const char *key, double otherwise);
bool json_bool(const char *line, const char *key, bool otherwise);
/** How many numbers the array has; -1 where there is none. */
int json_ints(const char *line, const char *key, int64_t *out, int most);
/** Prints {"op":…,"error":…} from a format. */
void answer_error(const char *op, const char *format, ...) __attribute__((format(printf, 2, 3)));
/** Reads the next line of standard input; false at its end. */
bool next_line(char *line, size_t size);
/** Has `serve` answer the lines of standard input, each an operation with its name, until "exit" or their end. */
void serve_lines(void (*serve)(const char *op, const char *line));
/** The domain: --domain N, else TIPC_DOMAIN, else 0. */
uint32_t domain_of(int argc, char **argv);
/** One that hangs in a semaphore must not outlive the test that started it. */
void die_with_parent(void);
double now_us(void);
void sleep_until_us(double when_us);

// --- Frames (wire_frames.c). The rule is in test/wire/support/frames.ts.

enum { FRAME_TORN = -1, FRAME_ZERO = -2 };
/** Bytes an element has, or 0 where the name is not known. */
size_t item_size(const char *dtype);
void frame_fill(uint8_t *frame, const char *dtype, size_t elements, uint64_t seed);
/** The seed modulo 256 of a frame, or FRAME_TORN, or FRAME_ZERO. */
int frame_seed(const uint8_t *frame, const char *dtype, size_t elements);
void print_seed(int seed);

// --- Pools (wire_pool.c).

enum { MOST_SLOTS = 1024, MOST_DIMENSIONS = 16 };

struct slot {
  sem_t *mutex, *wrt, *readtry;
  volatile uint64_t *count;
};

struct pool {
  char name[256], dtype[32], backend[32];
  int64_t shape[MOST_DIMENSIONS];
  int dimensions;
  int64_t history;
  size_t elements, frame_bytes;
  uint8_t *data;
  struct slot slots[MOST_SLOTS];
};

/** Takes a pool's description out of a line: name, shape, dtype, history_len, backend. False, and an answer, where it is bad. */
bool pool_describe(struct pool *pool, const char *op, const char *line);
/** Unlinks what is there and creates anew: 0 or errno. */
int pool_create(struct pool *pool);
/** Maps what is there: 0 or errno. */
int pool_attach(struct pool *pool);
void pool_detach(struct pool *pool);
void pool_unlink(const struct pool *pool);
/** The four objects of a slot, made where they are missing; false where that fails. */
bool slot_ensure(struct pool *pool, int64_t index);
void write_lock(struct pool *pool, int64_t index);
void write_unlock(struct pool *pool, int64_t index);
void read_lock(struct pool *pool, int64_t index);
void read_unlock(struct pool *pool, int64_t index);

#endif
