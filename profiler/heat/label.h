// SPDX-License-Identifier: Apache-2.0
// Names for people: a frame as its symbol, an object as its file or the innermost calls that say
// something. Last stage of the heat map. Holds the symbols of the modules it has met; one labeller
// per thread; allocates and reads the modules' files.
#pragma once

#include <map>
#include <string>

#include "profiler/os/elf_symbols.h"
#include "profiler/session/session_reader.h"

namespace terrace::heat {

class Labeller {
 public:
  /// "symbol", or "module+0xoffset" when the module cannot be read or has no symbol there.
  std::string name(const session::Frame& frame);
  /// The base name of a file; else, without frames, the one name that it has; else up to two
  /// informative symbols, innermost first, as "a < b"; else "module+0xoffset" of the innermost
  /// frame outside the allocators; else the origin.
  std::string label(const session::Object& object);

 private:
  std::string symbol(const session::Frame& frame);

  std::map<std::string, os::ElfSymbols> modules_;
};

}  // namespace terrace::heat
