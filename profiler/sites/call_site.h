// SPDX-License-Identifier: Apache-2.0
// Captures the call-site of a large allocation: up to kMaxFrames return addresses and a hash over
// module name and offset, the same in every run whatever the load addresses.
// Thread-safe, async-signal-safe, allocates nothing, takes no lock; the work is bounded (32
// frames). Cost: docs/adr/0028-call-sites.md, from bench/micro/call_site_benchmark.
#pragma once

#include "allocators/base/site_key.h"

namespace terrace::sites {

/// The stack above the caller; frames inside the shim itself are left out, so that the same
/// program point hashes the same through malloc, operator new or posix_memalign.
CallSite capture();

/// The same site by the thorough way alone; for tests and measurements.
CallSite capture_by_unwinder();

/// Modules are about to be unloaded or have been: what is known of their code is void.
void forget_modules();

/// The site of a file mapping: base name, size and offset.
CallSite file_site(const char* path, std::uint64_t file_bytes, std::uint64_t offset);

}  // namespace terrace::sites
