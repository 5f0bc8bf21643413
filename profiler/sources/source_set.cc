// SPDX-License-Identifier: Apache-2.0
#include "profiler/sources/source_set.h"

namespace terrace::sources {

Status SourceSet::open(session::SourceKind kind, const Field& field) {
  close();
  const char* const name = session::name_of(kind);
  Status opened =
      make_error(ErrorCode::kCapabilityMissing, 0,
                 "%s: the recorder does not drive this source; name another with --source",
                 name != nullptr ? name : "?");
  with_kind(kind, [&](auto& source) {
    opened = source.open(field);
    return 0;
  });
  open_ = opened.ok();
  kind_ = kind;
  return opened;
}

const Traits& SourceSet::traits() const {
  const Traits* found = &PresentBits::kTraits;
  const_cast<SourceSet*>(this)->with_kind(kind_, [&](const auto& source) {
    found = &source.kTraits;
    return 0;
  });
  return *found;
}

Bytes SourceSet::per_observation() const {
  return kind_ == session::SourceKind::kMemorySamples ? samples_.per_observation()
                                                      : traits().per_observation;
}

void SourceSet::close() {
  with([](auto& source) {
    source.close();
    return 0;
  });
  open_ = false;
}

void SourceSet::abandon_in_child() {
  with([](auto& source) {
    if constexpr (requires { source.abandon_in_child(); }) {
      source.abandon_in_child();
    } else {
      source.close();
    }
    return 0;
  });
  open_ = false;
}

}  // namespace terrace::sources
