// SPDX-License-Identifier: Apache-2.0
// Stores that last: how bytes of a mapped pool get to what keeps them without power. Persistent
// memory is flushed by cache lines, a file by msync(). Used by store_records.h alone, so that its
// order of stores can be recorded, and every crash that it permits be tried (tests/property).
// What is stored may last from the instant of the store on, in any order by words of 8 bytes; it
// does so for certain when drain() has returned. One thread at a time. Allocates.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

#include <terrace/result.h>
#include <terrace/units.h>

namespace terrace::kv {

class StoreMedium {
 public:
  virtual ~StoreMedium() = default;
  /// memcpy() into the pool.
  virtual void copy(void* to, const void* from, Bytes size) = 0;
  /// One word, never seen by halves; `to` is aligned to 8 bytes.
  virtual void store_word(std::uint64_t* to, std::uint64_t value) = 0;
  /// Everything stored so far lasts. kIo: the storage failed.
  virtual Status drain() = 0;
  /// drain() is a wait for a file system.
  virtual bool by_msync() const = 0;
};

/// For a pool mapped at `base`.
using MakeMedium = std::function<std::unique_ptr<StoreMedium>(std::byte* base, Bytes size)>;

/// By libpmem: flushes where the mapping is persistent memory (DAX with MAP_SYNC), else msync().
std::unique_ptr<StoreMedium> medium_of(std::byte* base, Bytes size);

}  // namespace terrace::kv
