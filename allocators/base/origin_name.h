// SPDX-License-Identifier: Apache-2.0
// An object's origin as a word, the same in what a running program answers and in every report.
// Thread-safe, never allocates.
#pragma once

#include "allocators/base/site_key.h"

namespace terrace {

/// "heap", "anonymous", "file"; "unknown" for a number that stands for nothing.
constexpr const char* name_of(Origin origin) {
  switch (origin) {
    case Origin::kHeap:
      return "heap";
    case Origin::kAnonymous:
      return "anonymous";
    case Origin::kFile:
      return "file";
  }
  return "unknown";
}

}  // namespace terrace
