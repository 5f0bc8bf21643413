// SPDX-License-Identifier: Apache-2.0
// Reads and writes the C API's structs, whose first field is the size that the caller knows. A
// caller older than the library gives less: what is missing has its default. A newer one gives
// more: that is understood as long as what is not known here is zero.
// Pure; thread-safe; never allocates but for the texts.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include <terrace/kv.h>

#include "tiering/capi/failure.h"

namespace terrace::capi {

/// No struct of the API is larger; what is beyond is an uninitialised size.
inline constexpr std::uint32_t kLargestStruct = 1u << 16;

/// The size of each struct in the first version, which no caller gives less than.
template <typename T>
inline constexpr std::uint32_t kFirstSize = sizeof(T);
template <>
inline constexpr std::uint32_t kFirstSize<terrace_options> = offsetof(terrace_options, flags);
template <>
inline constexpr std::uint32_t kFirstSize<terrace_traffic> = offsetof(terrace_traffic, lost_bytes);
template <>
inline constexpr std::uint32_t kFirstSize<terrace_kv_options> = offsetof(terrace_kv_options,
                                                                         recompute_growth_ppm);
template <>
inline constexpr std::uint32_t kFirstSize<terrace_kv_info> = offsetof(terrace_kv_info, kept_blocks);

template <typename T>
terrace_status check_size(std::uint32_t size, const char* name) {
  if (size >= kFirstSize<T> && size <= kLargestStruct) return TERRACE_OK;
  return fail(TERRACE_BAD_STRUCT, "%s.struct_size is %u; set it to sizeof(%s), which is %zu here",
              name, size, name, sizeof(T));
}

template <typename T>
terrace_status read_struct(const T* from, const char* name, T& into) {
  if (from == nullptr) return fail(TERRACE_BAD_ARGUMENT, "%s: a null pointer", name);
  const terrace_status checked = check_size<T>(from->struct_size, name);
  if (checked != TERRACE_OK) return checked;
  const auto* const bytes = reinterpret_cast<const unsigned char*>(from);
  for (std::uint32_t at = sizeof(T); at < from->struct_size; ++at) {
    if (bytes[at] == 0) continue;
    return fail(TERRACE_BAD_STRUCT,
                "%s has a field at byte %u that this library (%u.%u) does not know; use a newer "
                "library",
                name, at, terrace_version() / 10000, terrace_version() / 100 % 100);
  }
  into = T{};
  std::memcpy(&into, from, std::min<std::size_t>(sizeof(T), from->struct_size));
  return TERRACE_OK;
}

/// Fills as much of the caller's struct as both know; its size stays. What is beyond becomes zero.
template <typename T>
terrace_status write_struct(const T& from, const char* name, T* into) {
  if (into == nullptr) return fail(TERRACE_BAD_ARGUMENT, "%s: a null pointer", name);
  const std::uint32_t size = into->struct_size;
  const terrace_status checked = check_size<T>(size, name);
  if (checked != TERRACE_OK) return checked;
  std::memset(into, 0, size);
  std::memcpy(into, &from, std::min<std::size_t>(sizeof(T), size));
  into->struct_size = size;
  return TERRACE_OK;
}

}  // namespace terrace::capi
