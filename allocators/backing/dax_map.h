// SPDX-License-Identifier: Apache-2.0
// One device or file mapped whole by libpmem2, with its streaming copy: for programs that link
// Terrace, for the mover and for the command line, which learns size, alignment and granularity
// here before it hands a path to the shim. Not for the shim itself, which maps blocks by
// block_pool. A DaxMap may be used by several threads; its functions allocate.
#pragma once

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
  Bytes size;
  Bytes alignment;  ///< of offset, length and address of a mapping
  Granularity granularity = Granularity::kPage;
  bool is_device = false;
};

/// Opens, maps and closes again. Errors: kUsage for what is no device or regular file,
/// kCapabilityMissing for rights, each with the remedy.
Result<DaxFacts> examine_dax(const std::string& path);

class DaxMap {
 public:
  /// Maps [offset, offset + size) shared; both multiples of the alignment.
  static Result<std::unique_ptr<DaxMap>> open(const std::string& path, std::uint64_t offset,
                                              Bytes size);
  ~DaxMap();
  DaxMap(const DaxMap&) = delete;
  DaxMap& operator=(const DaxMap&) = delete;

  const DaxFacts& facts() const;
  char* data() const;
  Bytes size() const;
  /// libpmem2's copy with streaming stores, into or out of the map; the ranges do not overlap.
  /// Not durable: a tier's content does not outlive its process.
  void stream(void* to, const void* from, Bytes size) const;

 private:
  struct Handle;  ///< libpmem2's, kept out of this header
  explicit DaxMap(std::unique_ptr<Handle> handle);
  std::unique_ptr<Handle> handle_;
};

}  // namespace terrace::backing
