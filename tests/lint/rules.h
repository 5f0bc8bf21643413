// SPDX-License-Identifier: Apache-2.0
// The project's own rules of form: what clang-format and clang-tidy cannot say. Each takes one file
// and returns what it finds. Pure functions; allocate.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "tests/lint/source_file.h"

namespace terrace::lint {

struct Finding {
  std::string path;
  std::size_t line = 0;  ///< from 1
  std::string rule;
  std::string text;
};

using Findings = std::vector<Finding>;

/// tiering -> profiler -> allocators, and none of them needs bench or tests; internal includes are
/// written from the root. `public_headers` has each <terrace/...> header's path from the root.
Findings check_includes(const SourceFile& file, const std::vector<std::string>& public_headers);

/// Kernel headers and system calls stand in folders named os/ (tests and bench excepted).
Findings check_system_calls(const SourceFile& file);

/// CMake picks files; the preprocessor picks nothing outside os/.
Findings check_conditionals(const SourceFile& file);

/// At most 600 lines.
Findings check_file_length(const SourceFile& file);

/// At most 70 lines from a function's first line to its closing brace.
Findings check_function_length(const SourceFile& file);

/// The licence in the first two lines, and #pragma once in headers.
Findings check_opening(const SourceFile& file);

/// A header says what it is for before anything else; inside a layer also who may use it at the
/// same time, and whether it allocates, in some of the words that say so.
Findings check_header_comment(const SourceFile& file);

/// Each exported declaration, type and inline function of a public header has its documentation
/// right above it, or stands in one block with one that has. Members are the type's affair.
Findings check_public_docs(const SourceFile& file);

/// A bool parameter with a default is a switch: the calls that give it say nothing but `true`.
Findings check_bool_defaults(const SourceFile& file);

/// What silences clang-tidy says why.
Findings check_suppressions(const SourceFile& file);

/// No words that promise later work.
Findings check_words(const SourceFile& file);

/// Tables with a column `shown by` name tests of `sources`: a file, or a GoogleTest `Suite.Case`.
Findings check_named_tests(const SourceFile& document, const std::vector<SourceFile>& sources);

/// Sources that documents name by path exist. `exists` is asked with paths from the root.
Findings check_named_paths(const SourceFile& document,
                           const std::function<bool(const std::string&)>& exists);

/// Every word of the C++ sources.
std::set<std::string> words_of(const std::vector<SourceFile>& sources);
/// What a walk through the code names between backquotes, as `Arena::carve`, is in a source.
Findings check_named_symbols(const SourceFile& walk, const std::set<std::string>& words);

/// All of them but those about documents.
Findings check_all(const SourceFile& file, const std::vector<std::string>& public_headers);

}  // namespace terrace::lint
