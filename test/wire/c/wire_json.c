#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <signal.h>
#include <time.h>

#include "wire.h"

/** Where the value of a key begins, or NULL. */
static const char *value_of(const char *line, const char *key) {
  char quoted[64];
  snprintf(quoted, sizeof quoted, "\"%s\":", key);
  const char *at = strstr(line, quoted);
  if (at == NULL) return NULL;
  at += strlen(quoted);
  while (*at == ' ') at++;
  return at;
}

bool json_string(const char *line, const char *key, char *out, size_t size) {
  const char *at = value_of(line, key);
  if (at == NULL || *at != '"') return false;
  const char *end = strchr(++at, '"');
  if (end == NULL || (size_t)(end - at) >= size) return false;
  memcpy(out, at, (size_t)(end - at));
  out[end - at] = '\0';
  return true;
}

int64_t json_int(const char *line, const char *key, int64_t otherwise) {
  const char *at = value_of(line, key);
  return at == NULL ? otherwise : strtoll(at, NULL, 10);
}

double json_number(const char *line, const char *key, double otherwise) {
  const char *at = value_of(line, key);
  return at == NULL ? otherwise : strtod(at, NULL);
}

bool json_bool(const char *line, const char *key, bool otherwise) {
  const char *at = value_of(line, key);
  return at == NULL ? otherwise : strncmp(at, "true", 4) == 0;
}

int json_ints(const char *line, const char *key, int64_t *out, int most) {
  const char *at = value_of(line, key);
  if (at == NULL || *at != '[') return -1;
  int count = 0;
  for (at++; *at != ']' && *at != '\0';) {
    if (*at == ',' || *at == ' ') {
      at++;
      continue;
    }
    char *end;
    int64_t value = strtoll(at, &end, 10);
    if (end == at || count == most) return -1;
    out[count++] = value;
    at = end;
  }
  return count;
}

void answer_error(const char *op, const char *format, ...) {
  va_list args;
  va_start(args, format);
  printf("{\"op\":\"%s\",\"error\":\"", op);
  vprintf(format, args);
  printf("\"}\n");
  fflush(stdout);
  va_end(args);
}

bool next_line(char *line, size_t size) {
  if (fgets(line, (int)size, stdin) == NULL) return false;
  line[strcspn(line, "\n")] = '\0';
  return true;
}

void serve_lines(void (*serve)(const char *op, const char *line)) {
  static char line[65536], op[32];
  while (next_line(line, sizeof line)) {
    if (!json_string(line, "op", op, sizeof op)) strcpy(op, "?");
    if (strcmp(op, "exit") == 0) break;
    serve(op, line);
    fflush(stdout);
  }
}

uint32_t domain_of(int argc, char **argv) {
  for (int i = 1; i + 1 < argc; i++)
    if (strcmp(argv[i], "--domain") == 0) return (uint32_t)strtoul(argv[i + 1], NULL, 10);
  const char *given = getenv("TIPC_DOMAIN");
  return given == NULL ? 0 : (uint32_t)strtoul(given, NULL, 10);
}

void die_with_parent(void) { prctl(PR_SET_PDEATHSIG, SIGKILL); }

double now_us(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

void sleep_until_us(double when_us) {
  struct timespec when = {.tv_sec = (time_t)(when_us / 1e6)};
  when.tv_nsec = (long)((when_us - (double)when.tv_sec * 1e6) * 1e3);
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when, NULL) == EINTR) continue;
}
