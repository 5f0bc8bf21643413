// SPDX-License-Identifier: Apache-2.0
#include "profiler/sites/frame_cache.h"
#include "profiler/sites/frame_layout.h"
#include "profiler/sites/frame_module.h"
#include "profiler/sites/os/stack_memory.h"
#include "profiler/sites/site_builder.h"
#include "profiler/sites/stack_walk.h"

namespace terrace::sites {
namespace {

// Larger steps are garbage; stacks end before.
constexpr std::uintptr_t kMaxFrameBytes = std::uintptr_t{256} << 20;

class Walker {
 public:
  explicit Walker(const Registers& start)
      : at_(start), memory_(start.stack), generation_(cache_generation()), own_(own_module()) {}

  Walked walk() {
    for (int steps = 0; steps < kMaxSteps; ++steps) {
      if (at_.instruction == 0 || !visit()) break;
      if (is_beyond_us()) return {WalkEnd::kNotFollowed, {}};
      if (!step()) break;
    }
    return {WalkEnd::kDone, builder_.finished()};
  }

 private:
  /// A return address may be the first byte after its function: the call is before it. The
  /// instruction that a signal interrupted is exact.
  std::uintptr_t code_address() const {
    return interrupted_ ? at_.instruction : at_.instruction - 1;
  }

  void enter_module() {
    // An interrupted first instruction of a module has its predecessor outside of it; no call has.
    const std::uintptr_t address = at_.instruction - 1;
    if (module_.contains(address)) return;
    module_ = find_module(address);
    identity_ = mix_key(identity_of(module_), generation_);
  }

  /// Adds the frame to the site. False: no more frames are wanted or known.
  bool visit() {
    enter_module();
    if (module_.map == nullptr) {
      builder_.add(at_.instruction, generated_key);
      return false;
    }
    learn();
    if (own_.map == module_.map && own_.map != nullptr) return true;
    return builder_.add(at_.instruction, [this] { return frame_.key; });
  }

  void learn() {
    // The same address interrupted and called from is described by two places.
    const std::uintptr_t name = at_.instruction + (interrupted_ ? kInterruptedMark : 0);
    if (find_known(name, identity_, frame_)) return;
    frame_ = {find_layout(code_address(), module_.index), frame_key(at_.instruction, module_)};
    remember_known(name, identity_, frame_);
  }

  bool is_beyond_us() const {
    if (frame_.layout.base == FrameBase::kSignal) return !os::returns_from_signal(at_.instruction);
    return frame_.layout.base == FrameBase::kOther;
  }

  bool step() {
    const bool from_signal = frame_.layout.base == FrameBase::kSignal;
    const bool stepped = from_signal                                     ? step_over_signal()
                         : frame_.layout.base == FrameBase::kUndescribed ? step_undescribed()
                         : frame_.layout.base == FrameBase::kEnd         ? false
                                                                         : step_described();
    interrupted_ = from_signal;
    return stepped;
  }

  bool find_base(std::uintptr_t& base) {
    const auto offset = static_cast<std::uintptr_t>(std::intptr_t{frame_.layout.base_offset});
    if (frame_.layout.base == FrameBase::kFrameContent)
      return memory_.read(at_.frame + offset, base);
    base = (frame_.layout.base == FrameBase::kStack ? at_.stack : at_.frame) + offset;
    return true;
  }

  bool find_frame_pointer(std::uintptr_t base, std::uintptr_t& pointer) {
    const auto offset = static_cast<std::uintptr_t>(std::intptr_t{frame_.layout.pointer_offset});
    if (frame_.layout.pointer == SavedFramePointer::kKept) {
      pointer = at_.frame;
      return true;
    }
    const bool below_base = frame_.layout.pointer == SavedFramePointer::kBelowBase;
    return memory_.read((below_base ? base : at_.frame) + offset, pointer);
  }

  /// Stacks grow down, so each caller's is above.
  bool step_described() {
    std::uintptr_t base = 0;
    if (!find_base(base) || base <= at_.stack || base - at_.stack > kMaxFrameBytes) return false;
    Registers caller;
    caller.stack = base;
    if (!memory_.read(base - sizeof base, caller.instruction)) return false;
    if (!find_frame_pointer(base, caller.frame)) return false;
    at_ = caller;
    return true;
  }

  /// The handler may run on an alternate stack: the interrupted one is anywhere.
  bool step_over_signal() {
    Registers caller;
    if (!memory_.read(at_.stack + os::kInterruptedFrame, caller.frame)) return false;
    if (!memory_.read(at_.stack + os::kInterruptedStack, caller.stack)) return false;
    if (!memory_.read(at_.stack + os::kInterruptedInstruction, caller.instruction)) return false;
    at_ = caller;
    return true;
  }

  /// The frame pointer alone: believed when it points up the stack to a return address behind a
  /// call in a module.
  bool step_undescribed() {
    memory_.distrust();
    const std::uintptr_t frame = at_.frame;
    if (frame % 16 != 0 || frame < at_.stack || frame - at_.stack > kMaxFrameBytes) return false;
    Registers caller;
    caller.stack = frame + 16;
    if (!memory_.read(frame, caller.frame)) return false;
    if (!memory_.read(frame + 8, caller.instruction)) return false;
    if (!follows_a_call(caller.instruction)) return false;
    at_ = caller;
    return true;
  }

  /// call rel32, or call through a register or memory with 2 to 7 bytes (opcode FF, extension 2).
  static bool follows_a_call(std::uintptr_t address) {
    constexpr std::uintptr_t kLongest = 7;
    if (find_module(address - 1).map == nullptr) return false;
    if (!os::readable(address - 8) || !os::readable(address - kLongest)) return false;
    const auto* const code = reinterpret_cast<const unsigned char*>(address);
    if (code[-5] == 0xe8) return true;
    for (std::ptrdiff_t length = 2; length <= std::ptrdiff_t{kLongest}; ++length) {
      if (code[-length] == 0xff && (code[1 - length] >> 3 & 7) == 2) return true;
    }
    return false;
  }

  static constexpr std::uintptr_t kInterruptedMark = std::uintptr_t{1} << 63;

  Registers at_;
  os::StackMemory memory_;
  std::uint64_t generation_;
  Module own_;
  Module module_;
  std::uint64_t identity_ = 0;
  KnownFrame frame_;
  bool interrupted_ = false;
  SiteBuilder builder_;
};

}  // namespace

Walked walk_stack(const Registers& start) {
  return Walker(start).walk();
}

}  // namespace terrace::sites
