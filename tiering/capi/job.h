// SPDX-License-Identifier: Apache-2.0
// One order to move a tensor, as the queue has it. The lock Context::control guards it, but for
// what is set before it is queued. Allocates.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <terrace/terrace.h>
#include <terrace/units.h>

#include "tiering/capi/tensor.h"

namespace terrace::capi {

/// Blocks of one piece: 16 MiB, some milliseconds. Between two pieces a job gives way.
inline constexpr std::uint32_t kPieceBlocks = 8;

struct Job {
  std::shared_ptr<Tensor> tensor;
  std::uint32_t to = 0;
  std::int32_t priority = 0;
  bool makes_room = false;

  std::uint32_t next = 0;  ///< block of the tensor
  std::uint32_t end = 0;
  terrace_job_state state = TERRACE_JOB_WAITING;
  bool cancelled = false;
  terrace_status result = TERRACE_OK;
  std::string reason;
  Bytes total;
  Bytes moved;
  Bytes evicted;
  Nanoseconds longest_hold;
};

}  // namespace terrace::capi
