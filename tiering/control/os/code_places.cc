// SPDX-License-Identifier: Apache-2.0
#include "tiering/control/os/code_places.h"

#include <elf.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <sstream>

namespace terrace::control::os {

std::uint64_t virtual_address(const std::string& path, std::uint64_t file_offset) {
  std::ifstream file(path, std::ios::binary);
  Elf64_Ehdr header{};
  if (!file.read(reinterpret_cast<char*>(&header), sizeof header) ||
      std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_ident[EI_CLASS] != ELFCLASS64 ||
      header.e_phentsize != sizeof(Elf64_Phdr)) {
    return file_offset;
  }
  file.seekg(static_cast<std::streamoff>(header.e_phoff));
  for (unsigned i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr segment{};
    if (!file.read(reinterpret_cast<char*>(&segment), sizeof segment)) break;
    if (segment.p_type != PT_LOAD || file_offset < segment.p_offset) continue;
    const std::uint64_t into = file_offset - segment.p_offset;
    if (into < segment.p_filesz) return segment.p_vaddr + into;
  }
  return file_offset;
}

CodePlaces CodePlaces::of(pid_t pid) {
  CodePlaces places;
  const std::string folder = "/proc/" + std::to_string(pid);
  places.root_ = folder + "/root";
  std::ifstream maps(folder + "/maps");
  for (std::string line; std::getline(maps, line);) {
    std::istringstream words(line);
    Range range;
    std::string rights;
    std::string device;
    std::string inode;
    char dash = 0;
    words >> std::hex >> range.begin >> dash >> range.end >> rights >> range.file_offset >>
        device >> inode >> std::ws;
    std::getline(words, range.path);
    const bool code = rights.size() > 2 && rights[2] == 'x';
    if (code && !range.path.empty() && range.path[0] == '/') places.ranges_.push_back(range);
  }
  return places;
}

CodePlace CodePlaces::at(std::uint64_t address) const {
  for (const Range& range : ranges_) {
    if (address < range.begin || address >= range.end) continue;
    // Its files may be in a container's own tree.
    const std::string there = root_ + range.path;
    const std::string path = access(there.c_str(), R_OK) == 0 ? there : range.path;
    return {path, virtual_address(path, address - range.begin + range.file_offset)};
  }
  return {};
}

}  // namespace terrace::control::os
