// SPDX-License-Identifier: Apache-2.0
#include "allocators/kv/store_medium.h"

#include <libpmem.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <vector>

namespace terrace::kv {
namespace {

constexpr std::uint64_t kPage = 4096;

void set_word(std::uint64_t* to, std::uint64_t value) {
  std::atomic_ref<std::uint64_t>(*to).store(value, std::memory_order_release);
}

class PersistentMemory : public StoreMedium {
 public:
  void copy(void* to, const void* from, Bytes size) override {
    pmem_memcpy(to, from, size.value, PMEM_F_MEM_NODRAIN | PMEM_F_MEM_NONTEMPORAL);
  }
  void store_word(std::uint64_t* to, std::uint64_t value) override {
    set_word(to, value);
    pmem_flush(to, sizeof *to);
  }
  Status drain() override {
    pmem_drain();
    return ok_status();
  }
  bool by_msync() const override { return false; }
};

/// Pages [begin, end), by address.
struct Pages {
  std::uintptr_t begin = 0;
  std::uintptr_t end = 0;
};

/// libpmemobj's own persist functions end the process when msync() fails (libpmemobj 1.12, obj.c);
/// a cache that cannot be kept is no reason to.
class MappedFile : public StoreMedium {
 public:
  void copy(void* to, const void* from, Bytes size) override {
    std::memcpy(to, from, size.value);
    note(to, size);
  }
  void store_word(std::uint64_t* to, std::uint64_t value) override {
    set_word(to, value);
    note(to, Bytes(sizeof value));
  }
  Status drain() override {
    merge();
    Status drained = ok_status();
    for (const Pages& pages : dirty_) {
      if (pmem_msync(reinterpret_cast<void*>(pages.begin), pages.end - pages.begin) == 0) continue;
      drained = make_error(ErrorCode::kIo, errno, "msync: %s", std::strerror(errno));
      break;
    }
    dirty_.clear();
    return drained;
  }
  bool by_msync() const override { return true; }

 private:
  void note(const void* at, Bytes size) {
    const auto begin = reinterpret_cast<std::uintptr_t>(at);
    dirty_.push_back({begin / kPage * kPage, (begin + size.value + kPage - 1) / kPage * kPage});
  }
  void merge() {
    std::sort(dirty_.begin(), dirty_.end(),
              [](const Pages& a, const Pages& b) { return a.begin < b.begin; });
    std::size_t last = 0;
    for (std::size_t i = 1; i < dirty_.size(); ++i) {
      if (dirty_[i].begin <= dirty_[last].end) {
        dirty_[last].end = std::max(dirty_[last].end, dirty_[i].end);
      } else {
        dirty_[++last] = dirty_[i];
      }
    }
    if (!dirty_.empty()) dirty_.resize(last + 1);
  }

  std::vector<Pages> dirty_;
};

}  // namespace

std::unique_ptr<StoreMedium> medium_of(std::byte* base, Bytes size) {
  if (pmem_is_pmem(base, size.value) != 0) return std::make_unique<PersistentMemory>();
  return std::make_unique<MappedFile>();
}

}  // namespace terrace::kv
