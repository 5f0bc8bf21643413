// SPDX-License-Identifier: Apache-2.0
// The edges of a process's and a thread's life, where allocators break: fork from a threaded
// parent, exec, vfork, exiting threads, dlopen and dlclose, memory before main and after exit.
// Usage of the plugins: TERRACE_TEST_PLUGIN (C) and TERRACE_TEST_CXX_PLUGIN (C++) name them.
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/preload/case.h"

extern char** environ;

static void use_memory(unsigned seed) {
  void* small = malloc(opaque(SMALL));
  void* large = malloc(opaque(LARGE));
  CHECK(small != NULL && large != NULL);
  fill(small, SMALL, seed);
  mark(large, LARGE, seed);
  CHECK(holds(small, SMALL, seed) && marked(large, LARGE, seed));
  free(large);
  free(small);
}

static void expect_exit(pid_t child, int code) {
  int status = 0;
  CHECK(child > 0);
  CHECK(waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == code);
}

// ---- Before main, after exit.

static void* early_small;
static void* early_large;

__attribute__((constructor)) static void allocate_before_main(void) {
  early_small = malloc(opaque(SMALL));
  early_large = calloc(opaque(1), opaque(LARGE));
  fill(early_small, SMALL, 1);
  fill(early_large, LARGE, 2);
}

static void* late_block;

__attribute__((destructor)) static void use_memory_after_main(void) {
  CHECK(holds(early_small, SMALL, 1) && holds(early_large, LARGE, 2));
  free(early_small);
  free(early_large);
  if (late_block != NULL) CHECK(holds(late_block, LARGE, 3));
  free(late_block);
  use_memory(4);
}

static void use_memory_at_exit(void) {
  late_block = realloc(late_block, opaque(LARGE * 2));
  CHECK(late_block != NULL && holds(late_block, LARGE, 3));
  use_memory(5);
}

static void memory_serves_from_before_main_to_after_exit(void) {
  late_block = malloc(opaque(LARGE));
  fill(late_block, LARGE, 3);
  CHECK(atexit(use_memory_at_exit) == 0);
  early_large = realloc(early_large, opaque(LARGE * 2));
  CHECK(holds(early_large, LARGE, 2));
}

// ---- fork

static void child_never_changes_its_parent(void) {
  unsigned char* block = malloc(opaque(LARGE));
  CHECK(block != NULL);
  fill(block, LARGE, 1);
  const pid_t child = fork();
  if (child == 0) {
    if (!holds(block, LARGE, 1)) _exit(2);
    fill(block, LARGE, 2);
    block = realloc(block, opaque(LARGE * 2));
    if (block == NULL || !holds(block, LARGE, 2)) _exit(3);
    free(block);
    use_memory(3);
    _exit(0);
  }
  fill(block, LARGE, 4);
  expect_exit(child, 0);
  CHECK(holds(block, LARGE, 4));
  free(block);
}

static atomic_int stop_allocating;

static void allocate_once(unsigned seed) {
  void* small = malloc(opaque(SMALL));
  void* large = malloc(opaque(LARGE));
  CHECK(small != NULL && large != NULL);
  fill(small, 64, seed);
  *(volatile char*)large = 1;
  CHECK(holds(small, 64, seed));
  free(small);
  free(large);
}

static void* allocate_until_stopped(void* argument) {
  while (!atomic_load(&stop_allocating)) allocate_once((unsigned)(uintptr_t)argument);
  return NULL;
}

enum { kThreads = 8, kForks = 200 };

/// What thread i keeps over all forks, marked with i + 1: each fork looks at it twice.
static unsigned char* kept[kThreads];
static sem_t keeping;
/// What each fork lets the threads do. Eight that never rest leave it 60 ms behind on two
/// processors, with libc alone as well; a 2 MiB page that is zeroed for each block takes most of
/// their time.
static sem_t turns;

static void give_turns(int count) {
  for (int i = 0; i < count; ++i) CHECK(sem_post(&turns) == 0);
}

static int keeps_its_marks(size_t owner) {
  return marked(kept[owner], LARGE, (unsigned)owner + 1);
}

