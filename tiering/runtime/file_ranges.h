// SPDX-License-Identifier: Apache-2.0
// Parts of a copied file that become the kernel's mapping of that file again: what the program
// makes writable, moves, or no longer touches. The kernel replaces a mapping in one step, so that a
// thread that reads meanwhile sees the same bytes before and after. Internal to tiering/runtime;
// the lock is held; never allocates; errors as errno values.
#pragma once

#include <cstdint>

#include <sys/types.h>

#include <terrace/units.h>

#include "tiering/runtime/state.h"

namespace terrace::runtime {

/// Is the file still what was copied, and have we a descriptor of it?
bool file_is_unchanged(const extent::Object& object);

/// Has the program unmapped any of [begin, end)?
bool has_hole(const extent::Object& object, std::uint64_t begin, std::uint64_t end);

/// The kernel's view of the file over [begin, end) of the object, in whole pages; its tiers are not
/// touched. ESTALE when the file is another by now, or none of ours.
int show_file(State& runtime, const extent::Object& object, std::uint64_t begin, std::uint64_t end,
              int protection);

/// mprotect on a part of a copied file, as on the program's own mapping of it: a part that becomes
/// writable is the kernel's from here on.
int protect_file(State& runtime, extent::Object& object, std::uint64_t begin, std::uint64_t end,
                 int protection);

/// madvise(MADV_DONTNEED): what the program wrote to a part goes, the file's content comes back.
int discard_file(State& runtime, extent::Object& object, std::uint64_t begin, std::uint64_t end);

/// What the kernel answers to this advice on a file's read-only mapping and not on memory without a
/// file: an errno value. 0: nothing special.
int refused_on_file(int advice);

/// A view of the same part of the file, as long as the program asks for, for mremap: at `at`, or
/// anywhere for nullptr. nullptr when the object is not what it was, or there is no room.
void* view_of_file(const extent::Object& object, std::uint64_t begin, Bytes size, void* at);

}  // namespace terrace::runtime
