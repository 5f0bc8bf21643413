// SPDX-License-Identifier: Apache-2.0
#include "profiler/os/loaded_module.h"

#include <dlfcn.h>
#include <link.h>
#include <string.h>
#include <unistd.h>

namespace terrace::os {

LoadedModule module_at(std::uintptr_t address) {
  dl_find_object found;
  if (_dl_find_object(reinterpret_cast<void*>(address), &found) != 0) return {};
  const link_map* map = found.dlfo_link_map;
  return {map, map->l_addr, map->l_name};
}

std::size_t module_path(const LoadedModule& module, char* out, std::size_t capacity) {
  if (module.name == nullptr || module.name[0] == '\0') {
    const ssize_t length = ::readlink("/proc/self/exe", out, capacity);
    return length > 0 ? static_cast<std::size_t>(length) : 0;
  }
  std::size_t used = 0;
  // The loader keeps a relative path as it was given to dlopen or found by LD_LIBRARY_PATH.
  if (module.name[0] != '/' && ::strchr(module.name, '/') != nullptr &&
      ::getcwd(out, capacity - 1) != nullptr) {
    used = ::strlen(out);
    out[used++] = '/';
  }
  const std::size_t length = ::strnlen(module.name, capacity - used);
  ::memcpy(out + used, module.name, length);
  return used + length;
}

}  // namespace terrace::os
