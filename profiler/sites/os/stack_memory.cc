// SPDX-License-Identifier: Apache-2.0
#include "profiler/sites/os/stack_memory.h"

#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>

namespace terrace::sites::os {
namespace {

constexpr std::uintptr_t kPage = 4096;
// A frame larger than this is stepped over, its pages not asked for one by one.
constexpr std::uintptr_t kMaxGap = 16 * kPage;

struct Range {
  std::uintptr_t begin = 0;
  std::uintptr_t end = 0;
};

// Each page of it has answered. A stack of this thread that is unmapped and followed by a smaller
// one at the same place leaves it too large; then only what .eh_frame describes is read through it.
constinit thread_local Range known_pages{};

std::uintptr_t page_of(std::uintptr_t address) {
  return address & ~(kPage - 1);
}

#ifdef __x86_64__
constexpr std::size_t greg(int index) {
  return offsetof(ucontext_t, uc_mcontext) + offsetof(mcontext_t, gregs) +
         static_cast<std::size_t>(index) * sizeof(greg_t);
}
static_assert(kInterruptedFrame == greg(REG_RBP));
static_assert(kInterruptedStack == greg(REG_RSP));
static_assert(kInterruptedInstruction == greg(REG_RIP));
#endif

}  // namespace

bool readable(std::uintptr_t address) {
  // The kernel reads the mask before it looks at the first argument, which no kernel knows: EFAULT
  // or EINVAL, and nothing is changed. Sandboxes that allow threads allow this call.
  const long answer = syscall(SYS_rt_sigprocmask, ~0L, address, nullptr, std::size_t{8});
  return answer == -1 && errno == EINVAL;
}

StackMemory::StackMemory(std::uintptr_t stack_pointer) {
  const std::uintptr_t page = page_of(stack_pointer);
  if (page < known_pages.begin || page >= known_pages.end) known_pages = {page, page + kPage};
}

bool StackMemory::read(std::uintptr_t address, std::uintptr_t& word) {
  if (address % sizeof word != 0 || !known(address)) return false;
  std::memcpy(&word, reinterpret_cast<const void*>(address), sizeof word);
  return true;
}

bool StackMemory::known(std::uintptr_t address) {
  if (!trusted_) return readable(address);
  const Range range = known_pages;
  return (address >= range.begin && address < range.end) || extend(page_of(address));
}

bool StackMemory::extend(std::uintptr_t page) {
  const Range range = known_pages;
  const bool far = page < range.end || page - range.end > kMaxGap;
  if (far) {
    if (!readable(page)) return false;
    known_pages = {page, page + kPage};
    return true;
  }
  for (std::uintptr_t at = range.end; at <= page; at += kPage) {
    if (!readable(at)) return false;
    known_pages = {range.begin, at + kPage};
  }
  return true;
}

bool returns_from_signal(std::uintptr_t address) {
  constexpr unsigned char kCode[] = {0x48, 0xc7, 0xc0, 0x0f, 0x00, 0x00, 0x00, 0x0f, 0x05};
  return std::memcmp(reinterpret_cast<const void*>(address), kCode, sizeof kCode) == 0;
}

}  // namespace terrace::sites::os
