// SPDX-License-Identifier: Apache-2.0
// Makes the small file (schema 2) of one that a program wrote (schema 1), after the program closed
// it: last step of record. The file is replaced whole or not at all, by one of the same owner and
// mode 600. Not thread-safe for one path; allocates, a chunk at a time.
#pragma once

#include <string>

#include <terrace/result.h>
#include <terrace/units.h>

#include "profiler/session/format.h"

namespace terrace::session {

enum class Packing {
  kPacked,
  kLeftOpen,     ///< not closed in order, perhaps still written to: it stays as it is
  kLeftDamaged,  ///< a chunk is not whole: it stays as it is, for the reader to say where
  kLeftAlone,    ///< of another schema: packed already, or from a newer terrace
};

struct PackResult {
  Packing packing = Packing::kLeftAlone;
  Bytes before;
  Bytes after;  ///< only for kPacked
};

/// Errors: kIo with the reason when it cannot be read or no second file can be written; kUsage when
/// it is no session file. Either way the file is as it was.
Result<PackResult> pack_session(const std::string& path);

}  // namespace terrace::session
