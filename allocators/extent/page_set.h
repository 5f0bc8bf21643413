// SPDX-License-Identifier: Apache-2.0
// Pages of a range that must be copied (again). Used by pre_copy while writers are let through.
// Memory comes from the kernel, not from the heap. One thread at a time.
#pragma once

#include <bit>
#include <cstdint>

#include <terrace/units.h>

#include "allocators/os/mapping.h"

namespace terrace::extent {

inline constexpr std::uint64_t kPageShift = 12;
inline constexpr Bytes kPageBytes = Bytes(std::uint64_t{1} << kPageShift);

struct PageRun {
  std::uint64_t first = 0;
  std::uint64_t count = 0;  ///< 0: none is left
  std::uint64_t end() const { return first + count; }
};

class PageSet {
 public:
  explicit PageSet(std::uint64_t pages)
      : pages_(pages), words_(static_cast<std::uint64_t*>(os::map_private_at(nullptr, memory()))) {}
  ~PageSet() {
    if (words_ != nullptr) os::unmap(words_, memory());
  }
  PageSet(const PageSet&) = delete;
  PageSet& operator=(const PageSet&) = delete;

  bool has_memory() const { return words_ != nullptr; }
  std::uint64_t count() const { return count_; }
  bool contains(std::uint64_t page) const { return (words_[page / 64] >> (page % 64) & 1) != 0; }
  void add(std::uint64_t page) {
    if (contains(page)) return;
    words_[page / 64] |= std::uint64_t{1} << (page % 64);
    ++count_;
  }
  void add_all() {
    for (std::uint64_t page = 0; page < pages_; ++page) add(page);
  }
  void remove(PageRun run) {
    for (std::uint64_t page = run.first; page < run.end(); ++page) {
      words_[page / 64] &= ~(std::uint64_t{1} << (page % 64));
    }
    count_ -= run.count;
  }
  /// The first run at or after `from`; pages beyond `limit` are not looked at once it has begun.
  template <typename LimitOf>
  PageRun next(std::uint64_t from, LimitOf limit_of) const {
    const std::uint64_t first = find(from);
    if (first >= pages_) return {pages_, 0};
    std::uint64_t end = first + 1;
    const std::uint64_t limit = limit_of(first);
    while (end < pages_ && end < limit && contains(end)) ++end;
    return {first, end - first};
  }

 private:
  Bytes memory() const { return Bytes(((pages_ / 64 + 1) * 8 + 4095) & ~std::uint64_t{4095}); }
  std::uint64_t find(std::uint64_t from) const {
    for (std::uint64_t page = from; page < pages_;) {
      const std::uint64_t word = words_[page / 64] >> (page % 64);
      if (word != 0) return page + static_cast<std::uint64_t>(std::countr_zero(word));
      page = (page / 64 + 1) * 64;
    }
    return pages_;
  }

  std::uint64_t pages_;
  std::uint64_t* words_;
  std::uint64_t count_ = 0;
};

}  // namespace terrace::extent
