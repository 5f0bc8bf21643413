// SPDX-License-Identifier: Apache-2.0
// x86-64: SSE2's streaming stores, which every such CPU has. Four of them fill one line, and a line
// leaves the write-combining buffer whole; wider stores gain nothing where memory is the limit.
#include <emmintrin.h>

#include "allocators/backing/clear_kernel.h"

namespace terrace::backing {

void clear_streaming(void* at, std::size_t bytes) {
  auto* to = static_cast<__m128i*>(at);
  const __m128i* const end = to + bytes / sizeof(__m128i);
  const __m128i zero = _mm_setzero_si128();
  for (; to < end; to += 4) {
    _mm_stream_si128(to, zero);
    _mm_stream_si128(to + 1, zero);
    _mm_stream_si128(to + 2, zero);
    _mm_stream_si128(to + 3, zero);
  }
  _mm_sfence();  // streaming stores are ordered by nothing else
}

}  // namespace terrace::backing
