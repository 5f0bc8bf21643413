// SPDX-License-Identifier: Apache-2.0
#include "allocators/extent/pre_copy.h"

#include <algorithm>
#include <cerrno>

#include "allocators/os/mapping.h"

namespace terrace::extent {
namespace {

/// Copied between two looks at who waits.
constexpr std::uint64_t kPagesBetweenLooks = 64;
/// Protected at once: a huge page stays whole until somebody writes into it.
constexpr std::uint64_t kPagesOfBlock = kBlockBytes.value >> kPageShift;

}  // namespace

PreCopy::PreCopy(void* at, Bytes size, const FileRange& file, CopyBytes copy)
    : at_(static_cast<char*>(at)),
      size_(size),
      file_(file),
      copy_(copy),
      dirty_(size.value >> kPageShift) {}

PreCopy::~PreCopy() {
  if (room_ != nullptr) os::unmap(room_, round_up_to_block(size_ + kBlockBytes));
}

/// On every way out the descriptor closes: the kernel then lifts what protection is left, forgets
/// the registration and wakes everybody, who look again.
RemapReport PreCopy::run(const RemapLimits& limits) {
  int error = prepare();
  const std::uint64_t few = limits.held_copy.value >> kPageShift;
  while (error == 0 && dirty_.count() > few) {
    error = report_.rounds < limits.rounds ? copy_round() : EBUSY;
  }
  if (error == 0) error = hold_and_remap();
  faults_.close();
  report_.error = error;
  report_.longest_hold = clock_.longest();
  return report_;
}

int PreCopy::prepare() {
  if (!dirty_.has_memory()) return ENOMEM;
  auto opened = os::UserFault::open(os::FaultUse::kHold);
  if (!opened) return opened.error().saved_errno;
  faults_ = std::move(*opened);
  dirty_.add_all();
  room_ = os::reserve_address_space(size_ + kBlockBytes);
  if (room_ == nullptr) return ENOMEM;
  // KSM puts another page, unprotected, in the place of one that it merges.
  int error = os::keep_unmerged(at_, size_);
  // Pages that were never touched have no entry that could be protected: give them one.
  if (error == 0) error = os::populate_read(at_, size_);
  if (error == 0) error = faults_.watch_writes(at_, size_);
  return error;
}

std::uint64_t PreCopy::piece_end(std::uint64_t page) const {
  const std::uint64_t before =
      (reinterpret_cast<std::uintptr_t>(at_) >> kPageShift) % kPagesOfBlock;
  return (before + page) / kPagesOfBlock * kPagesOfBlock + kPagesOfBlock - before;
}

int PreCopy::copy_round() {
  ++report_.rounds;
  const auto limit = [this](std::uint64_t page) { return piece_end(page); };
  for (PageRun run = dirty_.next(0, limit); run.count != 0; run = dirty_.next(run.end(), limit)) {
    if (const int error = copy_run(run); error != 0) return error;
  }
  return 0;
}

int PreCopy::copy_run(PageRun run) {
  clock_.begin();
  dirty_.remove(run);
  int error = faults_.protect_writes(address_of(run.first), size_of(run));
  while (error == 0 && run.count != 0) {
    const PageRun step{run.first, std::min(run.count, kPagesBetweenLooks)};
    copy_pages(step);
    error = let_writers_through();
    clock_.lap();
    run = {step.end(), run.count - step.count};
  }
  return error;
}

void PreCopy::copy_pages(PageRun run) {
  copy_(static_cast<char*>(file_.view) + (run.first << kPageShift), address_of(run.first),
        size_of(run).value);
  report_.copied += size_of(run);
}

int PreCopy::let_writers_through() {
  os::FaultEvent events[16];
  for (int count = faults_.read_events(events, 16); count > 0;
       count = faults_.read_events(events, 16)) {
    for (int i = 0; i < count; ++i) {
      const auto offset = events[i].address - reinterpret_cast<std::uintptr_t>(at_);
      const std::uint64_t page = offset >> kPageShift;
      // One page, also of a huge one: the kernel splits its entry (about 20 us, once), and two
      // megabytes need not be copied again for one word.
      if (dirty_.contains(page)) {
        faults_.wake(address_of(page), kPageBytes);
        continue;
      }
      dirty_.add(page);
      const int error = faults_.allow_writes(address_of(page), kPageBytes);
      if (error != 0) return error;
    }
  }
  return 0;
}

int PreCopy::hold_and_remap() {
  clock_.begin();
  int error = copy_held();
  if (error == 0) error = replace();
  if (error == 0) faults_.wake(at_, size_);
  clock_.lap();
  return error;
}

/// From here on nobody is let through, so what is protected stays as it was copied.
int PreCopy::copy_held() {
  const auto no_limit = [](std::uint64_t) { return ~std::uint64_t{0}; };
  if (dirty_.count() != 0) ++report_.rounds;
  for (PageRun run = dirty_.next(0, no_limit); run.count != 0;
       run = dirty_.next(run.end(), no_limit)) {
    const int error = faults_.protect_writes(address_of(run.first), size_of(run));
    if (error != 0) return error;
    copy_pages(run);
  }
  return 0;
}

/// As far into a block as the range is, so that the kernel moves whole page tables.
char* PreCopy::aside() const {
  return static_cast<char*>(room_) + reinterpret_cast<std::uintptr_t>(at_) % kBlockBytes.value;
}

/// Tearing the old pages down takes 90 ns for each of 4 KiB, 6 ms for 64 MiB, and would be part of
/// the mapping call; moving them aside takes a twentieth, and they go when nobody waits any more.
/// Whoever touches the range in between waits for a missing page. The kernel does it for one
/// mapping only; otherwise the mapping call does it all.
bool PreCopy::move_old_pages_aside() {
  return faults_.watch_writes_and_missing(at_, size_) == 0 &&
         os::move_pages_away(at_, size_, aside()) == 0;
}

int PreCopy::replace() {
  const bool moved = move_old_pages_aside();
  const int error = os::map_shared_file(at_, size_, file_.fd, file_.offset);
  if (error == 0 || !moved) return error;
  // The mapping aside stays, so that no gap is left which another thread's mapping could fill
  // before the room is unmapped.
  const int lost = os::move_pages_away(aside(), size_, at_);
  return lost != 0 ? lost : error;
}

}  // namespace terrace::extent
