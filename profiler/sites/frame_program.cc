// SPDX-License-Identifier: Apache-2.0
#include "profiler/sites/frame_program.h"

namespace terrace::sites {
namespace {

// DWARF's numbers of the registers (System V ABI for x86-64, figure 3.36).
constexpr std::uint64_t kFramePointer = 6;
constexpr std::uint64_t kStackPointer = 7;
constexpr std::uint64_t kReturnAddress = 16;

constexpr std::uint8_t kOpDeref = 0x06;
constexpr std::uint8_t kOpBaseFramePointer = 0x70 + kFramePointer;

/// One register's rule, as far as it matters.
enum class Rule : std::uint8_t { kSame, kAtBase, kAtFrame, kUndefined, kOther };

struct Saved {
  Rule rule = Rule::kSame;
  std::int64_t offset = 0;
};

struct Row {
  FrameBase base = FrameBase::kOther;
  std::uint64_t base_register = kStackPointer;
  std::int64_t base_offset = 0;
  Saved frame_pointer;
  Saved return_address;
};

class Machine {
 public:
  Machine(const ProgramUnits& units, std::uint64_t distance) : units_(units), distance_(distance) {}

  /// False when an instruction was met that is not followed.
  bool run(DwarfBytes program) {
    while (!program.done() && location_ <= distance_) {
      if (!step(program) || program.failed()) return false;
    }
    return true;
  }

  /// What DW_CFA_restore goes back to.
  void keep_initial() { initial_ = row_; }

  const Row& row() const { return row_; }

 private:
  // Compilers nest one deep (a return in the middle of a function).
  static constexpr int kRemembered = 4;

  Saved* followed(std::uint64_t number, Row& row) {
    if (number == kFramePointer) return &row.frame_pointer;
    return number == kReturnAddress ? &row.return_address : nullptr;
  }

  void set(std::uint64_t number, Saved saved) {
    if (Saved* rule = followed(number, row_)) *rule = saved;
  }

  void restore(std::uint64_t number) {
    if (Saved* rule = followed(number, row_)) *rule = *followed(number, initial_);
  }

  std::int64_t factored(std::int64_t value) const { return value * units_.data_factor; }
  std::int64_t unsigned_offset(DwarfBytes& program) {
    return factored(static_cast<std::int64_t>(program.unsigned_leb()));
  }

  bool step(DwarfBytes& program) {
    const auto code = program.fixed<std::uint8_t>();
    const std::uint8_t low = code & 0x3f;
    switch (code & 0xc0) {
      case 0x40:
        advance(low);
        return true;
      case 0x80:
        set(low, {Rule::kAtBase, unsigned_offset(program)});
        return true;
      case 0xc0:
        restore(low);
        return true;
      default:
        return low < 0x10 ? basic(low, program) : extended(low, program);
    }
  }

  void advance(std::uint64_t units) { location_ += units * units_.code_factor; }

  bool basic(std::uint8_t code, DwarfBytes& program) {
    switch (code) {
      case 0x00:
        return true;  // nop
      case 0x02:
        advance(program.fixed<std::uint8_t>());
        return true;
      case 0x03:
        advance(program.fixed<std::uint16_t>());
        return true;
      case 0x04:
        advance(program.fixed<std::uint32_t>());
        return true;
      case 0x05:
        return save(program, unsigned_offset_of);
      case 0x06:
        restore(program.unsigned_leb());
        return true;
      case 0x07:
        set(program.unsigned_leb(), {Rule::kUndefined, 0});
        return true;
      case 0x08:
        set(program.unsigned_leb(), {Rule::kSame, 0});
        return true;
      case 0x09:
        return save_elsewhere(program);
      case 0x0a:
        return remember();
      case 0x0b:
        return recall();
      case 0x0c:
        base_register(program.unsigned_leb());
        row_.base_offset = static_cast<std::int64_t>(program.unsigned_leb());
        return true;
      case 0x0d:
        base_register(program.unsigned_leb());
        return true;
      case 0x0e:
        row_.base_offset = static_cast<std::int64_t>(program.unsigned_leb());
        return true;
      case 0x0f:
        return base_expression(program);
      default:
        return false;
    }
  }

