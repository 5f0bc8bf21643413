// SPDX-License-Identifier: Apache-2.0
// Captures the call-site of a large allocation: up to kMaxFrames return addresses and a hash over
// module name and offset, the same in every run whatever the load addresses.
// Thread-safe, allocates nothing, takes no lock that malloc's callers could hold
// (_dl_find_object is lock-free); a few microseconds for each call, so for large objects only.
#pragma once

#include "allocators/base/site_key.h"

namespace terrace::sites {

/// The stack above the caller; frames inside the shim itself are left out, so that the same
/// program point hashes the same through malloc, operator new or posix_memalign.
CallSite capture();

/// The site of a file mapping: base name, size and offset.
CallSite file_site(const char* path, std::uint64_t file_bytes, std::uint64_t offset);

}  // namespace terrace::sites
