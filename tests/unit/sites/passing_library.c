// SPDX-License-Identifier: Apache-2.0
// Built twice with other frames, so that one takes the other's place in memory.

__attribute__((visibility("default"))) void call_through(void (*function)(void*), void* argument) {
  volatile char room[PASSING_BYTES];
  room[0] = 1;
  function(argument);
  room[1] = room[0];
}
