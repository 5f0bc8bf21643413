// SPDX-License-Identifier: Apache-2.0
#include <terrace/tier.h>

#include "allocators/base/words.h"

namespace terrace {

const char* name_of(TierKind kind) {
  return word_of(kind, kKindWords);
}
const char* name_of(BackingKind backing) {
  return word_of(backing, kBackingWords);
}
const char* name_of(Use use) {
  return word_of(use, kUseWords);
}
const char* name_of(Provenance provenance) {
  return word_of(provenance, kProvenanceWords);
}

}  // namespace terrace