static void* keep_and_allocate(void* argument) {
  const size_t owner = (uintptr_t)argument;
  unsigned char* block = malloc(opaque(LARGE));
  CHECK(block != NULL);
  mark(block, LARGE, (unsigned)owner + 1);
  kept[owner] = block;
  CHECK(sem_post(&keeping) == 0);
  while (!atomic_load(&stop_allocating)) {
    allocate_once((unsigned)owner + 1);
    while (sem_wait(&turns) != 0) CHECK(errno == EINTR);
  }
  return NULL;
}

/// Everything is there, what this side writes stays here, and memory is still to be had.
static int live_as_child(int round) {
  for (size_t owner = 0; owner < kThreads; ++owner) {
    if (!keeps_its_marks(owner)) return 2;
  }
  unsigned char* mine = kept[round % kThreads];
  mine[0] = mine[LARGE - 1] = 255;
  if (mine[0] != 255) return 3;
  unsigned char* large = malloc(opaque(LARGE));
  if (large == NULL) return 4;
  large[0] = large[LARGE - 1] = 1;
  free(large);
  if (round % 16 == 0) free(mine);
  free(malloc(opaque(SMALL)));
  return 7;
}

static void eight_threads_and_many_forks_keep_their_data(void) {
  pthread_t threads[kThreads];
  CHECK(sem_init(&keeping, 0, 0) == 0 && sem_init(&turns, 0, 0) == 0);
  for (uintptr_t i = 0; i < kThreads; ++i) {
    CHECK(pthread_create(&threads[i], NULL, keep_and_allocate, (void*)i) == 0);
  }
  for (int i = 0; i < kThreads; ++i) CHECK(sem_wait(&keeping) == 0);
  // That many over each kind of memory of the real runtime, a thousand in all; elsewhere it is the
  // entry points that are tested.
  const char* wanted = getenv("TERRACE_TEST_FORKS");
  const int rounds = wanted != NULL                        ? atoi(wanted)
                     : getenv("TERRACE_PLAN_FILE") != NULL ? kForks
                                                           : kForks / 2;
  for (int round = 0; round < rounds; ++round) {
    give_turns(kThreads);
    const pid_t child = fork();
    if (child == 0) _exit(live_as_child(round));
    expect_exit(child, 7);
    for (size_t owner = 0; owner < kThreads; ++owner) CHECK(keeps_its_marks(owner));
  }
  atomic_store(&stop_allocating, 1);
  give_turns(kThreads);
  for (int i = 0; i < kThreads; ++i) CHECK(pthread_join(threads[i], NULL) == 0);
  for (int i = 0; i < kThreads; ++i) free(kept[i]);
}

static void* run_in_child_thread(void* unused) {
  use_memory(1);
  return unused;
}

static void child_starts_threads_and_forks_again(void) {
  const pid_t child = fork();
  if (child == 0) {
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, run_in_child_thread, NULL) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    const pid_t grandchild = fork();
    if (grandchild == 0) {
      use_memory(2);
      exit(5);  // with destructors
    }
    expect_exit(grandchild, 5);
    exit(6);
  }
  expect_exit(child, 6);
}

static void allocate_in_fork_handler(void) {
  use_memory(8);
}

static void fork_handlers_may_allocate(void) {
  CHECK(pthread_atfork(allocate_in_fork_handler, allocate_in_fork_handler,
                       allocate_in_fork_handler) == 0);
  const pid_t child = fork();
  if (child == 0) _exit(3);
  expect_exit(child, 3);
}

extern int early_fork_handler_runs(void);

static void fork_handlers_registered_before_ours_may_allocate_and_free(void) {
  // early_library.c registered it in a constructor that ran before the shim's, so its handler runs
  // inside the shim's own fork bracket.
  const int before = early_fork_handler_runs();
  const pid_t child = fork();
  if (child == 0) {
    use_memory(1);
    _exit(early_fork_handler_runs() == before + 2 ? 0 : 1);
  }
  expect_exit(child, 0);
  CHECK(early_fork_handler_runs() == before + 2);
  use_memory(2);
}

// ---- Other programs

static void forked_child_runs_another_program(void) {
  void* block = malloc(opaque(LARGE));
  CHECK(block != NULL);
  memset(block, 1, LARGE);
  const pid_t child = fork();
  if (child == 0) {
    execl("/bin/sh", "sh", "-c", "exit 42", (char*)NULL);
    _exit(127);
  }
  expect_exit(child, 42);
  free(block);
}

