// SPDX-License-Identifier: Apache-2.0
// The memory that a probe measures: pages of a tier's nodes, or blocks of a DAX tier's device or
// file, which are given back with it. Move-only, one owner; allocates.
#pragma once

#include <cstddef>
#include <memory>
#include <variant>

#include <terrace/result.h>

#include "allocators/heap/os/node_pages.h"
#include "profiler/calibrate/probe.h"

namespace terrace::calibrate {

class ProbePages {
 public:
  /// `size` bytes, rounded up to whole blocks. Errors: kCapabilityMissing when a DAX tier has fewer
  /// blocks that nobody holds, or those of NodePages and BlockPool.
  static Result<ProbePages> map(Bytes size, const ProbeRequest& request);

  std::byte* data() const;
  std::size_t size() const;

 private:
  struct DaxBlocks;  ///< a pool, and what is mapped of it
  struct EndDaxBlocks {
    void operator()(DaxBlocks* blocks) const;
  };
  using Dax = std::unique_ptr<DaxBlocks, EndDaxBlocks>;

  explicit ProbePages(os::NodePages pages) : pages_(std::move(pages)) {}
  explicit ProbePages(Dax blocks) : pages_(std::move(blocks)) {}
  static Result<Dax> map_blocks(std::uint32_t count, const ProbeRequest& request);

  std::variant<os::NodePages, Dax> pages_;
};

}  // namespace terrace::calibrate
