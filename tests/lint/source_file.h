// SPDX-License-Identifier: Apache-2.0
// A source file as the rules see it: its lines, and the same lines with comments, strings and
// character literals blanked, so that a rule about code does not read prose.
// Plain values; allocates.
#pragma once

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

}  // namespace terrace::lint