static void child_with_allocating_threads_runs_another_program(void) {
  for (int round = 0; round < 20; ++round) {
    const pid_t child = fork();
    if (child == 0) {
      pthread_t threads[3];
      for (uintptr_t i = 0; i < 3; ++i) {
        CHECK(pthread_create(&threads[i], NULL, allocate_until_stopped, (void*)(i + 1)) == 0);
      }
      use_memory(1);
      execl("/bin/sh", "sh", "-c", "exit 43", (char*)NULL);
      _exit(127);
    }
    expect_exit(child, 43);
  }
}

/// clone(2) itself: no fork handler runs, ours no more than glibc's.
static void cloned_child_without_handlers_reads_its_memory_and_execs(void) {
  unsigned char* block = malloc(opaque(LARGE));
  CHECK(block != NULL);
  fill(block, LARGE, 1);
  for (int round = 0; round < 20; ++round) {
    const pid_t child = (pid_t)syscall(SYS_clone, (long)SIGCHLD, 0L, 0L, 0L, 0L);
    if (child == 0) {
      if (!holds(block, LARGE, 1)) _exit(2);
      execl("/bin/sh", "sh", "-c", "exit 44", (char*)NULL);
      _exit(127);
    }
    expect_exit(child, 44);
  }
  CHECK(holds(block, LARGE, 1));
  free(block);
}

static int write_as_clone(void* block) {
  ((unsigned char*)block)[1] = 77;
  _exit(((unsigned char*)block)[0] == 1 ? 5 : 2);
}

static void clone_that_shares_memory_shares_objects(void) {
  static char stack[64 << 10] __attribute__((aligned(16)));
  unsigned char* block = malloc(opaque(LARGE));
  CHECK(block != NULL);
  memset(block, 1, LARGE);
  expect_exit(clone(write_as_clone, stack + sizeof stack, CLONE_VM | CLONE_VFORK | SIGCHLD, block),
              5);
  CHECK(block[1] == 77 && block[2] == 1);
  free(block);
}

static void spawned_program_writes_into_our_pipe(void) {
  int ends[2];
  CHECK(pipe(ends) == 0);
  posix_spawn_file_actions_t actions;
  CHECK(posix_spawn_file_actions_init(&actions) == 0);
  CHECK(posix_spawn_file_actions_adddup2(&actions, ends[1], 1) == 0);
  CHECK(posix_spawn_file_actions_addclose(&actions, ends[0]) == 0);
  char* const arguments[] = {"sh", "-c", "echo spawned", NULL};
  pid_t child = 0;
  CHECK(posix_spawn(&child, "/bin/sh", &actions, NULL, arguments, environ) == 0);
  close(ends[1]);
  char text[16] = {0};
  CHECK(read(ends[0], text, sizeof text) == 8 && strcmp(text, "spawned\n") == 0);
  expect_exit(child, 0);
  CHECK(posix_spawn_file_actions_destroy(&actions) == 0);
}

static void vfork_and_exec(void) {
  void* block = malloc(opaque(LARGE));
  fill(block, LARGE, 1);
  for (int i = 0; i < 20; ++i) {
    const pid_t child = vfork();
    if (child == 0) {
      execl("/bin/true", "true", (char*)NULL);
      _exit(127);
    }
    expect_exit(child, 0);
  }
  CHECK(holds(block, LARGE, 1));
  free(block);
}

static void output_of_popen_and_system_arrives(void) {
  FILE* stream = popen("echo one; echo two", "r");
  CHECK(stream != NULL);
  char line[16] = {0};
  CHECK(fgets(line, sizeof line, stream) != NULL && strcmp(line, "one\n") == 0);
  CHECK(fgets(line, sizeof line, stream) != NULL && strcmp(line, "two\n") == 0);
  CHECK(pclose(stream) == 0);
  CHECK(WEXITSTATUS(system("exit 9")) == 9);
}

// ---- Threads

static pthread_key_t key;

static void free_and_allocate(void* block) {
  CHECK(marked(block, LARGE, 1));
  free(block);
  use_memory(2);
}

static void* leave_a_block(void* unused) {
  void* block = malloc(opaque(LARGE));
  CHECK(block != NULL);
  mark(block, LARGE, 1);
  CHECK(pthread_setspecific(key, block) == 0);
  return unused;
}

static void exiting_threads_free_and_allocate(void) {
  CHECK(pthread_key_create(&key, free_and_allocate) == 0);
  for (int i = 0; i < 50; ++i) {
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, leave_a_block, NULL) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
  }
}

