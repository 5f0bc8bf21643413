// SPDX-License-Identifier: Apache-2.0
// Compiled once for each build in chain.h; CHAIN_NAME(stop) is the name that CMake gives it.
#include <alloca.h>
#include <stddef.h>

#include "tests/unit/sites/chain.h"

#define JOIN_(build, stop) build##_##stop
#define JOIN(build, stop) JOIN_(build, stop)
#define STOP(stop) JOIN(CHAIN_BUILD, stop)

/// The asm after the call keeps it from becoming a jump.
static inline __attribute__((always_inline)) void go_on(struct route* route) {
  if (route->next == route->count) {
    route->last(route->argument);
  } else {
    route->stops[route->next++](route);
  }
  __asm__ volatile("" : : "r"(route) : "memory");
}

void STOP(plain)(struct route* route) {
  go_on(route);
}

void STOP(realigned)(struct route* route) {
  _Alignas(128) volatile char room[256];
  room[0] = (char)route->count;
  go_on(route);
  room[1] = room[0];
}

void STOP(dynamic)(struct route* route) {
  volatile char* room = alloca((size_t)(route->next + 1) * 100);
  room[0] = 1;
  go_on(route);
  room[1] = room[0];
}

void STOP(large)(struct route* route) {
  volatile char room[100000];
  room[0] = (char)route->count;
  go_on(route);
  room[1] = room[0];
}
