// SPDX-License-Identifier: Apache-2.0
// Address space and mappings. Every call goes to the kernel directly, never through libc's mmap,
// since the preload shim interposes that. Thread-safe, never allocates. Functions return 0 or an
// errno value; errno itself is left alone.
#pragma once

#include <cstdint>

#include <terrace/units.h>

namespace terrace::os {

/// Inaccessible address space of whole blocks, aligned to a block; nullptr when there is none.
/// Costs no memory.
void* reserve_address_space(Bytes size);
/// Zeroed private memory at `at`, replacing what is there, or anywhere for nullptr; nullptr on
/// failure. For memory that leaves our hands.
void* map_private_at(void* at, Bytes size);
enum class PageAdvice : std::uint8_t {
  kHuge,  ///< transparent huge pages where possible
  kNone,  ///< as the machine's setting says: tables that are touched here and there
};
/// Turns [at, at+size) of a reservation into zeroed private memory.
int map_private(void* at, Bytes size, PageAdvice advice = PageAdvice::kHuge);
/// Maps a file at `at`: shared, so that its pages are the file's own.
int map_shared_file(void* at, Bytes size, int fd, std::uint64_t offset);
/// The same pages copy-on-write: later writes on either side stay there.
int map_private_file(void* at, Bytes size, int fd, std::uint64_t offset);
/// What writers of a view of a file share with others.
enum class ViewKind : std::uint8_t {
  kShared,   ///< MAP_SHARED
  kPrivate,  ///< MAP_PRIVATE
};
/// The file as the program itself would map it, replacing in one step what is at `at`.
int map_program_view(void* at, Bytes size, int fd, std::uint64_t offset, int protection,
                     ViewKind kind);
/// The same anywhere; nullptr on failure.
void* map_program_view(Bytes size, int fd, std::uint64_t offset, int protection, ViewKind kind);
/// A second view of a file's pages anywhere; nullptr on failure.
void* map_view(Bytes size, int fd, std::uint64_t offset);
/// A second view of a shared mapping's pages anywhere, with the same protection; nullptr on
/// failure. Needs neither the file's name nor its descriptor.
void* map_same_pages(const void* at, Bytes size);
/// Gives the pages back and leaves inaccessible reservation behind.
int unmap_to_reservation(void* at, Bytes size);
int unmap(void* at, Bytes size);
/// Moves a private mapping over another address range, replacing what is there in one step.
int move_mapping(void* from, Bytes size, void* to);
/// Moves the pages of private memory likewise; the mapping itself stays, without pages, and what
/// watches it goes on doing so. Only within one mapping of the kernel's. Linux 5.7.
int move_pages_away(void* from, Bytes size, void* to);

/// MADV_DONTNEED: private memory becomes zero; of a shared mapping only the page-table entries go.
int drop_pages(void* at, Bytes size);
/// MADV_POPULATE_READ: page-table entries for all of it, zero pages where nothing was written.
int populate_read(void* at, Bytes size);
/// Takes the range out of KSM's hands; 0 where there is no KSM.
int keep_unmerged(void* at, Bytes size);
/// Asks for huge pages; advice, so what the kernel answers does not matter.
void advise_huge(void* at, Bytes size);
/// Asks for small pages only, likewise.
void refuse_huge(void* at, Bytes size);
/// Makes a whole block one huge page where possible (MADV_COLLAPSE, Linux 6.1).
int collapse_block(void* at);
int advise(void* at, Bytes size, int advice);
int protect(void* at, Bytes size, int protection);
int protect_read_only(void* at, Bytes size);
/// How many mappings a process may have (vm.max_map_count); the kernel's default when it cannot be
/// read.
std::uint32_t max_mappings();
/// Physical memory of the machine.
Bytes physical_memory();

}  // namespace terrace::os