// What thread_local objects of C++ and Rust register.
extern int __cxa_thread_atexit_impl(void (*destroy)(void*), void* object, void* library);
extern void* __dso_handle __attribute__((visibility("hidden")));

static void* leave_thread_local_objects(void* unused) {
  for (int i = 0; i < 3; ++i) {
    void* block = malloc(opaque(LARGE));
    CHECK(block != NULL);
    mark(block, LARGE, 1);
    CHECK(__cxa_thread_atexit_impl(free_and_allocate, block, &__dso_handle) == 0);
  }
  return unused;
}

static void thread_local_destructors_free_and_allocate(void) {
  for (int i = 0; i < 20; ++i) {
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, leave_thread_local_objects, NULL) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
  }
}

static void* churn_and_exit(void* unused) {
  use_memory(1);
  pthread_exit(unused);
}

static void many_short_threads(void) {
  for (int round = 0; round < 40; ++round) {
    pthread_t threads[8];
    for (int i = 0; i < 8; ++i) {
      CHECK(pthread_create(&threads[i], NULL, churn_and_exit, NULL) == 0);
    }
    for (int i = 0; i < 8; ++i) CHECK(pthread_join(threads[i], NULL) == 0);
  }
}

// ---- Loading and unloading

static void* loaded(const char* variable) {
  const char* path = getenv(variable);
  if (path == NULL) skip_case("path of a plugin in the environment");
  void* plugin = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (plugin == NULL) dprintf(2, "%s\n", dlerror());
  CHECK(plugin != NULL);
  return plugin;
}

static void libraries_come_and_go(void) {
  for (int i = 0; i < 50; ++i) {
    void* plugin = loaded("TERRACE_TEST_PLUGIN");
    void* (*allocate)(size_t) = NULL;
    *(void**)&allocate = dlsym(plugin, "plugin_allocate");
    CHECK(allocate != NULL);
    char* block = allocate(LARGE);
    CHECK(block != NULL && dlclose(plugin) == 0);
    mark(block, LARGE, 1);
    CHECK(marked(block, LARGE, 1));
    free(block);
  }
}

static void private_cxx_library_throws_bad_alloc_in_a_c_program(void) {
  void* plugin = loaded("TERRACE_TEST_CXX_PLUGIN");
  int (*run)(size_t) = NULL;
  *(void**)&run = dlsym(plugin, "plugin_new_and_delete");
  CHECK(run != NULL);
  CHECK(run(SMALL) == 0);
  CHECK(run(LARGE) == 0);
  CHECK(run(PTRDIFF_MAX) == 1);
  CHECK(dlclose(plugin) == 0);
}

static void dlerror_stays_the_programs_own(void) {
  CHECK(dlerror() == NULL);
  free(malloc(opaque(LARGE)));
  CHECK(dlerror() == NULL);
  CHECK(dlsym(RTLD_DEFAULT, "no_such_symbol_anywhere") == NULL);
  free(malloc(opaque(LARGE)));
  const char* message = dlerror();
  CHECK(message != NULL && strstr(message, "no_such_symbol_anywhere") != NULL);
}

const struct test_case cases[] = {
#define CASE(name) \
  { #name, name }
    CASE(memory_serves_from_before_main_to_after_exit),
    CASE(child_never_changes_its_parent),
    CASE(eight_threads_and_many_forks_keep_their_data),
    CASE(child_starts_threads_and_forks_again),
    CASE(fork_handlers_may_allocate),
    CASE(fork_handlers_registered_before_ours_may_allocate_and_free),
    CASE(forked_child_runs_another_program),
    CASE(child_with_allocating_threads_runs_another_program),
    CASE(cloned_child_without_handlers_reads_its_memory_and_execs),
    CASE(clone_that_shares_memory_shares_objects),
    CASE(spawned_program_writes_into_our_pipe),
    CASE(vfork_and_exec),
    CASE(output_of_popen_and_system_arrives),
    CASE(exiting_threads_free_and_allocate),
    CASE(thread_local_destructors_free_and_allocate),
    CASE(many_short_threads),
    CASE(libraries_come_and_go),
    CASE(private_cxx_library_throws_bad_alloc_in_a_c_program),
    CASE(dlerror_stays_the_programs_own),
    {NULL, NULL},
};
