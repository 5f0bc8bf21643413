// SPDX-License-Identifier: Apache-2.0
// Names of an object's parts as the report's pictures use them: rows that follow tensors, and one
// word for what an object is. Thread-safe; allocates.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "profiler/heat/heat_map.h"
#include "profiler/session/session_reader.h"

namespace terrace::report {

/// Consecutive blocks, and what lies in them.
struct NamedPart {
  std::size_t first_block = 0;
  std::size_t blocks = 0;
  std::string name;  ///< of the one tensor, or what several have in common; empty: no name
};

/// The object in parts of `blocks_per_part` or more, cut where tensors end as nearly as blocks
/// allow. Empty when nobody named it.
std::vector<NamedPart> named_parts(const heat::ObjectHeat& object, double blocks_per_part);

/// The class of most of its named bytes ("weight", "kv"), else its origin ("heap", "file").
std::string class_word(const heat::ObjectHeat& object);
std::string class_word(const session::Object& object);

}  // namespace terrace::report
