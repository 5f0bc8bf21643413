// SPDX-License-Identifier: Apache-2.0
// Rules about the documentation as a whole: links that lead somewhere, and files that can be found.
// Pure functions over what lint_main.cc has read; allocate.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "tests/lint/rules.h"

namespace terrace::lint {

struct Documents {
  std::vector<SourceFile> documents;  ///< Markdown
  std::set<std::string> files;        ///< whatever a link may lead to, from the root
};

/// Each link that is no address of the network leads to a file, a folder or a heading that exists.
Findings check_links(const Documents& all);

/// Every file in the folder of `index` can be reached from there by links. One to a folder reaches
/// all that is in it.
Findings check_reachable(const std::string& index, const Documents& all);

}  // namespace terrace::lint
