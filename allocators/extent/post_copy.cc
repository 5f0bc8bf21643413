// SPDX-License-Identifier: Apache-2.0
#include "allocators/extent/post_copy.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "allocators/os/mapping.h"

namespace terrace::extent {
namespace {

/// Copied between two looks at who waits.
constexpr Bytes kBetweenLooks = KiB(256);

/// Bound as the range shall be, and asking for huge pages; an errno value.
int make_private(void* at, Bytes size, const os::NodeMask& nodes, os::Binding binding) {
  const int error = os::map_private(at, size);
  if (error != 0 || nodes.empty()) return error;
  return os::bind_range(at, size, nodes, binding, os::Existing::kLeave);
}

/// Address space of exactly this size: what moves away leaves a gap that others may fill.
void* reserve_exactly(Bytes size) {
  char* const at = static_cast<char*>(os::reserve_address_space(size));
  const Bytes rest = round_up_to_block(size) - size;
  if (at != nullptr && rest.value != 0) os::unmap(at + size.value, rest);
  return at;
}

}  // namespace

PostCopy::~PostCopy() {
  if (fence_ != nullptr) os::unmap(fence_, size_);
  if (stage_ != nullptr) os::unmap(stage_, kBlockBytes);
}

RemapReport PostCopy::run(const os::NodeMask& nodes, os::Binding binding) {
  report_.error = prepare(nodes, binding);
  if (report_.error == 0) {
    drop_entries();
    report_.error = put_fence();
  }
  if (report_.error == 0) fill();
  // Every page is there: closing forgets the registration and wakes everybody.
  faults_.close();
  if (report_.error == 0) make_huge();
  report_.longest_hold = clock_.longest();
  return report_;
}

int PostCopy::prepare(const os::NodeMask& nodes, os::Binding binding) {
  auto opened = os::UserFault::open(os::FaultUse::kFence);
  if (!opened) return opened.error().saved_errno;
  faults_ = std::move(*opened);
  fence_ = reserve_exactly(size_);
  stage_ = static_cast<char*>(os::reserve_address_space(kBlockBytes));
  if (fence_ == nullptr || stage_ == nullptr || !broken_.has_memory() || !mapped_in_.has_memory() ||
      !there_.has_memory()) {
    return ENOMEM;
  }
  int error = make_private(stage_, kBlockBytes, nodes, binding);
  if (error == 0) error = make_private(fence_, size_, nodes, binding);
  if (error == 0) error = faults_.watch_missing(fence_, size_);
  return error;
}

/// The fence's move tears the old page-table entries down: 3 ms for 64 MiB of 4 KiB pages, in which
/// everybody waits. Most of them go beforehand, while nobody does; the pages stay in their file,
/// and who touches one gets its entry back. By the block, since other mapping calls wait for each.
/// Where the kernel refuses, the fence's move does it all.
void PostCopy::drop_entries() const {
  for (std::uint64_t offset = 0; offset < size_.value; offset += kBlockBytes.value) {
    os::drop_pages(at_ + offset, std::min(kBlockBytes, size_ - Bytes(offset)));
  }
}

int PostCopy::put_fence() {
  os::FenceMove move;
  const int error = move.run(faults_, fence_, size_, at_, waiting_);
  if (error != 0) return error;
  fence_ = nullptr;
  clock_.begin(move.began());
  return 0;
}

std::uint64_t PostCopy::block_of(std::uint64_t offset) const {
  const auto at = reinterpret_cast<std::uintptr_t>(at_);
  return (at + offset) / kBlockBytes.value - at / kBlockBytes.value;
}

bool PostCopy::is_whole_block(std::uint64_t offset) const {
  return (reinterpret_cast<std::uintptr_t>(at_) + offset) % kBlockBytes.value == 0 &&
         offset + kBlockBytes.value <= size_.value;
}

void PostCopy::fill() {
  ++report_.rounds;
  serve_waiting();
  for (std::uint64_t offset = 0; offset < size_.value;) {
    const auto within = (reinterpret_cast<std::uintptr_t>(at_) + offset) % kBlockBytes.value;
    const Bytes rest = std::min(kBlockBytes - Bytes(within), size_ - Bytes(offset));
    if (!is_whole_block(offset) || !fill_huge(offset)) fill_small(offset, rest);
    offset += rest.value;
  }
  faults_.wake(at_, size_);
  clock_.lap();
}

/// Copies a block aside and moves it in as the huge page that it then is. Not when somebody waited
/// for a page of it: that one is there already.
bool PostCopy::fill_huge(std::uint64_t offset) {
  for (std::uint64_t done = 0; done < kBlockBytes.value; done += kBetweenLooks.value) {
    if (!moves_ || broken_.contains(block_of(offset))) return false;
    std::memcpy(stage_ + done, view_ + offset + done, kBetweenLooks.value);
    serve_waiting();
  }
  if (broken_.contains(block_of(offset))) return false;
  const os::CopiedIn moved = faults_.move_in(at_ + offset, stage_, kBlockBytes);
  report_.copied += moved.size;
  note_there(offset, moved.size);
  if (moved.error == 0) return true;
  moves_ = false;  // a kernel before 6.8
  return false;
}

void PostCopy::fill_small(std::uint64_t offset, Bytes size) {
  broken_.add(block_of(offset));
  const std::uint64_t end = offset + size.value;
  for (; offset < end; offset += kBetweenLooks.value) {
    copy_in(offset, std::min(kBetweenLooks, Bytes(end - offset)));
    serve_waiting();
  }
}

/// Pages that threads wait for come at once; the rest finds them there.
void PostCopy::serve_waiting() {
  os::FaultEvent events[16];
  int count = 0;
  do {
    count = faults_.read_events(events, 16);
    for (int i = 0; i < count; ++i) waiting_.add(events[i].address);
    std::uintptr_t address = 0;
    while (waiting_.take(address)) {
      const std::uint64_t offset =
          (address - reinterpret_cast<std::uintptr_t>(at_)) & ~(kPageBytes.value - 1);
      broken_.add(block_of(offset));
      copy_in(offset, kPageBytes);
    }
  } while (count > 0);
  clock_.lap();
}

/// There is no way back once the fence is in place, so this returns when the pages are there, as a
/// page fault does: when userfaultfd gets no page (a memory limit, say), one is had as any first
/// touch has it.
void PostCopy::copy_in(std::uint64_t offset, Bytes size) {
  const std::uint64_t end = offset + size.value;
  while (offset < end) {
    // The kernel copies within one mapping only, and a page that was mapped in is its own.
    const Bytes step = mapped_in_.count() == 0 ? Bytes(end - offset) : kPageBytes;
    os::CopiedIn done{Bytes(), EEXIST};
    if (!is_there(offset)) done = faults_.copy_in(at_ + offset, view_ + offset, step);
    note_there(offset, done.size);
    offset += done.size.value;
    report_.copied += done.size;
    if (done.error == 0) continue;
    // Asked of ourselves, for the page that it stopped at: without memory the kernel refuses before
    // it sees that a page is there, and one that is there may have been written since.
    if (done.error == EEXIST || is_there(offset)) {
      faults_.wake(at_ + offset, kPageBytes);
      offset += kPageBytes.value;
    } else if (map_in(offset)) {
      offset += kPageBytes.value;
    }
  }
}

bool PostCopy::is_there(std::uint64_t offset) const {
  return there_.contains(offset >> kPageShift);
}

void PostCopy::note_there(std::uint64_t offset, Bytes size) {
  for (std::uint64_t done = 0; done < size.value; done += kPageBytes.value) {
    there_.add((offset + done) >> kPageShift);
  }
}

bool PostCopy::map_in(std::uint64_t offset) {
  void* const page = os::map_private_at(nullptr, kPageBytes);
  if (page == nullptr) return false;
  std::memcpy(page, view_ + offset, kPageBytes.value);
  if (os::move_mapping(page, kPageBytes, at_ + offset) != 0) {
    os::unmap(page, kPageBytes);
    return false;
  }
  mapped_in_.add(offset >> kPageShift);
  note_there(offset, kPageBytes);
  faults_.wake(at_ + offset, kPageBytes);
  report_.copied += kPageBytes;
  return true;
}

/// Blocks that came page by page: best effort, the kernel's own daemon may do it later.
void PostCopy::make_huge() const {
  for (std::uint64_t offset = 0; offset < size_.value; offset += kPageBytes.value) {
    if (!is_whole_block(offset)) continue;
    if (broken_.contains(block_of(offset))) os::collapse_block(at_ + offset);
    offset += kBlockBytes.value - kPageBytes.value;
  }
}

}  // namespace terrace::extent
