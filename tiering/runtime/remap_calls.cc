// SPDX-License-Identifier: Apache-2.0
// mremap on memory of ours. What moves leaves us: it becomes an ordinary mapping with the pages,
// the protection and the advice that it had, and the object keeps a hole there, or, with
// MREMAP_DONTUNMAP, empty pages.
#include <sys/mman.h>

#include <cstring>

#include "allocators/os/mapping.h"
#include "allocators/os/mapping_facts.h"
#include "tiering/runtime/file_ranges.h"
#include "tiering/runtime/object_parts.h"

namespace terrace::runtime {
namespace {

constexpr std::uint64_t kPage = 4096;

struct Request {
  char* address = nullptr;
  std::uint64_t old_size = 0;
  std::uint64_t new_size = 0;
  int flags = 0;
  char* target = nullptr;

  bool has(int flag) const { return (flags & flag) != 0; }
  std::uint64_t moved() const { return std::min(old_size, new_size); }
};

bool overlaps(const char* one, std::uint64_t size, const char* other, std::uint64_t other_size) {
  return one < other + other_size && other < one + size;
}

bool is_page(const void* address) {
  return reinterpret_cast<std::uintptr_t>(address) % kPage == 0;
}

/// What the kernel refuses whatever is mapped: 0 or EINVAL (mremap(2), and mm/mremap.c for the
/// order of its checks, which does not matter with one error).
int check_arguments(const Request& request) {
  constexpr int kKnown = MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP;
  const bool needs_move = request.has(MREMAP_FIXED) || request.has(MREMAP_DONTUNMAP);
  if ((request.flags & ~kKnown) != 0 || request.new_size == 0) return EINVAL;
  if (needs_move && !request.has(MREMAP_MAYMOVE)) return EINVAL;
  // A second view of the same pages is for shared memory only.
  if (request.old_size == 0) return EINVAL;
  if (request.has(MREMAP_DONTUNMAP) && request.old_size != request.new_size) return EINVAL;
  if (!request.has(MREMAP_FIXED)) return 0;
  const bool lies_on_itself =
      overlaps(request.address, request.old_size, request.target, request.new_size);
  return !is_page(request.target) || lies_on_itself ? EINVAL : 0;
}

Part part_of(const State& runtime, extent::Object& object, const Request& request) {
  const char* const base = runtime.arena.address_of(object.first_block);
  const auto begin = static_cast<std::uint64_t>(request.address - base);
  return {&object, begin, begin + request.old_size};
}

/// One mapping with nothing missing? More is EFAULT to the kernel as well.
bool is_whole(const Part& part) {
  return part.end <= used_bytes(*part.object) &&
         for_each_mapped(part, [](std::uint64_t, std::uint64_t) {});
}

/// The protection of the mapping at an address; by default what anonymous memory usually has.
int protection_at(const char* address) {
  const auto at = reinterpret_cast<std::uintptr_t>(address);
  auto reader = os::MappingReader::open(0, os::MappingDetail::kPlain);
  if (!reader) return PROT_READ | PROT_WRITE;
  while (const auto facts = reader->next()) {
    if (facts->end <= at) continue;
    return (facts->readable ? PROT_READ : 0) | (facts->writable ? PROT_WRITE : 0);
  }
  return PROT_READ | PROT_WRITE;
}

/// Moves pages with their protection, run by run of the kernel's mappings, whose ends are found by
/// halving. What cannot be moved goes back.
class Move {
 public:
  Move(char* from, char* to) : from_(from), to_(to) {}

  int run(std::uint64_t size) {
    while (done_ < size) {
      const int error = next_run(size - done_);
      if (error == 0) continue;
      go_back();
      return error;
    }
    return 0;
  }

 private:
  int next_run(std::uint64_t left) {
    std::uint64_t length = left;
    int error = move(length);
    while (error == EFAULT && length > kPage) {
      length = (length / 2 + kPage - 1) & ~(kPage - 1);
      error = move(length);
    }
    if (error == 0) done_ += length;
    return error;
  }

  int move(std::uint64_t length) const {
    return os::move_pages_away(from_ + done_, Bytes(length), to_ + done_);
  }

  void go_back() {
    const std::uint64_t moved = done_;
    for (done_ = 0; done_ < moved;) {
      std::uint64_t length = moved - done_;
      int error = move_back(length);
      while (error != 0 && length > kPage) {
        length = (length / 2 + kPage - 1) & ~(kPage - 1);
        error = move_back(length);
      }
      if (error != 0) copy_back(length);
      done_ += length;
    }
  }

