#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "wire.h"

enum { NAME_SIZE = 320 };

bool pool_describe(struct pool *pool, const char *op, const char *line) {
  memset(pool, 0, sizeof *pool);
  pool->history = json_int(line, "history_len", 1);
  pool->dimensions = json_ints(line, "shape", pool->shape, MOST_DIMENSIONS);
  if (!json_string(line, "backend", pool->backend, sizeof pool->backend)) strcpy(pool->backend, "numpy");
  if (!json_string(line, "name", pool->name, sizeof pool->name) || !json_string(line, "dtype", pool->dtype, sizeof pool->dtype) ||
      pool->dimensions < 0 || item_size(pool->dtype) == 0 || pool->history < 1 || pool->history > MOST_SLOTS) {
    answer_error(op, "a pool needs name, shape, dtype and a history_len from 1 to %d", MOST_SLOTS);
    return false;
  }
  pool->elements = 1;
  for (int i = 0; i < pool->dimensions; i++) pool->elements *= (size_t)pool->shape[i];
  pool->frame_bytes = pool->elements * item_size(pool->dtype);
  return true;
}

static void object_name(char *out, const struct pool *pool) { snprintf(out, NAME_SIZE, "/tensoripc_%s", pool->name); }

static int map_object(struct pool *pool, int flags) {
  char name[NAME_SIZE];
  object_name(name, pool);
  int fd = shm_open(name, flags, 0600);
  if (fd < 0) return errno;
  size_t bytes = pool->frame_bytes * (size_t)pool->history;
  struct stat found;
  int failed = 0;
  if ((flags & O_CREAT) != 0 && ftruncate(fd, (off_t)bytes) != 0) failed = errno;
  else if (fstat(fd, &found) != 0) failed = errno;
  // Mapping more than is there would end in SIGBUS; Python's mmap refuses it as well.
  else if ((size_t)found.st_size < bytes) failed = EINVAL;
  void *data = failed != 0 ? MAP_FAILED : mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (failed == 0 && data == MAP_FAILED) failed = errno;
  close(fd);
  if (failed == 0) pool->data = data;
  return failed;
}

int pool_create(struct pool *pool) {
  char name[NAME_SIZE];
  object_name(name, pool);
  shm_unlink(name);
  return map_object(pool, O_RDWR | O_CREAT | O_EXCL);
}

int pool_attach(struct pool *pool) { return map_object(pool, O_RDWR); }

void pool_detach(struct pool *pool) {
  if (pool->data != NULL) munmap(pool->data, pool->frame_bytes * (size_t)pool->history);
  pool->data = NULL;
}

void pool_unlink(const struct pool *pool) {
  char name[NAME_SIZE];
  object_name(name, pool);
  shm_unlink(name);
}

static sem_t *semaphore(const struct pool *pool, int64_t index, const char *kind) {
  char name[NAME_SIZE];
  snprintf(name, sizeof name, "/tensoripc_%s_f%lld_%s", pool->name, (long long)index, kind);
  sem_t *made = sem_open(name, O_CREAT | O_EXCL, 0600, 1);
  if (made != SEM_FAILED) return made;
  return errno == EEXIST ? sem_open(name, 0) : SEM_FAILED;
}

static volatile uint64_t *counter(const struct pool *pool, int64_t index) {
  char name[NAME_SIZE];
  snprintf(name, sizeof name, "/tensoripc_%s_f%lld_cnt", pool->name, (long long)index);
  int fd = shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
  if (fd >= 0 && ftruncate(fd, sizeof(uint64_t)) != 0) perror(name);
  if (fd < 0 && errno == EEXIST) fd = shm_open(name, O_RDWR, 0600);
  if (fd < 0) return NULL;
  struct stat found;
  void *at = MAP_FAILED;
  if (fstat(fd, &found) == 0 && found.st_size == sizeof(uint64_t))
    at = mmap(NULL, sizeof(uint64_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  return at == MAP_FAILED ? NULL : at;
}

bool slot_ensure(struct pool *pool, int64_t index) {
  // The listener's thread and the main one both come here.
  static pthread_mutex_t once = PTHREAD_MUTEX_INITIALIZER;
  struct slot *slot = &pool->slots[index];
  pthread_mutex_lock(&once);
  if (slot->count == NULL) {
    slot->mutex = semaphore(pool, index, "mutex");
    slot->wrt = semaphore(pool, index, "wrt");
    slot->readtry = semaphore(pool, index, "readtry");
    if (slot->mutex != SEM_FAILED && slot->wrt != SEM_FAILED && slot->readtry != SEM_FAILED) slot->count = counter(pool, index);
  }
  bool ready = slot->count != NULL;
  pthread_mutex_unlock(&once);
  return ready;
}

static void wait_for(sem_t *semaphore) {
  while (sem_wait(semaphore) != 0)
    if (errno != EINTR) {
      perror("sem_wait");
      exit(3);
    }
}

void write_lock(struct pool *pool, int64_t index) {
  wait_for(pool->slots[index].readtry);
  wait_for(pool->slots[index].wrt);
}

void write_unlock(struct pool *pool, int64_t index) {
  sem_post(pool->slots[index].wrt);
  sem_post(pool->slots[index].readtry);
}

void read_lock(struct pool *pool, int64_t index) {
  struct slot *slot = &pool->slots[index];
  wait_for(slot->readtry);
  wait_for(slot->mutex);
  *slot->count += 1;
  if (*slot->count == 1) wait_for(slot->wrt);
  sem_post(slot->mutex);
  sem_post(slot->readtry);
}

void read_unlock(struct pool *pool, int64_t index) {
  struct slot *slot = &pool->slots[index];
  wait_for(slot->mutex);
  *slot->count -= 1;
  if (*slot->count == 0) sem_post(slot->wrt);
  sem_post(slot->mutex);
}
