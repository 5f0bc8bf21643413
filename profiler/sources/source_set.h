// SPDX-License-Identifier: Apache-2.0
// One of each access source, of which one is at work. The recorder's way to it: with() calls a
// body with the source in its own type, since resident code has no virtual functions (a pure one
// would need the C++ runtime).
// Resident: constant-initialised, one owner.
#pragma once

#include "profiler/sources/access_source.h"
#include "profiler/sources/damon.h"
#include "profiler/sources/memory_samples.h"
#include "profiler/sources/present_bits.h"
#include "profiler/sources/referenced_bits.h"
#include "profiler/sources/write_tracking.h"

namespace terrace::sources {

class SourceSet {
 public:
  constexpr SourceSet() = default;

  /// Makes this source the one at work. kCapabilityMissing also for a source that the recorder does
  /// not drive.
  Status open(session::SourceKind kind, const Field& field);
  bool is_open() const { return open_; }
  session::SourceKind kind() const { return kind_; }
  const Traits& traits() const;
  /// What a count of the one at work stands for; 0: its block.
  Bytes per_observation() const;
  /// Whose events have to be opened before the program starts threads.
  MemorySamples& samples() { return samples_; }
  void close();
  /// In a fork's child: what the parent's kernel objects are stays as it is.
  void abandon_in_child();

  /// body(source) of the one at work; its value, or `otherwise` when none is.
  template <typename Body>
  int with(Body body) {
    return open_ ? with_kind(kind_, body) : kNone;
  }
  static constexpr int kNone = -1;

 private:
  template <typename Body>
  int with_kind(session::SourceKind kind, Body body) {
    switch (kind) {
      case session::SourceKind::kPresentBits:
        return body(present_);
      case session::SourceKind::kReferencedBits:
        return body(referenced_);
      case session::SourceKind::kDamon:
        return body(damon_);
      case session::SourceKind::kMemorySamples:
        return body(samples_);
      case session::SourceKind::kWriteTracking:
        return body(writes_);
      default:
        return kNone;
    }
  }

  PresentBits present_;
  ReferencedBits referenced_;
  WriteTracking writes_;
  MemorySamples samples_;
  Damon damon_;
  session::SourceKind kind_ = session::SourceKind::kPresentBits;
  bool open_ = false;
};

}  // namespace terrace::sources
