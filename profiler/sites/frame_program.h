// SPDX-License-Identifier: Apache-2.0
// Runs the call-frame instructions of a CIE and an FDE (DWARF 5, section 6.4.2, and the extensions
// that GCC and binutils emit) up to one instruction, following three things only: the canonical
// frame address, the frame pointer and the return address. Called by frame_layout.cc.
// Thread-safe, async-signal-safe, allocates nothing; the work is bounded by the programs' lengths.
#pragma once

#include <cstdint>

#include "profiler/sites/dwarf_bytes.h"
#include "profiler/sites/frame_layout.h"

namespace terrace::sites {

/// What a CIE says for the instructions of its FDEs.
struct ProgramUnits {
  std::uint64_t code_factor = 1;
  std::int64_t data_factor = 1;
};

/// The layout `distance` bytes into the function. kOther: an instruction or a register that is not
/// followed here.
FrameLayout run_programs(DwarfBytes common, DwarfBytes own, const ProgramUnits& units,
                         std::uint64_t distance);

}  // namespace terrace::sites
