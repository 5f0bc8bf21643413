// SPDX-License-Identifier: Apache-2.0
// x86-64: AVX-512, AVX2 or the base's SSE2, by what the CPU has.
#include "profiler/calibrate/stream_kernel.h"
#include "profiler/calibrate/stream_loop.h"

namespace terrace::calibrate {
namespace {

__attribute__((target("avx512f"))) std::uint64_t sum_avx512(const std::byte* data,
                                                            std::size_t bytes) {
  return stream_loop<64>(data, bytes);
}

__attribute__((target("avx2"))) std::uint64_t sum_avx2(const std::byte* data, std::size_t bytes) {
  return stream_loop<32>(data, bytes);
}

std::uint64_t sum_sse2(const std::byte* data, std::size_t bytes) {
  return stream_loop<16>(data, bytes);
}

}  // namespace

std::uint64_t stream_sum(const std::byte* data, std::size_t bytes) {
  if (__builtin_cpu_supports("avx512f")) return sum_avx512(data, bytes);
  if (__builtin_cpu_supports("avx2")) return sum_avx2(data, bytes);
  return sum_sse2(data, bytes);
}

}  // namespace terrace::calibrate
