// SPDX-License-Identifier: Apache-2.0
// What a part of a recorded object is: a tensor, an expert of one, a KV cache. Found after the run
// (tiering/names) or told by the engine, kept in the session as chunks of kind 10, and joined with
// heat by profiler/heat/named_heat.h. Plain values: thread-safe when not written; names allocate.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <terrace/units.h>

namespace terrace::session {

enum class MemoryClass : std::uint8_t {
  kUnknown = 0,
  kWeight = 1,      ///< read whole each step, unless it is an embedding
  kExpert = 2,      ///< weights of one routed expert
  kKv = 3,          ///< keys and values of the context, or a recurrent state
  kActivation = 4,  ///< what layers hand on, and the step's results
  kScratch = 5,     ///< working memory within a step
  kStaging = 6,     ///< on the way from a file to its place
};
inline constexpr std::uint8_t kLastMemoryClass = 6;

/// How the name was found.
enum class NamedHow : std::uint8_t {
  kExactFile = 0,     ///< the object is the file's own bytes at a known offset
  kOrderAndSize = 1,  ///< tensors in the engine's order fill the buffer to the byte
  kSiteRule = 2,      ///< by who allocated it
  kApi = 3,           ///< the engine said so
};
inline constexpr std::uint8_t kLastNamedHow = 3;

struct NamedRange {
  std::string name;  ///< "blk.7.ffn_down.weight", "blk.7.ffn_gate_exps.weight[3]"
  MemoryClass memory_class = MemoryClass::kUnknown;
  std::uint64_t first_byte = 0;  ///< from the object's beginning
  Bytes size;
  std::uint8_t confidence = 0;  ///< percent
  NamedHow how = NamedHow::kSiteRule;
};

/// The file that names came from, as it was when they were given.
struct NamesFile {
  std::string path;  ///< empty: no file
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint64_t size_bytes = 0;
  std::int64_t changed_ns = 0;  ///< CLOCK_REALTIME of the last change of its content

  bool same_content(const NamesFile& other) const {
    return device == other.device && inode == other.inode && size_bytes == other.size_bytes &&
           changed_ns == other.changed_ns;
  }
};

/// All names of one object, in order of address and without overlap.
struct ObjectNames {
  std::uint64_t object = 0;
  NamesFile file;
  std::vector<NamedRange> ranges;
};

/// "weight", "expert", "kv", "activation", "scratch", "staging", "unknown".
std::string_view name_of(MemoryClass memory_class);
/// Nothing: no such word.
std::optional<MemoryClass> memory_class_of(std::string_view word);
/// "exact-file", "order-and-size", "site-rule", "api".
std::string_view name_of(NamedHow how);

/// Layer and expert as the name tells them: the number after "blk.", "layers." or "h."; the one in
/// brackets at the end. -1: none.
std::int32_t layer_in(std::string_view name);
std::int32_t expert_in(std::string_view name);

}  // namespace terrace::session
