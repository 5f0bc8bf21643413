// SPDX-License-Identifier: Apache-2.0
#include "allocators/extent/post_copy.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "allocators/extent/page_set.h"
#include "allocators/os/mapping.h"

namespace terrace::extent {
namespace {

/// Copied between two looks at who waits.
constexpr Bytes kBetweenLooks = KiB(64);

}  // namespace

RemapReport PostCopy::run(const os::NodeMask& nodes, os::Binding binding) {
  report_.error = make_fence(nodes, binding);
  if (report_.error == 0) report_.error = put_fence();
  if (report_.error == 0) {
    fill();
  } else if (fence_ != nullptr) {
    os::unmap(fence_, size_);
  }
  // Everything is there: closing forgets the registration and wakes everybody.
  faults_.close();
  if (report_.error == 0) make_huge();
  report_.longest_hold = clock_.longest();
  return report_;
}

int PostCopy::make_fence(const os::NodeMask& nodes, os::Binding binding) {
  auto opened = os::UserFault::open(os::FaultUse::kFence);
  if (!opened) return opened.error().saved_errno;
  faults_ = std::move(*opened);
  fence_ = os::map_private_at(nullptr, size_);
  if (fence_ == nullptr) return ENOMEM;
  os::advise_huge(fence_, size_);
  int error = 0;
  if (!nodes.empty()) error = os::bind_range(fence_, size_, nodes, binding, os::Existing::kLeave);
  if (error == 0) error = faults_.watch_missing(fence_, size_);
  return error;
}

int PostCopy::put_fence() {
  os::FenceMove move;
  const int error = move.run(faults_, fence_, size_, at_, waiting_);
  if (error == 0) clock_.begin(move.began());
  return error;
}

void PostCopy::fill() {
  ++report_.rounds;
  for (std::uint64_t offset = 0; offset < size_.value; offset += kBetweenLooks.value) {
    serve_waiting();
    fill_step(offset, std::min(kBetweenLooks, size_ - Bytes(offset)));
  }
  faults_.wake(at_, size_);
  clock_.lap();
}

/// Pages that threads wait for: theirs are there already when the rest comes by.
void PostCopy::serve_waiting() {
  os::FaultEvent events[16];
  for (int count = faults_.read_events(events, 16); count > 0;
       count = faults_.read_events(events, 16)) {
    for (int i = 0; i < count; ++i) waiting_.add(events[i].address);
    std::uintptr_t address = 0;
    while (waiting_.take(address)) {
      const std::uint64_t offset =
          (address - reinterpret_cast<std::uintptr_t>(at_)) & ~(kPageBytes.value - 1);
      fill_step(offset, kPageBytes);
    }
  }
  clock_.lap();
}

void PostCopy::fill_step(std::uint64_t offset, Bytes size) {
  const std::uint64_t end = offset + size.value;
  while (offset < end) {
    const os::CopiedIn done = faults_.copy_in(at_ + offset, view_ + offset, Bytes(end - offset));
    offset += done.size.value;
    report_.copied += done.size;
    if (done.error == EEXIST) {
      faults_.wake(at_ + offset, kPageBytes);
      offset += kPageBytes.value;
    } else if (done.error != 0) {
      fill_by_touch(offset, kPageBytes);
      offset += kPageBytes.value;
    }
  }
}

/// The kernel gave no page to userfaultfd (a memory limit, say). There is no way back any more, so
/// the page is had as any first touch has it, and mapped over its gap.
void PostCopy::fill_by_touch(std::uint64_t offset, Bytes size) {
  void* const page = os::map_private_at(nullptr, size);
  if (page == nullptr) return;
  std::memcpy(page, view_ + offset, size.value);
  os::move_mapping(page, size, at_ + offset);
  faults_.wake(at_ + offset, size);
  report_.copied += size;
}

void PostCopy::make_huge() const {
  const std::uintptr_t start = reinterpret_cast<std::uintptr_t>(at_);
  const std::uintptr_t end = start + size_.value;
  const std::uintptr_t whole = (start + kBlockBytes.value - 1) & ~(kBlockBytes.value - 1);
  for (std::uintptr_t block = whole; block + kBlockBytes.value <= end; block += kBlockBytes.value) {
    if (os::collapse_block(reinterpret_cast<void*>(block)) != 0) return;
  }
}

}  // namespace terrace::extent
