// SPDX-License-Identifier: Apache-2.0
#include "tiering/preload/os/memory_tool.h"

#include <dlfcn.h>
#include <link.h>
#include <sys/mman.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace terrace::preload::os {
namespace {

struct Tool {
  const char* library;  ///< what its file's name begins with
  const char* symbol;   ///< what a program exports that has it linked in; nullptr: never linked in
  const char* name;
};

/// GCC's runtimes are libraries, Clang's are mostly linked in. Valgrind puts vgpreload_core into
/// every process that it runs, whatever its tool.
constexpr Tool kTools[] = {
    {"libasan.so", "__asan_init", "AddressSanitizer"},
    {"libclang_rt.asan", "__asan_init", "AddressSanitizer"},
    {"libhwasan.so", "__hwasan_init", "HWAddressSanitizer"},
    {"libtsan.so", "__tsan_init", "ThreadSanitizer"},
    {"libclang_rt.tsan", "__tsan_init", "ThreadSanitizer"},
    {"libclang_rt.msan", "__msan_init", "MemorySanitizer"},
    {"liblsan.so", "__lsan_init", "LeakSanitizer"},
    {"vgpreload_", nullptr, "valgrind"},
    {"libheaptrack_preload", nullptr, "heaptrack"},
    {"libheaptrack_inject", nullptr, "heaptrack"},
};

int look_at_module(dl_phdr_info* module, std::size_t, void* found) {
  if (module->dlpi_name == nullptr) return 0;
  const char* const slash = std::strrchr(module->dlpi_name, '/');
  const char* const name = slash != nullptr ? slash + 1 : module->dlpi_name;
  for (const Tool& tool : kTools) {
    if (std::strncmp(name, tool.library, std::strlen(tool.library)) != 0) continue;
    *static_cast<const char**>(found) = tool.name;
    return 1;
  }
  return 0;
}

const char* linked_in() {
  const char* found = nullptr;
  for (const Tool& tool : kTools) {
    if (tool.symbol == nullptr || dlsym(RTLD_DEFAULT, tool.symbol) == nullptr) continue;
    found = tool.name;
    break;
  }
  // As in resolve_next_heap(): a look-up that fails leaves a message for the program's dlerror().
  dlsym(RTLD_NEXT, "free");
  return found;
}

bool is_mapped(std::uintptr_t address) {
  unsigned char resident = 0;
  return mincore(reinterpret_cast<void*>(address), 1, &resident) == 0;
}

/// GCC's -static-libasan exports no symbol. The shadow of x86-64's AddressSanitizer lies at a fixed
/// place (0x7fff8000, 16 TiB of it), and is there before any constructor runs.
const char* by_its_shadow() {
  const int saved = errno;
  const bool shadow =
      is_mapped(0x7fff8000) && is_mapped(0x02008fff7000) && is_mapped(0x10007fff7000);
  errno = saved;
  return shadow ? "AddressSanitizer" : nullptr;
}

}  // namespace

const char* memory_tool() {
  const char* found = nullptr;
  dl_iterate_phdr(&look_at_module, &found);
  if (found == nullptr) found = linked_in();
  return found != nullptr ? found : by_its_shadow();
}

}  // namespace terrace::preload::os
