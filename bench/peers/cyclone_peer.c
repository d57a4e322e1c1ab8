// One end of a topic of raw frames over Cyclone DDS: cyclone_peer writer|reader DOMAIN TOPIC BYTES. Serves lines:
//   writer:  run RATE COUNT   sends COUNT frames at that pace, and answers COUNT
//   reader:  collect          answers the latencies, in ns, of the frames since the last time
// The first line of all is a 1: it has its partner.
#define _GNU_SOURCE
#include <dds/dds.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "frame.h"

#define MOST 100000

static double latencies[MOST];
static size_t noted;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static double now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static dds_entity_t checked(dds_entity_t result, const char *what) {
  if (result >= 0) return result;
  fprintf(stderr, "%s: %s\n", what, dds_strretcode(-result));
  exit(1);
}

static void *read_all(void *argument) {
  const dds_entity_t reader = *(dds_entity_t *)argument;
  const dds_entity_t waitset = checked(dds_create_waitset(dds_get_participant(reader)), "dds_create_waitset");
  checked(dds_set_status_mask(reader, DDS_DATA_AVAILABLE_STATUS), "dds_set_status_mask");
  checked(dds_waitset_attach(waitset, reader, 0), "dds_waitset_attach");
  for (;;) {
    dds_waitset_wait(waitset, NULL, 0, DDS_INFINITY);
    for (;;) {
      void *samples[1] = {NULL};
      dds_sample_info_t info[1];
      const dds_return_t taken = dds_take(reader, samples, info, 1, 1);
      if (taken < 0) return NULL; // the participant is being deleted
      if (taken == 0) break;
      if (info[0].valid_data) {
        const peers_Frame *frame = samples[0];
        double sent;
        memcpy(&sent, frame->data._buffer, sizeof sent);
        pthread_mutex_lock(&lock);
        if (noted < MOST) latencies[noted++] = now_ns() - sent;
        pthread_mutex_unlock(&lock);
      }
      dds_return_loan(reader, samples, 1);
    }
  }
  return NULL;
}

static void sleep_until(double at_ns) {
  const struct timespec at = {(time_t)(at_ns / 1e9), (long)(at_ns - (double)(time_t)(at_ns / 1e9) * 1e9)};
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) != 0) {
  }
}

int main(int argc, char **argv) {
  if (argc != 5) return 2;
  const int writes = strcmp(argv[1], "writer") == 0;
  const size_t bytes = strtoull(argv[4], NULL, 10);
  const dds_entity_t participant = checked(dds_create_participant((dds_domainid_t)atoi(argv[2]), NULL, NULL), "participant");
  dds_qos_t *qos = dds_create_qos();
  dds_qset_reliability(qos, DDS_RELIABILITY_RELIABLE, DDS_SECS(1));
  dds_qset_history(qos, DDS_HISTORY_KEEP_LAST, 2);
  const dds_entity_t topic = checked(dds_create_topic(participant, &peers_Frame_desc, argv[3], NULL, NULL), "topic");
  dds_entity_t end = checked(writes ? dds_create_writer(participant, topic, qos, NULL) : dds_create_reader(participant, topic, qos, NULL), "end");
  for (;;) {
    dds_publication_matched_status_t publication;
    dds_subscription_matched_status_t subscription;
    if (writes ? (dds_get_publication_matched_status(end, &publication), publication.current_count > 0)
               : (dds_get_subscription_matched_status(end, &subscription), subscription.current_count > 0))
      break;
    usleep(1000);
  }
  pthread_t thread;
  if (!writes && pthread_create(&thread, NULL, read_all, &end) != 0) return 1;
  puts("1");
  fflush(stdout);
  unsigned char *memory = malloc(bytes);
  if (memory == NULL) return 1;
  memset(memory, 1, bytes);
  char line[256];
  while (fgets(line, sizeof line, stdin) != NULL) {
    double rate;
    size_t count;
    if (sscanf(line, "run %lf %zu", &rate, &count) == 2) {
      double due = now_ns() + 1e9 / rate;
      for (size_t i = 0; i < count; i++) {
        sleep_until(due);
        peers_Frame frame = {.data = {._maximum = (uint32_t)bytes, ._length = (uint32_t)bytes, ._buffer = memory, ._release = false}};
        const double sent = now_ns();
        memcpy(memory, &sent, sizeof sent);
        const dds_return_t written = dds_write(end, &frame);
        // A reader that cannot keep up: the frame counts as lost.
        if (written != DDS_RETCODE_TIMEOUT) checked(written, "dds_write");
        due = due + 1e9 / rate > now_ns() ? due + 1e9 / rate : now_ns();
      }
      printf("%zu", count);
    } else {
      pthread_mutex_lock(&lock);
      for (size_t i = 0; i < noted; i++) printf("%.0f ", latencies[i]);
      if (noted == 0) printf("-1");
      noted = 0;
      pthread_mutex_unlock(&lock);
    }
    putchar('\n');
    fflush(stdout);
  }
  dds_delete(participant);
  return 0;
}