  bool extended(std::uint8_t code, DwarfBytes& program) {
    switch (code) {
      case 0x10:
        return save_expression(program);
      case 0x11:
        return save(program, signed_offset_of);
      case 0x12:
        base_register(program.unsigned_leb());
        row_.base_offset = factored(program.signed_leb());
        return true;
      case 0x13:
        row_.base_offset = factored(program.signed_leb());
        return true;
      case 0x14:
      case 0x15:
        return save_elsewhere(program);  // a value, not a place
      case 0x16: {
        set(program.unsigned_leb(), {Rule::kOther, 0});
        program.skip(program.unsigned_leb());
        return true;
      }
      case 0x2e:
        program.unsigned_leb();
        return true;  // size of the arguments
      default:
        return false;
    }
  }

  static std::int64_t unsigned_offset_of(DwarfBytes& program) {
    return static_cast<std::int64_t>(program.unsigned_leb());
  }
  static std::int64_t signed_offset_of(DwarfBytes& program) { return program.signed_leb(); }

  bool save(DwarfBytes& program, std::int64_t (*read)(DwarfBytes&)) {
    const std::uint64_t number = program.unsigned_leb();
    set(number, {Rule::kAtBase, factored(read(program))});
    return true;
  }

  bool save_elsewhere(DwarfBytes& program) {
    set(program.unsigned_leb(), {Rule::kOther, 0});
    program.unsigned_leb();
    return true;
  }

  bool remember() {
    if (remembered_ == kRemembered) return false;
    rows_[remembered_++] = row_;
    return true;
  }

  bool recall() {
    if (remembered_ == 0) return false;
    row_ = rows_[--remembered_];
    return true;
  }

  void base_register(std::uint64_t number) {
    row_.base_register = number;
    row_.base = number == kStackPointer   ? FrameBase::kStack
                : number == kFramePointer ? FrameBase::kFrame
                                          : FrameBase::kOther;
  }

  /// GCC's for a realigned stack: the word at the frame pointer plus an offset.
  bool base_expression(DwarfBytes& program) {
    DwarfBytes expression = program.part(program.unsigned_leb());
    row_.base = FrameBase::kOther;
    if (expression.fixed<std::uint8_t>() != kOpBaseFramePointer) return true;
    row_.base_offset = expression.signed_leb();
    if (expression.fixed<std::uint8_t>() == kOpDeref && expression.done() && !expression.failed()) {
      row_.base = FrameBase::kFrameContent;
    }
    return true;
  }

  /// As above: saved where the frame pointer plus an offset points.
  bool save_expression(DwarfBytes& program) {
    const std::uint64_t number = program.unsigned_leb();
    DwarfBytes expression = program.part(program.unsigned_leb());
    Saved saved{Rule::kOther, 0};
    if (expression.fixed<std::uint8_t>() == kOpBaseFramePointer) {
      saved.offset = expression.signed_leb();
      if (expression.done() && !expression.failed()) saved.rule = Rule::kAtFrame;
    }
    set(number, saved);
    return true;
  }

  ProgramUnits units_;
  std::uint64_t distance_;
  std::uint64_t location_ = 0;
  Row row_;
  Row initial_;
  Row rows_[kRemembered];
  int remembered_ = 0;
};

constexpr FrameLayout kNotFollowed{FrameBase::kOther, SavedFramePointer::kKept, 0, 0};

bool fits(std::int64_t value, std::int64_t bound) {
  return value >= -bound && value <= bound;
}

FrameLayout layout_of(const Row& row) {
  if (row.return_address.rule == Rule::kUndefined) return {.base = FrameBase::kEnd};
  const Saved& pointer = row.frame_pointer;
  const bool usual_return =
      row.return_address.rule == Rule::kAtBase && row.return_address.offset == -8;
  if (!usual_return || pointer.rule == Rule::kOther || !fits(row.base_offset, INT32_MAX) ||
      !fits(pointer.offset, INT16_MAX)) {
    return kNotFollowed;
  }
  FrameLayout layout{.base = row.base, .base_offset = static_cast<std::int32_t>(row.base_offset)};
  if (pointer.rule == Rule::kAtBase) layout.pointer = SavedFramePointer::kBelowBase;
  if (pointer.rule == Rule::kAtFrame) layout.pointer = SavedFramePointer::kAtFrame;
  layout.pointer_offset = static_cast<std::int16_t>(pointer.offset);
  return layout;
}

}  // namespace

FrameLayout run_programs(DwarfBytes common, DwarfBytes own, const ProgramUnits& units,
                         std::uint64_t distance) {
  Machine machine(units, distance);
  if (!machine.run(common)) return kNotFollowed;
  machine.keep_initial();
  return machine.run(own) ? layout_of(machine.row()) : kNotFollowed;
}

}  // namespace terrace::sites
