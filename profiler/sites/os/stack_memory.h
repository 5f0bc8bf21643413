// SPDX-License-Identifier: Apache-2.0
// Reads words of a stack whose bounds nobody tells: threads', alternate and swapped stacks alike.
// Pages that this thread has found readable are read straight away, any other is asked for first,
// so that a garbage address is an answer and no fault.
// Thread-safe (each walk has its own), async-signal-safe, allocates nothing. Asking costs a system
// call for each new page; a thread's next walk on the same stack knows the pages of the last.
#pragma once

#include <cstdint>

namespace terrace::sites::os {

/// Does the page of the word at `address` answer? Changes errno.
bool readable(std::uintptr_t address);

class StackMemory {
 public:
  /// `stack_pointer`: of this thread, now.
  explicit StackMemory(std::uintptr_t stack_pointer);

  /// From here on every read is asked for, and nothing is remembered: the walk follows what nothing
  /// vouches for.
  void distrust() { trusted_ = false; }

  /// False: unaligned, or not readable.
  bool read(std::uintptr_t address, std::uintptr_t& word);

 private:
  bool known(std::uintptr_t address);
  bool extend(std::uintptr_t page);

  bool trusted_ = true;
};

// Where the kernel's signal frame has the interrupted registers, from the stack pointer on which
// the handler returns (struct rt_sigframe without its return address).
inline constexpr std::uintptr_t kInterruptedFrame = 120;
inline constexpr std::uintptr_t kInterruptedStack = 160;
inline constexpr std::uintptr_t kInterruptedInstruction = 168;

/// Is the code at `address` libc's way back from a signal handler, mov $15,%rax; syscall? `address`
/// is inside a module's code.
bool returns_from_signal(std::uintptr_t address);

}  // namespace terrace::sites::os
