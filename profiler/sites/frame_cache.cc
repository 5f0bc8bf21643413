// SPDX-License-Identifier: Apache-2.0
#include "profiler/sites/frame_cache.h"

#include <atomic>
#include <bit>

namespace terrace::sites {
namespace {

/// On a cache line of its own.
struct alignas(64) Entry {
  std::atomic<std::uint64_t> version;  ///< odd: being written
  std::atomic<std::uint64_t> address;
  std::atomic<std::uint64_t> identity;
  std::atomic<std::uint64_t> layout;
  std::atomic<std::uint64_t> key;
};
static_assert(sizeof(FrameLayout) == sizeof(std::uint64_t));

// 64 KiB that are touched as they are used. An engine's large allocations come from some hundred
// return addresses.
constexpr std::size_t kEntryBits = 10;
constexpr std::size_t kEntries = std::size_t{1} << kEntryBits;

constinit Entry entries[kEntries] = {};
constinit std::atomic<std::uint64_t> generation{1};

std::size_t slot_of(std::uintptr_t address) {
  return (address * 0x9e3779b97f4a7c15ULL) >> (64 - kEntryBits);
}

/// Acquire on every field keeps the second look at the version behind them.
bool read_entry(const Entry& entry, std::uintptr_t address, std::uint64_t identity,
                KnownFrame& known) {
  constexpr auto kAcquire = std::memory_order_acquire;
  const std::uint64_t version = entry.version.load(kAcquire);
  if ((version & 1) != 0) return false;
  const bool same =
      entry.address.load(kAcquire) == address && entry.identity.load(kAcquire) == identity;
  known.layout = std::bit_cast<FrameLayout>(entry.layout.load(kAcquire));
  known.key = entry.key.load(kAcquire);
  return same && entry.version.load(std::memory_order_relaxed) == version;
}

/// Release on every field keeps them behind the odd version.
void write_entry(Entry& entry, std::uintptr_t address, std::uint64_t identity,
                 const KnownFrame& known) {
  constexpr auto kRelease = std::memory_order_release;
  std::uint64_t version = entry.version.load(std::memory_order_relaxed);
  if ((version & 1) != 0) return;
  if (!entry.version.compare_exchange_strong(version, version + 1, std::memory_order_acq_rel)) {
    return;
  }
  entry.address.store(address, kRelease);
  entry.identity.store(identity, kRelease);
  entry.layout.store(std::bit_cast<std::uint64_t>(known.layout), kRelease);
  entry.key.store(known.key, kRelease);
  entry.version.store(version + 2, kRelease);
}

}  // namespace

bool find_known(std::uintptr_t address, std::uint64_t module_identity, KnownFrame& known) {
  const std::size_t slot = slot_of(address);
  return read_entry(entries[slot], address, module_identity, known) ||
         read_entry(entries[slot ^ 1], address, module_identity, known);
}

void remember_known(std::uintptr_t address, std::uint64_t module_identity,
                    const KnownFrame& known) {
  const std::size_t slot = slot_of(address);
  // The newer one stays in front; what it drives out may stay in the second place.
  Entry& front = entries[slot];
  const std::uint64_t old_address = front.address.load(std::memory_order_relaxed);
  KnownFrame old;
  const std::uint64_t old_identity = front.identity.load(std::memory_order_relaxed);
  if (old_address != 0 && old_address != address &&
      read_entry(front, old_address, old_identity, old)) {
    write_entry(entries[slot ^ 1], old_address, old_identity, old);
  }
  write_entry(front, address, module_identity, known);
}

std::uint64_t cache_generation() {
  return generation.load(std::memory_order_acquire);
}

void forget_all_known() {
  generation.fetch_add(1, std::memory_order_acq_rel);
}

}  // namespace terrace::sites
