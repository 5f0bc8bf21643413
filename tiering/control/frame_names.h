// SPDX-License-Identifier: Apache-2.0
// Names for the call-sites in a program's status, by the rules of the session report.
// Not thread-safe; allocates and reads the modules' files.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "allocators/base/site_key.h"

namespace terrace::control {

/// One object of the process `pid` as its status has it.
struct NamedObject {
  Origin origin = Origin::kHeap;
  std::string path;                   ///< of a file's object
  std::vector<std::uint64_t> frames;  ///< return addresses, innermost first
};

/// A label for each, in their order.
std::vector<std::string> name_objects(pid_t pid, const std::vector<NamedObject>& objects);

}  // namespace terrace::control
