// SPDX-License-Identifier: Apache-2.0
#include "profiler/heat/blocks.h"

#include <algorithm>

namespace terrace::heat {

double bytes_of_block(const session::Object& object, std::size_t block) {
  const std::uint64_t begin = static_cast<std::uint64_t>(block) << kBlockShift;
  return static_cast<double>(std::min(kBlockBytes.value, object.record.size_bytes - begin));
}

bool is_emulated_link(const session::Session& session, std::size_t tier) {
  return tier < session.tiers.size() &&
         session.tiers[tier].backing == static_cast<std::uint8_t>(BackingKind::kEmulatedLink);
}

}  // namespace terrace::heat
