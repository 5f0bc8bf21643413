// SPDX-License-Identifier: Apache-2.0
// The one name of each access source and of each kind of look, for files, options and messages.
// Resident: constants only, thread-safe, never allocates.
#pragma once

#include "profiler/session/format.h"

namespace terrace::session {

/// nullptr for a source of a later version.
constexpr const char* name_of(SourceKind source) {
  switch (source) {
    case SourceKind::kPresentBits:
      return "present-bits";
    case SourceKind::kLinkFaults:
      return "link-faults";
    case SourceKind::kReferencedBits:
      return "referenced-bits";
    case SourceKind::kMemorySamples:
      return "memory-samples";
    case SourceKind::kDamon:
      return "damon";
    case SourceKind::kWriteTracking:
      return "write-tracking";
    case SourceKind::kHints:
      return "hints";
    case SourceKind::kHintedWrites:
      return "hinted-writes";
  }
  return nullptr;
}

/// nullptr for a kind of a later version.
constexpr const char* name_of(LookKind kind) {
  switch (kind) {
    case LookKind::kWindows:
      return "windows";
    case LookKind::kStep:
      return "step";
  }
  return nullptr;
}

}  // namespace terrace::session
