// SPDX-License-Identifier: Apache-2.0
// Names of a split recording's files: "a.000001.session" and so on where the user asked for
// "a.session". Six digits, so that a list in order of name is one in order of time.
// Thread-safe; allocates; looks at the folder.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace terrace::cli {

std::string segment_name(const std::string& session, std::uint32_t number);

struct NumberedFile {
  std::uint32_t number = 0;
  std::string path;
};
/// The files that have such a name, by number. Whether they are sessions is not looked at.
std::vector<NumberedFile> segments_named(const std::string& session);

}  // namespace terrace::cli
