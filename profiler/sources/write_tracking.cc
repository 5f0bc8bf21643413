// SPDX-License-Identifier: Apache-2.0
#include "profiler/sources/write_tracking.h"

#include <cerrno>

namespace terrace::sources {
namespace {

Bytes size_of(const BlockRun& run) {
  return Bytes(std::uint64_t{run.blocks} << kBlockShift);
}

}  // namespace

Status WriteTracking::open(const Field&) {
  auto faults = os::UserFault::open(os::FaultUse::kTracking);
  if (!faults) return faults.error();
  auto pages = os::PagePresence::open();
  if (!pages) return pages.error();
  faults_ = std::move(*faults);
  pages_ = std::move(*pages);
  return ok_status();
}

int WriteTracking::begin_run(const BlockRun& run) {
  if (const int error = faults_.watch_writes(run.at, size_of(run)); error != 0) return error;
  return faults_.protect_writes(run.at, size_of(run));
}

int WriteTracking::end_run(const BlockRun& run, std::uint32_t* counts) {
  const int error = pages_.count_written(run.at, run.blocks, counts);
  const int ended = faults_.unwatch(run.at, size_of(run));
  if (error == EPERM) return ENOENT;
  // EINVAL: the program has unmapped a part of it meanwhile, which ended the watching there.
  return error != 0 || ended == EINVAL ? error : ended;
}

void WriteTracking::close() {
  faults_.close();
  pages_.close();
}

}  // namespace terrace::sources
