// SPDX-License-Identifier: Apache-2.0
// A tiny test frame for programs that run under the preload shim and must not bring an allocator's
// client of their own along: each case is a process, CHECK ends it with the failing line.
// A program lists its cases in `cases`; runner.c runs them all, or the one that is named.
#pragma once

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

struct test_case {
  const char* name;
  void (*run)(void);
};

/// Ends with an entry without a name.
extern const struct test_case cases[];

/// Prints where and what, exits with 1.
void check_failed(const char* file, int line, const char* condition)
    __attribute__((noreturn, cold));

/// Exits with 77 after naming what is missing.
void skip_case(const char* missing) __attribute__((noreturn));

/// Fills with / verifies a pattern that depends on `seed`.
void fill(void* block, size_t size, unsigned seed);
int holds(const void* block, size_t size, unsigned seed);

/// The same in its last byte and one of every 64 KiB. For what is done often: to fill 5 MiB is 1280
/// page faults, and where a hypervisor makes these dear, a test of threads or forks did little
/// else.
void mark(void* block, size_t size, unsigned seed);
int marked(const void* block, size_t size, unsigned seed);

/// Are large blocks expected to be objects in this run? (TERRACE_EXPECT_OBJECTS in the environment)
int objects_expected(void);

/// Aligned as objects are, or no objects expected.
int looks_placed(const void* block);

/// Hides a value from the optimiser, which knows malloc's contract too well to be tested with it.
size_t opaque(size_t value);

#ifdef __cplusplus
}
#endif

#define CHECK(condition) ((condition) ? (void)0 : check_failed(__FILE__, __LINE__, #condition))

/// Below every threshold in use, and above every one.
#define SMALL ((size_t)1000)
#define LARGE ((size_t)5 << 20)
