// SPDX-License-Identifier: Apache-2.0
// Which loaded shared object an address lies in, for the frames in a session.
// Thread-safe and lock-free: _dl_find_object (glibc 2.35) takes no loader lock, so it may run in
// malloc under dlopen. Allocates nothing.
#pragma once

#include <cstddef>
#include <cstdint>

namespace terrace::os {

struct LoadedModule {
  const void* identity = nullptr;  ///< the loader's handle; null: no module holds the address
  std::uintptr_t load_bias = 0;    ///< address minus this is the address in the file
  const char* name = nullptr;      ///< as the loader has it; empty for the main program
};

LoadedModule module_at(std::uintptr_t address);

/// Writes the module's absolute path into `out`, cut at `capacity`; no NUL. Returns its length,
/// 0 when it cannot be known.
std::size_t module_path(const LoadedModule& module, char* out, std::size_t capacity);

}  // namespace terrace::os
