// SPDX-License-Identifier: Apache-2.0
// Gives an object's blocks their pages: runs of equal tier are mapped from that tier's backing.
// Third file on the walk of docs/life-of-an-allocation.md. Serialised by the runtime's lock; never
// allocates from the heap; errors as errno values.
#pragma once

#include <atomic>
#include <cstdint>

#include <terrace/tier.h>

#include "allocators/backing/emulated_link.h"
#include "allocators/extent/arena.h"
#include "allocators/extent/bind_mode.h"
#include "allocators/extent/capacity.h"
#include "allocators/extent/mapping_budget.h"
#include "allocators/extent/pool_blocks.h"
#include "allocators/os/numa_memory.h"

namespace terrace::extent {

/// Where a tier's pages come from.
struct TierPages {
  BackingKind backing = BackingKind::kNuma;
  os::NodeMask nodes;
  std::uint32_t link = 0;  ///< index in the LinkEngine, for emulated tiers
};

struct FilePages {
  int fd = -1;
  std::uint64_t offset = 0;
};

/// Whether touches of every tier shall be visible (recording).
enum class Observation : std::uint8_t {
  kNone,   ///< NUMA tiers use private memory: fastest
  kBlocks  ///< all tiers use memory files, so that present bits tell what is touched
};

struct ExtentCounters {
  std::atomic<std::uint64_t> bind_refused{0};           ///< runs that mbind did not accept
  std::atomic<std::uint64_t> small_page_objects{0};     ///< shared objects without huge pages
  std::atomic<std::uint64_t> kernel_striped_blocks{0};  ///< ever laid by one interleaving policy
  std::atomic<std::uint64_t> stripes_refused{0};        ///< which the kernel did not take as asked
  std::atomic<std::uint64_t> coarsened_objects{0};      ///< of longer runs than wanted
};

/// In for_each_piece(): a stretch under one interleaving policy.
inline constexpr std::uint8_t kByKernel = 0xFE;

class TieredExtents {
 public:
  constexpr TieredExtents() = default;
  void configure(Arena& arena, backing::LinkEngine& links, BindMode bind, Observation observation);
  void add_tier(const TierPages& tier) { tiers_[tier_count_++] = tier; }
  /// Blocks of DAX tiers.
  PoolBlocks& pools() { return pools_; }

  /// Between the wanted tiers and their capacity: a stripe over NUMA tiers that the kernel's own
  /// interleaving gives gets the kernel's order, and can then be laid with one mapping.
  void follow_kernel_order(Object& object, StripeOrigin origin);
  /// Before an object is mapped or exchanged: coarsens its stripe until it keeps within the budget
  /// of mappings, and takes them. Needs room_for_mappings().
  void fit_mappings(Object& object);
  void return_mappings(Object& object);
  /// After some of its blocks changed their tier or went.
  void recount_mappings(Object& object);
  bool room_for_mappings() const { return mappings_.left() >= kMaxTiers; }
  const MappingBudget& mappings() const { return mappings_; }

  /// Plain private memory for the whole object, on no tier.
  int map_ordinary(Object& object);
  /// The same for its blocks from `first` on, counted from the object's start.
  int map_ordinary_tail(const Object& object, std::uint32_t first);
  /// Moves the pages of one ordinary object over the first blocks of another, which may be larger;
  /// `from` stays mapped. No page is copied where the kernel can move it.
  void move_ordinary(const Object& from, const Object& to);
  /// Parts an ordinary object after its first `blocks` blocks; the pages stay. nullptr: no record
  /// or mapping is left, nothing changed.
  Object* split_ordinary(Object& object, std::uint32_t blocks);
  /// Makes one ordinary object of two neighbours; `second` is gone.
  void join_ordinary(Object& first, Object& second);
  /// Maps every block on its tier (arena.tiers_of); the memory reads as zero. Blocks that a DAX
  /// tier's pool lacks change their tier. On error nothing is mapped.
  int map_placed(Object& object);
  /// Takes the whole object's pages away; its address space stays reserved.
  void unmap(Object& object);
  /// The same for some of its blocks.
  void unmap_blocks(Object& object, std::uint32_t first, std::uint32_t count);

