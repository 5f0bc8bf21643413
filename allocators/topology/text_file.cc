// SPDX-License-Identifier: Apache-2.0
#include "allocators/topology/text_file.h"

#include <fstream>

namespace terrace {

std::optional<std::string> read_small_file(const std::string& path) {
  constexpr std::size_t kMost = std::size_t{1} << 20;
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  std::string text;
  char chunk[4096];
  do {
    file.read(chunk, sizeof chunk);
    text.append(chunk, static_cast<std::size_t>(file.gcount()));
  } while (file && text.size() < kMost);
  // A folder opens and then fails to read, without reaching its end.
  if (!file && !file.eof()) return std::nullopt;
  return text;
}

}  // namespace terrace
