// SPDX-License-Identifier: Apache-2.0
// tiering/runtime/{placement,lifecycle}.h over plain mappings, for tests of the entry points: every
// allocation of TERRACE_TEST_THRESHOLD bytes and more is an object of its own, with no plan, tier
// or thread involved. At stop() it writes what it served to TERRACE_TEST_SUMMARY ("heap=3 ...").
// Thread-safe by one lock, which the fork brackets hold: a shim that forgets them hangs here.
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "tiering/runtime/lifecycle.h"
#include "tiering/runtime/placement.h"

namespace terrace::runtime {
namespace {

constexpr std::uintptr_t kBlock = std::uintptr_t{2} << 20;
constexpr std::size_t kMaxObjects = 8192;

struct Object {
  std::uintptr_t begin;
  std::size_t size;      ///< asked for
  std::size_t reserved;  ///< mapped
};

constinit Object objects[kMaxObjects] = {};
constinit std::size_t object_count = 0;
constinit pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
constinit thread_local bool in_fork_bracket = false;
constinit std::atomic<std::uint64_t> threshold{UINT64_MAX};
constinit std::atomic<std::uint64_t> made[3] = {};
constinit std::atomic<std::uint64_t> freed{0};
constinit std::atomic<std::uint64_t> shortest_stack{kMaxFrames};
constinit std::atomic<std::uint64_t> sites{0};  ///< sum of the call-sites' hashes

/// The real runtime would hang on itself here; this one says so.
void lock() {
  if (in_fork_bracket) {
    std::fputs("fake runtime: a changing call between the fork brackets\n", stderr);
    std::abort();
  }
  pthread_mutex_lock(&mutex);
}
void unlock() {
  pthread_mutex_unlock(&mutex);
}

/// The real runtime's look-ups take no lock, and the shim relies on that between the brackets.
class ReadLock {
 public:
  ReadLock() {
    if (!in_fork_bracket) lock();
  }
  ~ReadLock() {
    if (!in_fork_bracket) unlock();
  }
};

std::uintptr_t number(const void* address) {
  return reinterpret_cast<std::uintptr_t>(address);
}

/// Index of the object that [address, address+size) touches; kMaxObjects: none. Lock held.
std::size_t find_touching(const void* address, std::size_t size) {
  const std::uintptr_t begin = number(address);
  for (std::size_t i = 0; i < object_count; ++i) {
    const Object& object = objects[i];
    if (begin < object.begin + object.reserved && object.begin < begin + size) return i;
  }
  return kMaxObjects;
}

std::size_t find_start(const void* address) {
  const std::size_t i = find_touching(address, 1);
  return i != kMaxObjects && objects[i].begin == number(address) ? i : kMaxObjects;
}

void forget(std::size_t i) {
  objects[i] = objects[--object_count];
  ++freed;
}

void* reserve(std::size_t reserved, std::size_t alignment) {
  const std::size_t whole = reserved + alignment;
  void* raw = mmap(nullptr, whole, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (raw == MAP_FAILED) return nullptr;
  const std::uintptr_t begin = (number(raw) + alignment - 1) & ~(alignment - 1);
  const std::size_t head = begin - number(raw);
  if (head != 0) munmap(raw, head);
  const std::size_t tail = whole - head - reserved;
  if (tail != 0) munmap(reinterpret_cast<void*>(begin + reserved), tail);
  return reinterpret_cast<void*>(begin);
}

void* add_object(std::size_t size, std::size_t alignment, Origin origin) {
  const int saved_errno = errno;
  if (size > (std::size_t{1} << 40)) return nullptr;
  const std::size_t reserved = std::max((size + kBlock - 1) & ~(kBlock - 1), kBlock);
  void* begin = reserve(reserved, std::max<std::size_t>(alignment, kBlock));
  errno = saved_errno;
  if (begin == nullptr) return nullptr;
  lock();
  const bool room = object_count < kMaxObjects;
  if (room) objects[object_count++] = {number(begin), size, reserved};
  unlock();
  if (!room) {
    munmap(begin, reserved);
    return nullptr;
  }
  ++made[static_cast<int>(origin)];
  return begin;
}

}  // namespace

bool placing() {
  return threshold != UINT64_MAX;
}
std::uint64_t heap_threshold_bytes() {
  return threshold;
}
std::uint64_t anonymous_threshold_bytes() {
  return threshold;
}
std::uint64_t file_threshold_bytes() {
  return threshold;
}

void* allocate_object(std::size_t size, std::size_t alignment, Origin origin, const CallSite& site,
                      Content) {
  std::uint64_t shortest = shortest_stack;
  while (site.frame_count < shortest &&
         !shortest_stack.compare_exchange_weak(shortest, site.frame_count)) {
  }
  sites += site.hash;
  return add_object(size, alignment, origin);
}

bool may_be_object(const void* address) {
  return address != nullptr && number(address) % kBlock == 0;
}

bool owns(const void* address) {
  const ReadLock guard;
  return find_touching(address, 1) != kMaxObjects;
}

bool free_object(void* address) {
  lock();
  const std::size_t i = find_start(address);
  const std::size_t reserved = i == kMaxObjects ? 0 : objects[i].reserved;
  if (reserved != 0) forget(i);
  unlock();
  if (reserved != 0) munmap(address, reserved);
  return reserved != 0;
}

std::size_t object_size(const void* address) {
  const ReadLock guard;
  const std::size_t i = find_start(address);
  return i == kMaxObjects ? 0 : objects[i].reserved;
}

void* resize_object(void* address, std::size_t size, const CallSite& site) {
  const std::size_t old_size = object_size(address);
  if (size <= old_size) return address;
  void* fresh = allocate_object(size, 1, Origin::kHeap, site, Content::kAny);
  if (fresh == nullptr) return nullptr;
  std::memcpy(fresh, address, old_size);
  free_object(address);
  return fresh;
}

void* materialize_file(const FileRequest& request) {
  const auto [fd, file_offset, size, protection, view] = request;
  void* object = add_object(size, 1, Origin::kFile);
  if (object == nullptr) return nullptr;
  std::size_t done = 0;
  while (done < size) {
    const ssize_t got = pread(fd, static_cast<char*>(object) + done, size - done,
                              static_cast<off_t>(file_offset + done));
    if (got <= 0) break;
    done += static_cast<std::size_t>(got);
  }
  mprotect(object, size, protection);
  return object;
}

bool may_touch(const void* address, std::size_t size) {
  const ReadLock guard;
  return find_touching(address, size) != kMaxObjects;
}

// From here on the kernel's mappings are the truth: an object that lost a part is no object any
// more, its rest an ordinary mapping.
void surrender_range(void* address, std::size_t size) {
  unmap_range(address, size);
}

MappingResult unmap_range(void* address, std::size_t size) {
  lock();
  bool touched = false;
  for (std::size_t i = find_touching(address, size); i != kMaxObjects;
       i = find_touching(address, size)) {
    forget(i);
    touched = true;
  }
  unlock();
  if (!touched) return {};
  return {true, munmap(address, size)};
}

MappingResult advise_range(void* address, std::size_t size, int advice) {
  if (!owns(address)) return {};
  return {true, madvise(address, size, advice)};
}

MappingResult protect_range(void* address, std::size_t size, int protection) {
  if (!owns(address)) return {};
  return {true, mprotect(address, size, protection)};
}

MappingResult remap_range(void* address, std::size_t old_size, std::size_t new_size, int flags,
                          void* new_address) {
  if (!owns(address)) return {};
  const std::uintptr_t moved = number(mremap(address, old_size, new_size, flags, new_address));
  if (moved != number(MAP_FAILED)) {
    lock();
    if (const std::size_t i = find_touching(address, 1); i != kMaxObjects) forget(i);
    unlock();
  }
  return {true, static_cast<long>(moved)};
}

void start() {
  const char* text = std::getenv("TERRACE_TEST_THRESHOLD");
  if (text != nullptr) threshold = std::strtoull(text, nullptr, 10);
}

void decline(const char*) {}

void stop() {
  const char* path = std::getenv("TERRACE_TEST_SUMMARY");
  if (path == nullptr) return;
  char line[160];
  const int length = std::snprintf(
      line, sizeof line,
      "heap=%llu anonymous=%llu file=%llu freed=%llu shortest_stack=%llu sites=%016llx\n",
      static_cast<unsigned long long>(made[0]), static_cast<unsigned long long>(made[1]),
      static_cast<unsigned long long>(made[2]), static_cast<unsigned long long>(freed),
      static_cast<unsigned long long>(shortest_stack), static_cast<unsigned long long>(sites));
  const int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (fd < 0) return;
  if (write(fd, line, static_cast<std::size_t>(length)) != length) std::perror(path);
  close(fd);
}

void before_fork() {
  lock();
  in_fork_bracket = true;
}

void after_fork_in_parent() {
  in_fork_bracket = false;
  unlock();
}

void after_fork_in_child() {
  after_fork_in_parent();
}

}  // namespace terrace::runtime
