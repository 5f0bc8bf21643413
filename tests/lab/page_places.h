// SPDX-License-Identifier: Apache-2.0
// Where a process's own pages are, asked of the kernel page by page; for programs of the lab.
// Errors end the program with a message.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

namespace terrace::lab {

inline constexpr std::size_t kPage = 4096;

/// The node of each 4 KiB page in [at, at+size); negative errno where there is none.
std::vector<int> places(const void* at, std::size_t size);
/// Pages on each node; what is not present is under its negative errno.
std::map<int, std::uint64_t> count_places(const std::vector<int>& nodes);
/// Lines of /proc/self/maps that touch [at, at+size).
std::uint32_t mappings_in(const void* at, std::size_t size);
/// Private anonymous memory at a multiple of 2 MiB, never given back.
void* map_aligned(std::size_t size);

}  // namespace terrace::lab
