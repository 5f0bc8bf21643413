// SPDX-License-Identifier: Apache-2.0
#include "tiering/runtime/file_ranges.h"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>

#include "allocators/os/mapping.h"
#include "allocators/os/mapping_facts.h"

namespace terrace::runtime {
namespace {

os::ViewKind kind_of(const extent::Object& object) {
  return object.shared_view ? os::ViewKind::kShared : os::ViewKind::kPrivate;
}

struct Stretch {
  std::uintptr_t begin = 0;
  std::uintptr_t end = 0;
};

enum class Whose : std::uint8_t {
  kCopy,  ///< our memory
  kView,  ///< the kernel's mapping of the object's file
};

/// Calls body(stretch, whose) for each part of `wanted`, in order, until one returns an error. An
/// errno value.
template <typename Body>
int for_each_stretch(const extent::Object& object, Stretch wanted, Body body) {
  const os::FileIdentity file = os::identity_of(object.content_fd);
  auto reader = os::MappingReader::open(0, os::MappingDetail::kPlain);
  if (!reader) return reader.error().saved_errno != 0 ? reader.error().saved_errno : ENOMEM;
  int error = 0;
  while (error == 0 && wanted.begin < wanted.end) {
    const auto facts = reader->next();
    if (!facts) break;
    if (facts->end <= wanted.begin || !(facts->file == file)) continue;
    const Stretch view{std::max(wanted.begin, facts->begin), std::min(wanted.end, facts->end)};
    if (view.begin >= wanted.end) break;
    if (view.begin > wanted.begin) error = body(Stretch{wanted.begin, view.begin}, Whose::kCopy);
    if (error == 0) error = body(view, Whose::kView);
    wanted.begin = view.end;
  }
  if (error == 0) error = reader->error();
  if (error == 0 && wanted.begin < wanted.end) error = body(wanted, Whose::kCopy);
  return error;
}

}  // namespace

bool has_hole(const extent::Object& object, std::uint64_t begin, std::uint64_t end) {
  for (std::uint32_t i = 0; i < object.hole_count; ++i) {
    if (object.holes[i].begin < end && object.holes[i].end > begin) return true;
  }
  return false;
}

bool file_is_unchanged(const extent::Object& object) {
  if (object.content_fd < 0) return false;
  const auto now = os::stamp_of(object.content_fd);
  return now && *now == object.stamp;
}

int show_file(State& runtime, const extent::Object& object, std::uint64_t begin, std::uint64_t end,
              int protection) {
  if (!file_is_unchanged(object)) return ESTALE;
  return os::map_program_view(runtime.arena.address_of(object.first_block) + begin,
                              Bytes(end - begin), object.content_fd, object.content_offset + begin,
                              protection, kind_of(object));
}

int protect_file(State& runtime, extent::Object& object, std::uint64_t begin, std::uint64_t end,
                 int protection) {
  char* const base = runtime.arena.address_of(object.first_block);
  if (has_hole(object, begin, end)) return ENOMEM;
  if ((protection & PROT_WRITE) == 0 || !file_is_unchanged(object)) {
    return os::protect(base + begin, Bytes(end - begin), protection);
  }
  object.written = true;
  const auto at = reinterpret_cast<std::uintptr_t>(base);
  return for_each_stretch(object, {at + begin, at + end}, [&](const Stretch& part, Whose whose) {
    // What the program wrote to a view before stays in it.
    if (whose == Whose::kCopy) {
      return show_file(runtime, object, part.begin - at, part.end - at, protection);
    }
    return os::protect(reinterpret_cast<void*>(part.begin), Bytes(part.end - part.begin),
                       protection);
  });
}

int discard_file(State& runtime, extent::Object& object, std::uint64_t begin, std::uint64_t end) {
  if (!object.written) return 0;  // its content is the file's
  const auto at = reinterpret_cast<std::uintptr_t>(runtime.arena.address_of(object.first_block));
  return for_each_stretch(object, {at + begin, at + end}, [](const Stretch& part, Whose whose) {
    if (whose == Whose::kCopy) return 0;
    return os::drop_pages(reinterpret_cast<void*>(part.begin), Bytes(part.end - part.begin));
  });
}

int refused_on_file(int advice) {
  switch (advice) {
    case MADV_FREE:
    case MADV_WIPEONFORK:
      return EINVAL;
    case MADV_REMOVE:
      return EACCES;
    default:
      return 0;
  }
}

void* view_of_file(const extent::Object& object, std::uint64_t begin, Bytes size, void* at) {
  if (object.reshaped || object.hole_count != 0 || !file_is_unchanged(object)) return nullptr;
  const std::uint64_t offset = object.content_offset + begin;
  if (at == nullptr) {
    return os::map_program_view(size, object.content_fd, offset, PROT_READ, kind_of(object));
  }
  const int error =
      os::map_program_view(at, size, object.content_fd, offset, PROT_READ, kind_of(object));
  return error == 0 ? at : nullptr;
}

}  // namespace terrace::runtime
