// SPDX-License-Identifier: Apache-2.0
#include "allocators/extent/copy_remap.h"

#include <cerrno>

#include "allocators/extent/post_copy.h"
#include "allocators/extent/pre_copy.h"
#include "allocators/os/userfault.h"

namespace terrace::extent {
namespace {

bool whole_pages(const void* at, Bytes size) {
  return size.value != 0 && size.value % kPageBytes.value == 0 &&
         reinterpret_cast<std::uintptr_t>(at) % kPageBytes.value == 0;
}

RemapReport refused(int error) {
  RemapReport report;
  report.error = error;
  return report;
}

}  // namespace

Result<CopyRemap> CopyRemap::open() {
  for (const os::FaultUse use : {os::FaultUse::kHold, os::FaultUse::kFence}) {
    const auto faults = os::UserFault::open(use);
    if (!faults) return faults.error();
  }
  CopyRemap remap;
  remap.possible_ = true;
  return remap;
}

RemapReport CopyRemap::to_file(void* at, Bytes size, int fd, std::uint64_t offset, void* view,
                               CopyBytes copy, const RemapLimits& limits) const {
  if (!possible_) return refused(EOPNOTSUPP);
  if (!whole_pages(at, size)) return refused(EINVAL);
  PreCopy exchange(at, size, {fd, offset, view}, copy);
  return exchange.run(limits);
}

RemapReport CopyRemap::to_private(void* at, Bytes size, const void* view, const os::NodeMask& nodes,
                                  os::Binding binding) const {
  if (!possible_) return refused(EOPNOTSUPP);
  if (!whole_pages(at, size)) return refused(EINVAL);
  PostCopy exchange(at, size, view);
  return exchange.run(nodes, binding);
}

}  // namespace terrace::extent
