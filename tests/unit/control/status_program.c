// SPDX-License-Identifier: Apache-2.0
// A program that status_test.sh asks: does what its arguments name, in order, says "ready" and the
// ids of its processes, and ends when its standard input does.
//   object: allocates 8 MiB; fork: the child goes on as well; close: closes every descriptor above
//   2; drop: becomes user 65534; exec: becomes this program anew, with the rest of the arguments
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { kObjectBytes = 8 << 20, kNobody = 65534 };

static void* volatile kept;

/// Has a name of its own in the status.
__attribute__((noinline)) static void make_object(void) {
  kept = malloc(kObjectBytes);
  if (kept == NULL) exit(1);
  memset(kept, 1, kObjectBytes);
}

static void do_step(char** step) {
  if (strcmp(*step, "object") == 0) {
    make_object();
  } else if (strcmp(*step, "fork") == 0) {
    if (fork() == 0) prctl(PR_SET_PDEATHSIG, 9);
  } else if (strcmp(*step, "close") == 0) {
    for (int fd = 3; fd < 65536; ++fd) close(fd);
  } else if (strcmp(*step, "drop") == 0) {
    if (setgid(kNobody) != 0 || setuid(kNobody) != 0) exit(1);
  } else if (strcmp(*step, "exec") == 0) {
    execv("/proc/self/exe", step);
    exit(1);
  }
}

int main(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) do_step(argv + i);
  printf("ready %d\n", (int)getpid());
  fflush(stdout);
  char byte = 0;
  while (read(0, &byte, 1) > 0) {
  }
  return 0;
}
