// SPDX-License-Identifier: Apache-2.0
#include "profiler/heat/blocks.h"

#include "allocators/base/block_bytes.h"

namespace terrace::heat {

double bytes_of_block(const session::Object& object, std::size_t block) {
  return static_cast<double>(bytes_in_block(Bytes(object.record.size_bytes), block).value);
}

double bytes_of_count(const session::Session& session, const session::Object& object,
                      session::SourceKind source, std::size_t block) {
  for (const session::SourceUse& use : session.sources) {
    if (use.record.source != static_cast<std::uint32_t>(source)) continue;
    if (use.record.bytes_per_observation == 0) break;
    return static_cast<double>(use.record.bytes_per_observation);
  }
  return bytes_of_block(object, block);
}

bool is_emulated_link(const session::Session& session, std::size_t tier) {
  return tier < session.tiers.size() &&
         session.tiers[tier].backing == static_cast<std::uint8_t>(BackingKind::kEmulatedLink);
}

}  // namespace terrace::heat
