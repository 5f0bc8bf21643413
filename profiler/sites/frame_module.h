// SPDX-License-Identifier: Apache-2.0
// Which module a return address is in, and the address's key: module name and offset, the same in
// every run. Used by both ways of walking a stack (stack_walk.h, unwinder_walk.h).
// Thread-safe, async-signal-safe: _dl_find_object takes no lock and allocates nothing.
#pragma once

#include <cstdint>

struct link_map;

namespace terrace::sites {

struct Module {
  std::uintptr_t begin = 0;
  std::uintptr_t end = 0;
  const void* index = nullptr;  ///< .eh_frame_hdr; nullptr: none
  const link_map* map = nullptr;

  bool contains(std::uintptr_t address) const { return address >= begin && address < end; }
};

/// map == nullptr: generated code, or no code at all.
Module find_module(std::uintptr_t address);

/// The library that this code is in. Nothing (map == nullptr) when that is the main program, whose
/// frames are what is asked for.
Module own_module();

std::uint64_t frame_key(std::uintptr_t return_address, const Module& module);

/// Generated code: its address differs in each run, that it was there does not.
std::uint64_t generated_key();

/// Tells modules apart that lie at one address one after the other.
std::uint64_t identity_of(const Module& module);

}  // namespace terrace::sites
