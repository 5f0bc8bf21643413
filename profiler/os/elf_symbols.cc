// SPDX-License-Identifier: Apache-2.0
#include "profiler/os/elf_symbols.h"

#include <cxxabi.h>
#include <elf.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>

namespace terrace::os {
namespace {

// A byte range of untrusted content; reads outside give nothing.
struct Image {
  const unsigned char* data;
  std::uint64_t size;

  bool holds(std::uint64_t offset, std::uint64_t length) const {
    return offset <= size && length <= size - offset;
  }
  template <typename Record>
  bool read(std::uint64_t offset, Record& record) const {
    if (!holds(offset, sizeof record)) return false;
    std::memcpy(&record, data + offset, sizeof record);
    return true;
  }
};

bool read_section(const Image& image, const Elf64_Ehdr& header, std::uint32_t index,
                  Elf64_Shdr& section) {
  if (index >= header.e_shnum || header.e_shentsize != sizeof section) return false;
  const std::uint64_t offset = std::uint64_t{index} * sizeof section;
  return header.e_shoff <= image.size && image.read(header.e_shoff + offset, section);
}

bool find_section(const Image& image, const Elf64_Ehdr& header, std::uint32_t type,
                  Elf64_Shdr& section) {
  for (std::uint32_t i = 0; i < header.e_shnum; ++i) {
    if (!read_section(image, header, i, section)) return false;
    if (section.sh_type == type && image.holds(section.sh_offset, section.sh_size)) return true;
  }
  return false;
}

bool is_function(const Elf64_Sym& symbol) {
  const unsigned type = ELF64_ST_TYPE(symbol.st_info);
  return (type == STT_FUNC || type == STT_GNU_IFUNC) && symbol.st_shndx != SHN_UNDEF &&
         symbol.st_value != 0;
}

struct FreeName {
  void operator()(char* name) const { std::free(name); }
};

std::string demangled(const char* name) {
  int status = -1;
  const std::unique_ptr<char, FreeName> plain(abi::__cxa_demangle(name, nullptr, nullptr, &status));
  return status == 0 && plain ? plain.get() : name;
}

// A read-only mapping of a whole regular file.
class MappedFile {
 public:
  explicit MappedFile(const std::string& path) {
    // O_NONBLOCK: a session may name a FIFO as its module.
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return;
    struct stat status;
    if (::fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_size > 0) {
      size_ = static_cast<std::uint64_t>(status.st_size);
      data_ = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, fd, 0);
    }
    ::close(fd);
  }
  ~MappedFile() {
    if (valid()) ::munmap(data_, size_);
  }
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  bool valid() const { return data_ != MAP_FAILED; }
  const void* data() const { return data_; }
  std::uint64_t size() const { return size_; }

 private:
  void* data_ = MAP_FAILED;
  std::uint64_t size_ = 0;
};

}  // namespace

ElfSymbols ElfSymbols::of_file(const std::string& path) {
  const MappedFile file(path);
  return file.valid() ? of_image(file.data(), file.size()) : ElfSymbols{};
}

ElfSymbols ElfSymbols::of_image(const void* data, std::uint64_t size) {
  ElfSymbols made;
  const Image image{static_cast<const unsigned char*>(data), size};
  Elf64_Ehdr header;
  if (!image.read(0, header) || std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
      header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != ELFDATA2LSB) {
    return made;
  }
  Elf64_Shdr table;
  Elf64_Shdr strings;
  if (!find_section(image, header, SHT_SYMTAB, table) &&
      !find_section(image, header, SHT_DYNSYM, table)) {
    return made;
  }
  if (!read_section(image, header, table.sh_link, strings) || strings.sh_type != SHT_STRTAB ||
      !image.holds(strings.sh_offset, strings.sh_size)) {
    return made;
  }
  made.names_.assign(reinterpret_cast<const char*>(image.data + strings.sh_offset),
                     strings.sh_size);
  for (std::uint64_t at = 0; at + sizeof(Elf64_Sym) <= table.sh_size; at += sizeof(Elf64_Sym)) {
    Elf64_Sym symbol;
    if (!image.read(table.sh_offset + at, symbol)) break;
    if (!is_function(symbol) || symbol.st_name >= made.names_.size()) continue;
    made.symbols_.push_back({symbol.st_value, symbol.st_size, symbol.st_name});
  }
  // at() takes the last of equals: of aliases (malloc, __libc_malloc) the public name.
  const auto is_public = [&made](const Symbol& symbol) {
    return made.names_.compare(symbol.name, 2, "__") != 0;
  };
  std::sort(made.symbols_.begin(), made.symbols_.end(),
            [is_public](const Symbol& a, const Symbol& b) {
              return a.begin != b.begin ? a.begin < b.begin : is_public(a) < is_public(b);
            });
  return made;
}

std::string ElfSymbols::at(std::uint64_t address) const {
  auto after = std::upper_bound(
      symbols_.begin(), symbols_.end(), address,
      [](std::uint64_t wanted, const Symbol& symbol) { return wanted < symbol.begin; });
  if (after == symbols_.begin()) return {};
  const Symbol& symbol = *std::prev(after);
  // Assembly often states no size; such a symbol reaches to the next one.
  if (symbol.size != 0 && address - symbol.begin >= symbol.size) return {};
  return demangled(names_.c_str() + symbol.name);
}

}  // namespace terrace::os
