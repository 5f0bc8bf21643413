// SPDX-License-Identifier: Apache-2.0
#include "tiering/runtime/live_heat.h"

#include "allocators/os/mapping.h"

namespace terrace::runtime {
namespace {

constexpr double kKept = 7.0 / 8;

double seconds_of(Nanoseconds time) {
  return static_cast<double>(time.value) * 1e-9;
}

}  // namespace

Status LiveHeat::open(std::uint64_t blocks) {
  const Bytes table = round_up_to_block(Bytes(blocks * sizeof(Entry)));
  void* const memory = os::reserve_address_space(table);
  if (memory == nullptr || os::map_private(memory, table, os::PageAdvice::kNone) != 0) {
    return make_error(ErrorCode::kIo, 0, "recording: no address space for %llu blocks",
                      static_cast<unsigned long long>(blocks));
  }
  entries_ = static_cast<Entry*>(memory);
  return ok_status();
}

void LiveHeat::Mean::add(const Sighting& sighting) {
  bytes = static_cast<float>(static_cast<double>(bytes) * kKept + sighting.bytes);
  seconds =
      static_cast<float>(static_cast<double>(seconds) * kKept + seconds_of(sighting.observed));
}

LiveHeat::Entry& LiveHeat::entry(std::uint32_t first_block, std::uint64_t object) {
  Entry& entry = entries_[first_block];
  if (entry.object != object) entry = {object, {}, {}};
  return entry;
}

void LiveHeat::source_saw(std::uint32_t first_block, std::uint64_t object,
                          const Sighting& sighting) {
  if (entries_ != nullptr) entry(first_block, object).source.add(sighting);
}

void LiveHeat::links_saw(std::uint32_t first_block, std::uint64_t object,
                         const Sighting& sighting) {
  if (entries_ != nullptr) entry(first_block, object).links.add(sighting);
}

void LiveHeat::settle(Nanoseconds observed) {
  if (observed.value == 0) return;
  tier_seconds_ = tier_seconds_ * kKept + seconds_of(observed);
  for (TierMean& tier : tiers_) {
    tier.bytes = tier.bytes * kKept + tier.now;
    tier.now = 0;
  }
}

double LiveHeat::bytes_per_second(std::uint32_t first_block, std::uint64_t object) const {
  if (entries_ == nullptr || entries_[first_block].object != object) return 0;
  return entries_[first_block].source.rate() + entries_[first_block].links.rate();
}

double LiveHeat::tier_bytes_per_second(std::uint32_t tier) const {
  return has_tiers() ? tiers_[tier].bytes / tier_seconds_ : 0;
}

}  // namespace terrace::runtime
