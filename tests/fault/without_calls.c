// SPDX-License-Identifier: Apache-2.0
// without_calls CALL... -- PROGRAM [ARGS...]: starts PROGRAM where the kernel answers EPERM to the
// system calls that are named, as under a container's default filter (seccomp). `userfaultfd` takes
// the way by /dev/userfaultfd along, which containers do not have.
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static const struct {
  const char* name;
  unsigned number;
} kCalls[] = {
    {"mbind", SYS_mbind},
    {"set_mempolicy", SYS_set_mempolicy},
    {"get_mempolicy", SYS_get_mempolicy},
    {"move_pages", SYS_move_pages},
    {"migrate_pages", SYS_migrate_pages},
    {"userfaultfd", SYS_userfaultfd},
    {"process_vm_readv", SYS_process_vm_readv},
    {"perf_event_open", SYS_perf_event_open},
    {"memfd_create", SYS_memfd_create},
    {"rt_tgsigqueueinfo", SYS_rt_tgsigqueueinfo},
};
enum { kCallCount = sizeof kCalls / sizeof kCalls[0], kMost = 4 * kCallCount + 16 };

static struct sock_filter program[kMost];
static unsigned short length = 0;

static void put(struct sock_filter instruction) {
  program[length++] = instruction;
}

static void load(size_t offset) {
  put((struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned)offset));
}

// The accumulator holds the call's number before and after.
static void refuse(unsigned number) {
  put((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1));
  put((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM));
}

static void refuse_device(void) {
  const unsigned kNew = _IO(0xAA, 0);  // USERFAULTFD_IOC_NEW
  put((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ioctl, 0, 4));
  load(offsetof(struct seccomp_data, args[1]));
  put((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kNew, 0, 1));
  put((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM));
  put((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
}

static int refuse_named(const char* name) {
  for (int i = 0; i < kCallCount; ++i) {
    if (strcmp(kCalls[i].name, name) != 0) continue;
    refuse(kCalls[i].number);
    if (kCalls[i].number == SYS_userfaultfd) refuse_device();
    return 0;
  }
  fprintf(stderr, "without_calls: no call named %s\n", name);
  return -1;
}

int main(int argc, char** argv) {
  int at = 1;
  load(offsetof(struct seccomp_data, nr));
  for (; at < argc && strcmp(argv[at], "--") != 0; ++at) {
    if (refuse_named(argv[at]) != 0) return 125;
  }
  put((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  if (at + 1 >= argc) {
    fprintf(stderr, "usage: without_calls CALL... -- PROGRAM [ARGS...]\n");
    return 125;
  }
  const struct sock_fprog filter = {length, program};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
      prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0) {
    perror("without_calls: seccomp");
    return 125;
  }
  execvp(argv[at + 1], argv + at + 1);
  perror(argv[at + 1]);
  return 127;
}
