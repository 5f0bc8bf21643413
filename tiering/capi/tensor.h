// SPDX-License-Identifier: Apache-2.0
// What a context knows of one tensor. Made and ended by tensors.cc, moved by moves.cc. Which lock
// guards what is said beside each field (context.h has the locks). Allocates.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include <terrace/terrace.h>
#include <terrace/units.h>

#include "allocators/extent/object.h"
#include "tiering/capi/losses.h"

namespace terrace::capi {

/// Where a tensor's blocks shall go.
struct Wish {
  std::uint32_t tier = 0;                 ///< unless spread
  double shares[TERRACE_MAX_TIERS] = {};  ///< the parts of a spread one
  bool spread = false;
  bool strict = false;
};

inline constexpr std::uint64_t kUnknownUse = ~std::uint64_t{0};

/// What the session of a context has of a tensor so far; under its lock (told_session.h).
struct ToldTensor {
  std::uint64_t object = 0;      ///< its number in the file; 0: it is not there
  std::uint64_t read_bytes = 0;  ///< that are written down
  std::uint64_t written_bytes = 0;
  Bytes size;
  std::vector<std::uint8_t> tiers;
};

struct Tensor {
  // As long as it lives.
  std::uint64_t handle = 0;  ///< 0: the pages of a pool, which nobody can name
  terrace_class kind = TERRACE_SCRATCH;
  terrace_pages pages = TERRACE_PAGES_HUGE;
  std::int32_t layer = 0;
  std::string name;
  Wish wish;
  bool adopted = false;
  ToldTensor told;
  bool owned = false;  ///< by the library: one pin is not the program's to take away

  // Under Context::memory. An adopted one has no object.
  extent::Object* object = nullptr;
  char* address = nullptr;
  Bytes bytes;
  std::uint32_t align_blocks = 1;
  std::vector<KeptRange> kept;  ///< what of it can be read from files again, in order

  // Under Context::control.
  std::uint32_t pins = 0;
  std::uint32_t users = 0;   ///< calls that need the memory to stay: it is neither moved nor freed
  std::uint32_t wanted = 0;  ///< calls that wait to be users or to change it: jobs give way
  bool moving = false;       ///< one call or job changes the memory
  bool ended = false;

  // By anyone.
  std::atomic<std::uint32_t> tier_blocks[TERRACE_MAX_TIERS] = {};
  std::atomic<std::uint64_t> read_bytes{0};
  std::atomic<std::uint64_t> written_bytes{0};
  std::atomic<std::uint64_t> moved_bytes{0};
  std::atomic<std::uint64_t> next_step{kUnknownUse};
  std::atomic<std::uint32_t> next_phase{0};
};

}  // namespace terrace::capi
