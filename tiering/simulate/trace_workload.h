// SPDX-License-Identifier: Apache-2.0
// A server that works through a request trace: weights, and a KV cache whose sequences come, grow
// and go. Requests are taken in order as soon as there is a place in the batch and room for all of
// their KV, as continuous batching does (G.-I. Yu et al., "Orca", OSDI 2022); a step is one token
// of each. When they arrived does not matter: the server is always busy. Prompts are not timed.
// Second stage after trace_reader.h. Thread-safe (no shared state); allocates.
#pragma once

#include <memory>
#include <string>

#include <terrace/result.h>

#include "tiering/simulate/comparison.h"
#include "tiering/simulate/trace_reader.h"

namespace terrace::simulate {

/// 8 GiB of weights and 8 GiB for the KV cache, 128 KiB a token (a model of 8 billion parameters
/// with grouped-query attention: 32 layers, 8 heads of 128, 16 bits, keys and values).
struct ServerShape {
  std::uint32_t weight_blocks = 4096;
  std::uint32_t kv_blocks = 4096;
  std::uint32_t tokens_per_block = 16;
  std::uint32_t batch = 32;
};

/// The plan is made from the first half of the requests, the run is the second half. The whole file
/// is checked first. Errors are those of count_requests.
Result<WorkloadSource> trace_source(const std::string& path, TraceFormat format,
                                    const ServerShape& shape);

/// From request `first` (counted from 0) on. A request longer than half of the cache is cut to it.
/// A file that changes while it is read ends the workload.
Result<std::unique_ptr<Workload>> make_trace_workload(const std::string& path, TraceFormat format,
                                                      const ServerShape& shape,
                                                      std::uint64_t first);

}  // namespace terrace::simulate
