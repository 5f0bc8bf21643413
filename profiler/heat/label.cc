// SPDX-License-Identifier: Apache-2.0
#include "profiler/heat/label.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <string_view>

namespace terrace::heat {
namespace {

constexpr std::size_t kInformative = 2;

std::string_view base_name(std::string_view path) {
  return path.substr(path.find_last_of('/') + 1);  // npos + 1 is 0
}

std::string module_and_offset(const session::Frame& frame) {
  char offset[24];
  std::snprintf(offset, sizeof offset, "+0x%llx", static_cast<unsigned long long>(frame.offset));
  return (frame.module.empty() ? "?" : std::string(base_name(frame.module))) + offset;
}

// "ns::f<int>(char const*)::{lambda()#1}" -> "ns::f": what a table has room for.
std::string without_arguments(std::string_view whole) {
  constexpr std::string_view kAnonymous = "(anonymous namespace)::";
  std::string name(whole);
  for (auto at = name.find(kAnonymous); at != name.npos; at = name.find(kAnonymous)) {
    name.erase(at, kAnonymous.size());
  }
  std::string kept;
  int depth = 0;
  for (const char c : name) {
    if (c == '(' && depth == 0 && !kept.empty()) break;
    if (c == '<') ++depth;
    if (depth == 0) kept += c;
    if (c == '>' && depth > 0) --depth;
  }
  // A demangled template function begins with its return type.
  return kept.substr(kept.find_last_of(' ') + 1);
}

// Who was asked for memory says nothing about what it is for.
bool is_allocator(std::string_view name) {
  constexpr std::array<std::string_view, 11> kWhole = {
      "malloc",   "calloc", "realloc", "reallocarray", "posix_memalign",     "aligned_alloc",
      "memalign", "valloc", "pvalloc", "mmap",         "ggml_aligned_malloc"};
  constexpr std::array<std::string_view, 9> kParts = {"operator new",
                                                      "std::allocator",
                                                      "new_allocator",
                                                      "std::vector<",
                                                      "std::_Vector_base<",
                                                      "std::unique_ptr<",
                                                      "ggml_backend_cpu_buffer_type_alloc_buffer",
                                                      "ggml_backend_buft_alloc_buffer",
                                                      "ggml_backend_alloc_buffer"};
  return std::find(kWhole.begin(), kWhole.end(), without_arguments(name)) != kWhole.end() ||
         std::any_of(kParts.begin(), kParts.end(), [name](std::string_view part) {
           return name.find(part) != std::string_view::npos;
         });
}

bool is_shim(const session::Frame& frame) {
  return base_name(frame.module).starts_with("libterrace-preload");
}

const char* describe(std::uint32_t origin) {
  return origin == static_cast<std::uint32_t>(Origin::kAnonymous) ? "anonymous mapping"
                                                                  : "heap allocation";
}

}  // namespace

std::string Labeller::symbol(const session::Frame& frame) {
  if (frame.module.empty() || frame.offset == 0) return {};
  auto found = modules_.find(frame.module);
  if (found == modules_.end()) {
    found = modules_.emplace(frame.module, os::ElfSymbols::of_file(frame.module)).first;
  }
  // A return address may be the first byte after its function; the call is before it.
  return found->second.at(frame.offset - 1);
}

std::string Labeller::name(const session::Frame& frame) {
  const std::string found = symbol(frame);
  return found.empty() ? module_and_offset(frame) : found;
}

std::string Labeller::label(const session::Object& object) {
  if (!object.path.empty()) return std::string(base_name(object.path));
  // Without a call-site only the engine can have named it.
  if (object.frames.empty() && object.names.size() == 1) return object.names.front().name;
  std::string label;
  std::string fallback;
  std::size_t taken = 0;
  for (const session::Frame& frame : object.frames) {
    if (is_shim(frame) || taken == kInformative) continue;
    const std::string found = symbol(frame);
    if (found.empty()) {
      if (fallback.empty()) fallback = module_and_offset(frame);
      continue;
    }
    if (is_allocator(found)) continue;
    label += (taken == 0 ? "" : " < ") + without_arguments(found);
    ++taken;
  }
  if (!label.empty()) return label;
  return fallback.empty() ? describe(object.record.origin) : fallback;
}

}  // namespace terrace::heat
