// SPDX-License-Identifier: Apache-2.0
// For the C programs of these tests: a failed check says where and with what, and counts.
#pragma once

#include <stdio.h>
#include <string.h>

#include <terrace/terrace.h>

static int failures;

#define CHECK(condition)                                                                     \
  do {                                                                                       \
    if (!(condition)) {                                                                      \
      ++failures;                                                                            \
      fprintf(stderr, "%s:%d: not so: %s; last error: %s\n", __FILE__, __LINE__, #condition, \
              terrace_last_error());                                                         \
    }                                                                                        \
  } while (0)

#define CHECK_STATUS(wanted, call)                                                                 \
  do {                                                                                             \
    const terrace_status got = (call);                                                             \
    if (got != (wanted)) {                                                                         \
      ++failures;                                                                                  \
      fprintf(stderr, "%s:%d: %s is \"%s\" and not \"%s\"; last error: %s\n", __FILE__, __LINE__,  \
              #call, terrace_status_text(got), terrace_status_text(wanted), terrace_last_error()); \
    }                                                                                              \
  } while (0)

/// Did the last failure's text say this?
static inline int said(const char* words) {
  return strstr(terrace_last_error(), words) != NULL;
}
