// SPDX-License-Identifier: Apache-2.0
// Formats: LSB 5.0 Core, "Exception Frames" (.eh_frame, .eh_frame_hdr).
#include "profiler/sites/frame_layout.h"

#include <cstring>

#include "profiler/sites/dwarf_bytes.h"
#include "profiler/sites/frame_program.h"

namespace terrace::sites {
namespace {

constexpr FrameLayout kUndescribed{};
constexpr FrameLayout kNotFollowed{FrameBase::kOther, SavedFramePointer::kKept, 0, 0};

// Pointer encodings: what every linker in use writes. Any other is left to the full unwinder.
constexpr std::uint8_t kRelative32 = 0x1b;       // DW_EH_PE_pcrel | DW_EH_PE_sdata4
constexpr std::uint8_t kUnsigned32 = 0x03;       // DW_EH_PE_udata4
constexpr std::uint8_t kTableRelative32 = 0x3b;  // DW_EH_PE_datarel | DW_EH_PE_sdata4
constexpr std::uint8_t kAligned = 0x50;
constexpr std::uint8_t kLeb = 0x01;

struct IndexHead {
  std::uint8_t version;
  std::uint8_t frame_encoding;
  std::uint8_t count_encoding;
  std::uint8_t table_encoding;
  std::int32_t frame;
  std::uint32_t count;
};
static_assert(sizeof(IndexHead) == 12);

/// Both relative to the index.
struct IndexRow {
  std::int32_t code;
  std::int32_t description;
};

bool is_usual(const IndexHead& head) {
  return head.version == 1 && head.frame_encoding == kRelative32 &&
         head.count_encoding == kUnsigned32 && head.table_encoding == kTableRelative32;
}

/// The last row that begins at or before `target`; nullptr when all begin after it.
const IndexRow* last_row_before(const IndexRow* rows, std::uint32_t count, std::int64_t target) {
  std::uint32_t low = 0;
  std::uint32_t high = count;
  while (low < high) {
    const std::uint32_t middle = low + (high - low) / 2;
    if (rows[middle].code <= target) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low == 0 ? nullptr : rows + low - 1;
}

/// The bytes of the CIE or FDE at `record`, without its length. 64-bit records read as empty.
DwarfBytes record_bytes(const unsigned char* record) {
  std::uint32_t length = 0;
  std::memcpy(&length, record, sizeof length);
  const unsigned char* const begin = record + sizeof length;
  return length == UINT32_MAX ? DwarfBytes(begin, begin) : DwarfBytes(begin, begin + length);
}

/// A CIE, as far as its FDEs need it.
struct Common {
  bool followed = false;
  bool signal = false;
  ProgramUnits units;
  DwarfBytes program{nullptr, nullptr};
};

std::uint32_t encoded_bytes(std::uint8_t encoding) {
  switch (encoding & 0x07) {
    case 0x02:
      return 2;
    case 0x03:
      return 4;
    default:
      return 8;
  }
}

/// The letters after 'z'; false when one is unknown or addresses are written another way.
bool read_augmentation(const char* letters, DwarfBytes data, Common& common) {
  for (; *letters != '\0'; ++letters) {
    switch (*letters) {
      case 'R':
        if (data.fixed<std::uint8_t>() != kRelative32) return false;
        break;
      case 'P': {
        const auto encoding = data.fixed<std::uint8_t>();
        if (encoding == kAligned || (encoding & 0x07) == kLeb) return false;
        data.skip(encoded_bytes(encoding));
        break;
      }
      case 'L':
        data.skip(1);
        break;
      case 'S':
        common.signal = true;
        break;
      default:
        return false;
    }
  }
  return !data.failed();
}

Common read_common(const unsigned char* record) {
  Common common;
  DwarfBytes bytes = record_bytes(record);
  bytes.skip(4);  // the mark of a CIE
  const auto version = bytes.fixed<std::uint8_t>();
  const auto* letters = reinterpret_cast<const char*>(bytes.position());
  // Only what starts with 'z' says how its FDEs write addresses.
  if (bytes.failed() || bytes.done() || letters[0] != 'z') return common;
  bytes.skip(std::strlen(letters) + 1);
  common.units.code_factor = bytes.unsigned_leb();
  common.units.data_factor = bytes.signed_leb();
  const std::uint64_t return_column =
      version == 1 ? bytes.fixed<std::uint8_t>() : bytes.unsigned_leb();
  const DwarfBytes data = bytes.part(bytes.unsigned_leb());
  common.program = bytes;
  common.followed = (version == 1 || version == 3) && return_column == 16 && !bytes.failed() &&
                    read_augmentation(letters + 1, data, common);
  return common;
}

FrameLayout read_description(const unsigned char* record, std::uintptr_t address) {
  DwarfBytes bytes = record_bytes(record);
  const unsigned char* const link = bytes.position();
  const auto distance_to_common = bytes.fixed<std::uint32_t>();
  const unsigned char* const code = bytes.position();
  const auto begin =
      reinterpret_cast<std::uintptr_t>(code) +
      static_cast<std::uintptr_t>(static_cast<std::intptr_t>(bytes.fixed<std::int32_t>()));
  const auto length = bytes.fixed<std::uint32_t>();
  if (bytes.failed() || distance_to_common == 0) return kNotFollowed;
  const Common common = read_common(link - distance_to_common);
  if (!common.followed) return kNotFollowed;
  if (address - begin >= length) return kUndescribed;
  if (common.signal) return {.base = FrameBase::kSignal};
  bytes.skip(bytes.unsigned_leb());
  if (bytes.failed()) return kNotFollowed;
  return run_programs(common.program, bytes, common.units, address - begin);
}

}  // namespace

FrameLayout find_layout(std::uintptr_t address, const void* index) {
  if (index == nullptr) return kUndescribed;
  const auto* const bytes = static_cast<const unsigned char*>(index);
  IndexHead head;
  std::memcpy(&head, bytes, sizeof head);
  if (!is_usual(head)) return kNotFollowed;
  const auto base = reinterpret_cast<std::uintptr_t>(index);
  const auto* const rows = reinterpret_cast<const IndexRow*>(bytes + sizeof head);
  const IndexRow* const row =
      last_row_before(rows, head.count, static_cast<std::int64_t>(address - base));
  return row == nullptr ? kUndescribed : read_description(bytes + row->description, address);
}

}  // namespace terrace::sites
