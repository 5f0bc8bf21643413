// SPDX-License-Identifier: Apache-2.0
// Functions that call each other in an order that the test chooses, in libraries that are built in
// different ways (chain.c): the frames of a stack that no single compiler setting would give.
// Thread-safe: a route belongs to its thread.
#pragma once

#ifdef __cplusplus
extern "C" {
#endif

struct route;
typedef void (*stop)(struct route*);

struct route {
  const stop* stops;
  int count;
  int next;
  void (*last)(void*);
  void* argument;
};

/// Calls the route's next stop, or its last call.
#define CHAIN_STOPS(build)                     \
  void build##_plain(struct route* route);     \
  void build##_realigned(struct route* route); \
  void build##_dynamic(struct route* route);   \
  void build##_large(struct route* route);

CHAIN_STOPS(with_pointer)
CHAIN_STOPS(without_pointer)
CHAIN_STOPS(optimised_for_size)
CHAIN_STOPS(undescribed)

#ifdef __cplusplus
}
#endif
