// Two processes that wake each other with a byte through a pipe, each asleep in epoll_wait: the least an event loop can do.
//
//   pingpong ROUND_TRIPS BATCHES CPU CPU      ns one way, for each batch
#include "common.h"
#include <sys/epoll.h>

/** The end of a pipe that the event loop watches. */
struct loop {
  int epoll;
  int fd;
};

static struct loop watch(int fd) {
  const int epoll = epoll_create1(0);
  struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
  if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0) die("epoll");
  return (struct loop){epoll, fd};
}

static void await(struct loop loop) {
  struct epoll_event event;
  char bytes[64];
  while (epoll_wait(loop.epoll, &event, 1, -1) != 1)
    ;
  if (read(loop.fd, bytes, sizeof bytes) != 1) die("read");
}

static void post(int fd) {
  if (write(fd, "!", 1) != 1) die("write");
}

static void handle(int count, char **args) {
  const size_t trips = number(count, args, 1), batches = number(count, args, 2);
  int ping[2], pong[2];
  if (pipe(ping) != 0 || pipe(pong) != 0) die("pipe");
  const pid_t child = fork_partner();
  run_on(cpu_word(count, args, child == 0 ? 4 : 3));
  if (child == 0) {
    const struct loop loop = watch(ping[0]);
    for (size_t i = 0; i < trips * batches; i++) {
      await(loop);
      post(pong[1]);
    }
    _exit(0);
  }
  const struct loop loop = watch(pong[0]);
  for (size_t batch = 0; batch < batches; batch++) {
    const uint64_t start = now_ns();
    for (size_t trip = 0; trip < trips; trip++) {
      post(ping[1]);
      await(loop);
    }
    figure((double)(now_ns() - start) / (double)(2 * trips));
  }
  wait_partner(child);
  close(loop.epoll);
  for (int i = 0; i < 2; i++) {
    close(ping[i]);
    close(pong[i]);
  }
}

int main(void) { return serve(handle); }
