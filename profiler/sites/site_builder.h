// SPDX-License-Identifier: Apache-2.0
// Puts a call-site together frame by frame, the same for both ways of walking a stack.
// One thread's, for one walk; async-signal-safe, allocates nothing.
#pragma once

#include <cstdint>

#include "allocators/base/site_key.h"
#include "profiler/sites/site_hash.h"

namespace terrace::sites {

/// Frames that go into the hash: at least 6 to 8 tell an engine's weights, KV cache and compute
/// buffers apart, whose innermost frames are the same; more make the site depend on who called the
/// loader. All kMaxFrames are kept for the report.
inline constexpr std::uint32_t kHashedFrames = 12;

/// Frames stepped over at most, those of this library included.
inline constexpr int kMaxSteps = 32;

class SiteBuilder {
 public:
  /// False: the site is full. `key_of()` is asked only for frames that go into the hash.
  template <typename KeyOf>
  bool add(std::uintptr_t address, KeyOf key_of) {
    if (site_.frame_count < kHashedFrames) hash_ = mix_key(hash_, key_of());
    site_.frames[site_.frame_count++] = address;
    return site_.frame_count < static_cast<std::uint32_t>(kMaxFrames);
  }

  CallSite finished() const {
    CallSite site = site_;
    site.hash = finish(hash_);
    return site;
  }

 private:
  CallSite site_;
  std::uint64_t hash_ = kFnvOffset;
};

}  // namespace terrace::sites