  /// Would this tier's blocks be shared file pages (DAX, emulated, or observed)?
  bool is_shared(std::uint8_t tier) const;
  bool any_shared(const Object& object) const;
  /// Would any be pages of the object's own memory file?
  bool needs_file(const Object& object) const;
  /// Binds private pages of a run to a tier's nodes, counting refusals.
  void bind_run(std::uint32_t first, std::uint32_t count, std::uint8_t tier, os::Existing existing);
  /// The same for memory that will be moved into an object, and has no pages yet.
  void bind_aside(void* at, Bytes size, std::uint8_t tier);
  /// After pages were moved run by run: one interleaving policy for each stretch that lies in the
  /// kernel's order, so that its runs become one mapping. Pages stay where they are, and those that
  /// are not there yet come to the same places.
  void bind_stretches(const Object& object);
  /// Maps the object's file, or the reserved blocks of a pool, over a run.
  int map_shared_run(Object& object, std::uint32_t first, std::uint32_t count, std::uint8_t tier);
  /// Puts a mapped run behind its tier's link, if that has one.
  int attach_run(const Object& object, std::uint32_t first, std::uint32_t count, std::uint8_t tier);
  int open_file(Object& object, os::PageKind kind) const;
  /// The file range behind a shared block; fd is -1 when there is none.
  FilePages file_pages(const Object& object, std::uint32_t block) const;

  void note_small_pages() { counters_.small_page_objects.fetch_add(1, std::memory_order_relaxed); }
  const ExtentCounters& counters() const { return counters_; }
  Arena& arena() { return *arena_; }
  backing::LinkEngine& links() { return *links_; }

  /// Calls body(first, count, tier) for each mapping that the object needs: its runs of equal tier,
  /// and stretches in the kernel's order as one piece each, with kByKernel for the tier.
  template <typename Body>
  void for_each_piece(const Object& object, Body body) const {
    const std::uint8_t* tiers = arena_->tiers_of(object);
    for (std::uint32_t begin = 0; begin < object.block_count;) {
      std::uint32_t count = kernel_stretch(object, begin);
      const std::uint8_t tier = count != 0 ? kByKernel : tiers[begin];
      while (tier != kByKernel && begin + count < object.block_count &&
             tiers[begin + count] == tier) {
        ++count;
      }
      body(object.first_block + begin, count, tier);
      begin += count;
    }
  }

  /// Calls body(first, count, tier) for each run of blocks of equal tier in [first, first+count).
  template <typename Body>
  void for_each_run(const Object& object, Body body) const {
    const std::uint8_t* tiers = arena_->tiers_of(object);
    for (std::uint32_t begin = 0; begin < object.block_count;) {
      std::uint32_t end = begin + 1;
      while (end < object.block_count && tiers[end] == tiers[begin]) ++end;
      body(object.first_block + begin, end - begin, tiers[begin]);
      begin = end;
    }
  }

 private:
  void bind(void* at, Bytes size, std::uint8_t tier, os::Existing existing);
  int map_memory_runs(Object& object);
  int map_runs(Object& object);
  int map_stretch(Object& object, std::uint32_t first, std::uint32_t count);
  bool bind_stretch(const Object& object, std::uint32_t first, std::uint32_t count);
  void bind_by_range(const Object& object, std::uint32_t first, std::uint32_t count);
  bool takes_order(const KernelOrder& order, std::uint32_t first, std::uint32_t count);
  std::uint32_t kernel_stretch(const Object& object, std::uint32_t begin) const;
  std::uint64_t order_index(std::uint32_t block) const;
  void unmap_runs(Object& object);

  Arena* arena_ = nullptr;
  backing::LinkEngine* links_ = nullptr;
  PoolBlocks pools_;
  BindMode bind_ = BindMode::kAdvisory;
  Observation observation_ = Observation::kNone;
  std::uint32_t tier_count_ = 0;
  TierPages tiers_[kMaxTiers];
  MappingBudget mappings_;
  bool order_refused_ = false;
  ExtentCounters counters_;
};

}  // namespace terrace::extent
