// SPDX-License-Identifier: Apache-2.0
#include "profiler/session/named_range.h"

#include <array>
#include <charconv>

namespace terrace::session {
namespace {

constexpr std::array<std::string_view, kLastMemoryClass + 1> kClasses = {
    "unknown", "weight", "expert", "kv", "activation", "scratch", "staging"};
constexpr std::array<std::string_view, kLastNamedHow + 1> kHows = {"exact-file", "order-and-size",
                                                                   "site-rule", "api"};

/// The number that `text` begins with, if `after` follows it.
std::int32_t number_before(std::string_view text, char after) {
  std::int32_t value = -1;
  const char* const end = text.data() + text.size();
  const auto [at, failed] = std::from_chars(text.data(), end, value);
  return failed == std::errc() && at != end && *at == after && value >= 0 ? value : -1;
}

}  // namespace

std::string_view name_of(MemoryClass memory_class) {
  const auto index = static_cast<std::size_t>(memory_class);
  return index < kClasses.size() ? kClasses[index] : kClasses[0];
}

std::optional<MemoryClass> memory_class_of(std::string_view word) {
  for (std::size_t i = 0; i < kClasses.size(); ++i) {
    if (kClasses[i] == word) return static_cast<MemoryClass>(i);
  }
  return std::nullopt;
}

std::string_view name_of(NamedHow how) {
  const auto index = static_cast<std::size_t>(how);
  return index < kHows.size() ? kHows[index] : "unknown";
}

std::int32_t layer_in(std::string_view name) {
  for (const std::string_view word : {"blk.", "layers.", "h."}) {
    for (auto at = name.find(word); at != name.npos; at = name.find(word, at + 1)) {
      if (at != 0 && name[at - 1] != '.') continue;
      const std::int32_t layer = number_before(name.substr(at + word.size()), '.');
      if (layer >= 0) return layer;
    }
  }
  return -1;
}

std::int32_t expert_in(std::string_view name) {
  const auto open = name.rfind('[');
  if (open == name.npos || !name.ends_with(']')) return -1;
  return number_before(name.substr(open + 1), ']');
}

}  // namespace terrace::session
