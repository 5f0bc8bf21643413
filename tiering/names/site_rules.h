// SPDX-License-Identifier: Apache-2.0
// What an object is by who allocated it: rules over the symbols and modules of its stack, its size
// and its turn among the objects that the rule matches. Read from TOML ([[site]] tables); a
// built-in set knows llama.cpp and PyTorch (docs/names.md). Third step of naming. Files are
// untrusted. Thread-safe; allocates.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <terrace/result.h>

#include "profiler/session/session_reader.h"

namespace terrace::names {

struct SiteRule {
  std::string place;  ///< file:line, for messages
  std::string name;   ///< "{n}" in it becomes the turn, counted from 0
  session::MemoryClass memory_class = session::MemoryClass::kUnknown;
  std::vector<std::string> symbols;  ///< each has to match some frame
  std::vector<std::string> without;  ///< none may match any frame
  std::string module;                ///< base name of some frame's file; empty: any
  Bytes min_size;
  std::optional<Bytes> max_size;
  std::optional<std::uint64_t> turn;  ///< only the so manieth object that fits the rest, from 0
  std::uint8_t confidence = 90;
};

/// Symbols and modules are patterns with '*' and '?'; a symbol's pattern may match any part of the
/// name, a module's the whole. Errors are kUsage with file, line, key and remedy.
Result<std::vector<SiteRule>> parse_site_rules(const std::string& text, const std::string& path);
Result<std::vector<SiteRule>> read_site_rules(const std::string& path);
/// The built-in set as a user would write it.
const std::string& default_site_rules();

/// An object as rules see it.
struct SiteFacts {
  std::vector<std::string> symbols;  ///< of its frames, innermost first
  std::vector<std::string> modules;  ///< base names, as many
  Bytes size;
};

/// Does the object fit the rule, its turn apart?
bool matches(const SiteRule& rule, const SiteFacts& facts);

}  // namespace terrace::names
