// SPDX-License-Identifier: Apache-2.0
#include "profiler/sources/source_set.h"

namespace terrace::sources {

Status SourceSet::open(session::SourceKind kind, const Field& field) {
  close();
  Status opened = make_error(ErrorCode::kCapabilityMissing, 0, "%s: no source of the recorder",
                             session::name_of(kind));
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

void SourceSet::close() {
  with([](auto& source) {
    source.close();
    return 0;
  });
  open_ = false;
}

}  // namespace terrace::sources
