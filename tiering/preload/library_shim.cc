// SPDX-License-Identifier: Apache-2.0
// dlclose as the program sees it: the next one's, and what call-sites know of unloaded code is
// forgotten. dlopen is left alone: it looks at who calls it. libc's own unloading (character sets,
// name services) passes us; there the module's place and tables tell (frame_module.h).
// Thread-safe, allocates nothing of its own.
#include "profiler/sites/call_site.h"
#include "tiering/preload/export.h"
#include "tiering/preload/next_heap.h"

using terrace::preload::call;
using terrace::preload::next;

extern "C" TERRACE_EXPORT int dlclose(void* library) {
  const int result = call(next.close_library, library);
  terrace::sites::forget_modules();
  return result;
}
