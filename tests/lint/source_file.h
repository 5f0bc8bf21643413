// SPDX-License-Identifier: Apache-2.0
// A source file as the rules see it: its lines, and the same lines with comments, strings and
// character literals blanked, so that a rule about code does not read prose.
// Plain values; allocates.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace terrace::lint {

enum class Language : unsigned char {
  kCxx,     ///< .cc, .h, .hpp and .c
  kScript,  ///< shell, JavaScript, CSS and CMake: only the rules about any text
};

struct SourceFile {
  std::string path;  ///< from the repository's root
  Language language = Language::kCxx;
  std::vector<std::string> lines;
  std::vector<std::string> code;  ///< blanked; equal to `lines` for scripts
};

SourceFile parse_source(std::string path, Language language, std::string_view text);

/// A letter, a digit or an underscore.
bool is_word(char c);

/// The layers' folders, lowest first.
inline constexpr std::array<std::string_view, 3> kLayers = {"allocators", "profiler", "tiering"};
/// A layer's own, not its public headers.
bool in_sources_of_a_layer(std::string_view path);

}  // namespace terrace::lint
