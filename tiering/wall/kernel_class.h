// SPDX-License-Identifier: Apache-2.0
// What kind of kernels work on the weights: it decides how much of a memory's bandwidth decoding
// gets. First step of every prediction. Pure functions: thread-safe, never allocate.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace terrace::wall {

enum class KernelClass : std::uint8_t {
  kGpu = 0,     ///< a graphics processor with tensor units; unpacking hides behind the reads
  kMetal = 1,   ///< Apple's graphics processors
  kHost = 2,    ///< processor cores
  kHybrid = 3,  ///< dense layers on a graphics processor, routed experts on the cores
};

/// What a weight format asks of the kernel before it can multiply.
enum class FormatFamily : std::uint8_t {
  kPlain = 0,   ///< as it is multiplied: f32, f16, bf16, fp8
  kBlock = 1,   ///< one scale a block: q8_0, q4_0, int8, mxfp4
  kNested = 2,  ///< scales of scales, or look-up tables: the k and iq formats and their mixes
};

/// Do reads wait for unpacking?
enum class Unpacking : std::uint8_t {
  kHidden = 0,  ///< the kernel keeps up with the memory
  kSlows = 1,   ///< instructions between the reads take part of the bandwidth
};

Unpacking unpacking_of(KernelClass kernels, FormatFamily family);

/// By the name of a weight format or mix, in either case: "Q4_K_M", "f16", "iq4_xs", "mxfp4".
FormatFamily family_of(std::string_view format);

/// What a piece of hardware is called in lists of results: "RTX 4090", "M2 Pro CPU",
/// "2x Xeon Gold 6454S + 4090". Graphics processor when nothing in the name says otherwise.
KernelClass class_of_hardware(std::string_view name);

/// "gpu-cuda", "gpu-metal", "cpu", "cpu-avx512-amx", "hybrid-offload" and the like.
std::optional<KernelClass> class_by_name(std::string_view name);

const char* name_of(KernelClass kernels);

}  // namespace terrace::wall
