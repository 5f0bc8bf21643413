// SPDX-License-Identifier: Apache-2.0
// One device or file mapped by libpmem2, and libpmem2's streaming copy: for programs that link
// Terrace, for the mover and for the command line, which learns size, alignment and granularity
// here before it hands a path to the shim. Not for the shim itself, which maps blocks by
// block_pool; a DaxMap takes no part in who holds which block.
// A DaxMap may be used by several threads; its functions allocate.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include <terrace/result.h>
#include <terrace/units.h>

namespace terrace::backing {

/// What a store must do to become durable, which tells what is behind a mapping.
enum class Granularity : std::uint8_t {
  kByte,       ///< nothing: the CPU's caches are in the power-fail domain
  kCacheLine,  ///< flush the line: DAX
  kPage,       ///< msync: the page cache stands between, so the tier is storage, not memory
};

struct DaxFacts {
  std::string path;
  Bytes size;       ///< of a folder: what its filesystem has left for this user
  Bytes alignment;  ///< of offset, length and address of a mapping
  Granularity granularity = Granularity::kPage;
  bool is_device = false;
};

/// Opens, maps the least that can be mapped and closes again; of a folder, a file without a name
/// in it. Errors: kUsage for what is none of these or empty, kCapabilityMissing for rights, kIo
/// with libpmem2's own message, each with the remedy.
Result<DaxFacts> examine_dax(const std::string& path);

/// One sentence for people where the page cache stands between (kPage); else empty.
std::string granularity_warning(const DaxFacts& facts);

/// memcpy's contract, for bulk moves.
using StreamCopy = void (*)(void* to, const void* from, std::size_t size);

/// libpmem2's copy with streaming stores, from any memory to any other: it leaves the cache to the
/// program and does not read lines that it overwrites whole. The stores are seen by other threads
/// in order when it returns. It flushes nothing: a tier's content does not outlive its process.
/// Plain memcpy in a process without memory for libpmem2's own page.
StreamCopy streaming_copy();

class DaxMap {
 public:
  /// Maps [offset, offset + size) shared; both multiples of the alignment. Errors as examine_dax,
  /// kUsage for a range outside the device too.
  static Result<std::unique_ptr<DaxMap>> open(const std::string& path, std::uint64_t offset,
                                              Bytes size);
  ~DaxMap();
  DaxMap(const DaxMap&) = delete;
  DaxMap& operator=(const DaxMap&) = delete;

  const DaxFacts& facts() const;
  char* data() const;
  Bytes size() const;
  /// streaming_copy() into or out of the map; the ranges do not overlap.
  void stream(void* to, const void* from, Bytes size) const;

 private:
  struct Handle;  ///< libpmem2's, kept out of this header
  explicit DaxMap(std::unique_ptr<Handle> handle);
  std::unique_ptr<Handle> handle_;
};

}  // namespace terrace::backing
