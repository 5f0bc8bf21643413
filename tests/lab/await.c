// SPDX-License-Identifier: Apache-2.0
// await SECONDS COMMAND [ARGUMENT...]: runs COMMAND until it succeeds, once and then whenever the
// kernel tells of a device that came, changed or got its driver. For what devices bring along:
// files of sysfs appear without a word of their own. Exit status: 0, or 1 when the time was over.
#include <errno.h>
#include <linux/netlink.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void fail(const char* what) {
  fprintf(stderr, "await: %s: %s\n", what, strerror(errno));
  exit(3);
}

/// A socket that hears the kernel's own messages about devices.
static int listen_to_kernel(void) {
  const struct sockaddr_nl kernel = {.nl_family = AF_NETLINK, .nl_groups = 1};
  const int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);
  if (fd < 0 || bind(fd, (const struct sockaddr*)&kernel, sizeof kernel) != 0) fail("netlink");
  return fd;
}

static int succeeds(char** command) {
  const pid_t child = fork();
  if (child == 0) {
    execvp(command[0], command);
    _exit(127);
  }
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child) fail("fork");
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static long long now_ms(void) {
  struct timespec now;
  if (clock_gettime(CLOCK_MONOTONIC, &now) != 0) fail("clock");
  return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/// Takes what was told meanwhile: one more look answers all of it. Messages that were dropped for
/// want of room (ENOBUFS) are news as well.
static void drain(int fd) {
  char message[8192];
  while (recv(fd, message, sizeof message, MSG_DONTWAIT) >= 0 || errno == ENOBUFS) {
  }
  if (errno != EAGAIN) fail("recv");
}

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  const int fd = listen_to_kernel();
  const long long end = now_ms() + atoll(argv[1]) * 1000;
  while (!succeeds(argv + 2)) {
    const long long left = end - now_ms();
    struct pollfd event = {.fd = fd, .events = POLLIN};
    const int ready = left <= 0 ? 0 : poll(&event, 1, (int)left);
    if (ready < 0 && errno != EINTR) fail("poll");
    if (ready == 0) return 1;
    drain(fd);
  }
  return 0;
}