  int move_back(std::uint64_t length) const {
    return os::move_pages_away(to_ + done_, Bytes(length), from_ + done_);
  }

  /// When the kernel takes the pages neither way. Other threads may see them writable meanwhile.
  void copy_back(std::uint64_t length) const {
    const int protection = protection_at(from_ + done_);
    os::protect(to_ + done_, Bytes(length), PROT_READ | PROT_WRITE);
    os::protect(from_ + done_, Bytes(length), PROT_READ | PROT_WRITE);
    std::memcpy(from_ + done_, to_ + done_, length);
    os::protect(from_ + done_, Bytes(length), protection);
  }

  char* from_;
  char* to_;
  std::uint64_t done_ = 0;
};

/// The part's pages to `target`, where private memory for all of it is mapped already. What the
/// mapping grows by is that memory, with the protection of the last page.
int move_part(State& runtime, const Part& part, const Request& request, char* target) {
  extent::Object& object = *part.object;
  object.reshaped = true;
  if (object.shared) {
    if (const int error = make_private(runtime, part)) return error;
  }
  const std::uint64_t growth = request.new_size - request.moved();
  if (growth != 0) {
    const int protection = protection_at(request.address + request.moved() - 1);
    if (protection != (PROT_READ | PROT_WRITE)) {
      os::protect(target + request.moved(), Bytes(growth), protection);
    }
  }
  Move move(request.address, target);
  const int error = move.run(request.moved());
  if (error != EINVAL) return error;
  // Linux before 5.7 moves no pages out of a mapping that stays.
  std::memcpy(target, request.address, request.moved());
  return os::drop_pages(request.address, Bytes(request.moved()));
}

MappingResult move_away(State& runtime, const Part& part, const Request& request) {
  char* const wanted = request.has(MREMAP_FIXED) ? request.target : nullptr;
  if (part.object->key.origin == Origin::kFile) {
    // The file goes on beyond what was mapped, as it does in the kernel's view.
    void* const view = view_of_file(*part.object, part.begin, Bytes(request.new_size), wanted);
    if (view != nullptr) {
      if (!request.has(MREMAP_DONTUNMAP)) unmap_part(runtime, part);
      return {true, reinterpret_cast<long>(view)};
    }
  }
  auto* const target = static_cast<char*>(os::map_private_at(wanted, Bytes(request.new_size)));
  if (target == nullptr) return done(ENOMEM);
  if (const int error = move_part(runtime, part, request, target)) {
    os::unmap(target, Bytes(request.new_size));
    return done(error);
  }
  unwatch_content(*part.object);
  if (!request.has(MREMAP_DONTUNMAP)) unmap_part(runtime, part);
  return {true, reinterpret_cast<long>(target)};
}

/// Under the lock. Not handled: the address is in the arena, but what lies there is the program's.
MappingResult remap(State& runtime, const Request& request) {
  extent::Object* const object = runtime.arena.find(request.address);
  if (object == nullptr) {
    return runtime.arena.is_surrendered(request.address) ? MappingResult{} : done(EFAULT);
  }
  const Part part = part_of(runtime, *object, request);
  const bool stays = !request.has(MREMAP_FIXED) && !request.has(MREMAP_DONTUNMAP);
  const extent::Hole hole = next_hole(*object, part.begin, part.end);
  if (hole.begin <= part.begin && object->surrendered) return {};
  if (stays && request.new_size <= request.old_size) {
    const Part tail{object, part.begin + request.new_size, part.end};
    if (tail.begin < tail.end) unmap_part(runtime, tail);
    return {true, reinterpret_cast<long>(request.address)};
  }
  if (!is_whole(part)) return done(EFAULT);
  if (!request.has(MREMAP_MAYMOVE)) return done(ENOMEM);
  return move_away(runtime, part, request);
}

}  // namespace

MappingResult remap_range(void* address, std::size_t old_size, std::size_t new_size, int flags,
                          void* new_address) {
  State& runtime = state();
  if (!runtime.arena.is_open() || !runtime.arena.contains(address)) return {};
  const Request request{static_cast<char*>(address), old_size, new_size, flags,
                        static_cast<char*>(new_address)};
  if (const int error = check_arguments(request)) return done(error);
  // The target is mapped over, as by mmap with MAP_FIXED.
  if (request.has(MREMAP_FIXED)) surrender_range(new_address, new_size);
  const LockGuard guard(runtime.lock);
  return remap(runtime, request);
}

}  // namespace terrace::runtime
