// SPDX-License-Identifier: Apache-2.0
// GCC's AddressSanitizer ends a program in which another library stands before its runtime, as a
// preloaded one does, before any code of ours runs. It asks this function for defaults first, and
// ours is found before its own empty one. A program that brings the function itself answers in our
// place, as without us; ASAN_OPTIONS overrides both.
// Called before any constructor. Thread-safe, never allocates.
#include "tiering/preload/export.h"

extern "C" {

TERRACE_EXPORT const char* __asan_default_options() {
  return "verify_asan_link_order=0";
}

}  // extern "C"
