// SPDX-License-Identifier: Apache-2.0
#include "profiler/sites/frame_module.h"

#include <dlfcn.h>
#include <link.h>

#include <atomic>

#include "profiler/sites/site_hash.h"

namespace terrace::sites {
namespace {

/// The main program has no name in its link map; a fixed one keeps its sites the same when it is
/// copied or renamed.
const char* module_name(const link_map& module) {
  const char* name = base_name(module.l_name == nullptr ? "" : module.l_name);
  return *name == '\0' ? "[program]" : name;
}

bool is_program(const link_map& module) {
  return module.l_name == nullptr || *module.l_name == '\0';
}

std::uint64_t number(const void* pointer) {
  return reinterpret_cast<std::uintptr_t>(pointer);
}

}  // namespace

Module find_module(std::uintptr_t address) {
  dl_find_object found{};
  if (_dl_find_object(reinterpret_cast<void*>(address), &found) != 0) return {};
  return {reinterpret_cast<std::uintptr_t>(found.dlfo_map_start),
          reinterpret_cast<std::uintptr_t>(found.dlfo_map_end), found.dlfo_eh_frame,
          found.dlfo_link_map};
}

Module own_module() {
  const Module own = find_module(reinterpret_cast<std::uintptr_t>(&own_module));
  return own.map == nullptr || is_program(*own.map) ? Module{} : own;
}

std::uint64_t frame_key(std::uintptr_t return_address, const Module& module) {
  const std::uint64_t name = mix_text(kFnvOffset, module_name(*module.map));
  return finish(mix_number(name, return_address - module.map->l_addr));
}

std::uint64_t generated_key() {
  return finish(mix_text(kFnvOffset, "[generated]"));
}

std::uint64_t identity_of(const Module& module) {
  std::uint64_t identity = mix_key(0, number(module.map));
  identity = mix_key(identity, module.begin);
  identity = mix_key(identity, module.end);
  return mix_key(identity, number(module.index));
}

}  // namespace terrace::sites
