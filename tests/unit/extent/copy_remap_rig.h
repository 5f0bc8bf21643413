// SPDX-License-Identifier: Apache-2.0
// A range of private memory and a file of the same size for the tests of copy and remap, and
// threads that write into the range while it is exchanged.
#pragma once

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "allocators/extent/copy_remap.h"

namespace terrace::extent {

inline constexpr std::uint64_t kPage = 4096;
inline constexpr std::uint64_t kBlock = kBlockBytes.value;

/// Whole words. A word that a thread writes meanwhile is copied again when its page is found
/// written; to the thread sanitizer, which cannot know, it would be a race (memcpy always shows).
__attribute__((no_sanitize("thread"))) inline void plain_copy(void* to, const void* from,
                                                              std::size_t size) {
  auto* const target = static_cast<volatile std::uint64_t*>(to);
  const auto* const source = static_cast<const volatile std::uint64_t*>(from);
  for (std::size_t i = 0; i < size / 8; ++i) target[i] = source[i];
}

/// A memfd, mapped once more as the view.
class TestFile {
 public:
  explicit TestFile(std::uint64_t size, unsigned flags = 0)
      : size_(size), fd_(memfd_create("copy_remap_test", flags)) {
    if (fd_ < 0 || ftruncate(fd_, static_cast<off_t>(size)) != 0) return;
    void* const at = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd_, 0);
    if (at != MAP_FAILED) view_ = static_cast<char*>(at);
  }
  ~TestFile() {
    if (view_ != nullptr) munmap(view_, size_);
    if (fd_ >= 0) close(fd_);
  }
  TestFile(const TestFile&) = delete;
  TestFile& operator=(const TestFile&) = delete;
  bool ready() const { return view_ != nullptr; }
  int fd() const { return fd_; }
  char* view() const { return view_; }

 private:
  std::uint64_t size_;
  int fd_;
  char* view_ = nullptr;
};

enum class Huge : std::uint8_t { kNo, kYes };

/// Private memory `shift` bytes after a block's beginning, between two pages of its own neighbours
/// that must stay what they are.
class TestRange {
 public:
  explicit TestRange(std::uint64_t size, Huge huge = Huge::kNo, std::uint64_t shift = 0)
      : size_(size), mapped_(size + 3 * kBlock) {
    base_ = static_cast<char*>(mmap(nullptr, mapped_, PROT_READ | PROT_WRITE,
                                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
    const auto start = reinterpret_cast<std::uintptr_t>(base_) + kBlock;
    at_ = base_ + (kBlock + (kBlock - start % kBlock) % kBlock + shift);
    madvise(base_, mapped_, huge == Huge::kYes ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
    std::memset(at_ - kPage, 0x5A, kPage);
    std::memset(at_ + size_, 0xA5, kPage);
  }
  ~TestRange() { munmap(base_, mapped_); }
  TestRange(const TestRange&) = delete;
  TestRange& operator=(const TestRange&) = delete;

  char* at() const { return at_; }
  Bytes size() const { return Bytes(size_); }
  std::uint64_t pages() const { return size_ / kPage; }
  std::uint64_t* word(std::uint64_t page, std::uint64_t index = 0) const {
    return reinterpret_cast<std::uint64_t*>(at_ + page * kPage) + index;
  }
  void fill(std::uint64_t seed) const {
    for (std::uint64_t i = 0; i < size_ / 8; ++i) *word(0, i) = seed + i * 0x9E3779B97F4A7C15u;
  }
  bool holds(std::uint64_t seed) const {
    for (std::uint64_t i = 0; i < size_ / 8; ++i) {
      if (*word(0, i) != seed + i * 0x9E3779B97F4A7C15u) return false;
    }
    return true;
  }
  bool neighbours_are_untouched() const {
    for (std::uint64_t i = 0; i < kPage; ++i) {
      if (at_[i - kPage] != 0x5A || at_[size_ + i] != static_cast<char>(0xA5)) return false;
    }
    return true;
  }

 private:
  std::uint64_t size_;
  std::uint64_t mapped_;
  char* base_ = nullptr;
  char* at_ = nullptr;
};

/// Counts in a word of every page of a range that is its own, from its start until stop(). A count
/// that a later look finds lower, or other than what was written, was lost.
class Writer {
 public:
  /// Uses word `index` of the pages first, first + stride, ...
  Writer(const TestRange& range, std::uint64_t first, std::uint64_t stride, std::uint64_t index)
      : range_(range), first_(first), stride_(stride), index_(index), thread_([this] { run(); }) {
    while (rounds_.load() < 1) std::this_thread::yield();
  }
  ~Writer() { stop(); }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  void stop() {
    stop_.store(true);
    if (thread_.joinable()) thread_.join();
  }
  std::uint64_t rounds() const { return rounds_.load(); }
  std::uint64_t lost() const { return lost_; }
  /// Returns when the writer got round once more.
  void see_it_run() const {
    const std::uint64_t now = rounds_.load();
    while (rounds_.load() < now + 2) std::this_thread::yield();
  }
  /// After stop(): the words hold what was written last.
  bool complete() const {
    if (lost_ != 0) return false;
    for (std::uint64_t page = first_; page < range_.pages(); page += stride_) {
      if (*range_.word(page, index_) != rounds_.load()) return false;
    }
    return true;
  }

 private:
  void run() {
    for (std::uint64_t round = 0; !stop_.load(); ++round) {
      for (std::uint64_t page = first_; page < range_.pages(); page += stride_) {
        auto* const word = static_cast<volatile std::uint64_t*>(range_.word(page, index_));
        if (round != 0 && *word != round) ++lost_;
        *word = round + 1;
      }
      rounds_.store(round + 1);
    }
  }

  const TestRange& range_;
  std::uint64_t first_;
  std::uint64_t stride_;
  std::uint64_t index_;
  std::uint64_t lost_ = 0;
  std::atomic<bool> stop_{false};
  std::atomic<std::uint64_t> rounds_{0};
  std::thread thread_;
};

/// With a CopyRemap; skipped where the kernel has none. A thread that is never let go would hang
/// the test: it ends with a signal after `kSeconds`.
template <unsigned kSeconds = 60>
class WithCopyRemap {
 protected:
  void open_remap() {
    auto opened = CopyRemap::open();
    if (!opened) GTEST_SKIP() << opened.error().message;
    remap_ = *opened;
    alarm(kSeconds);
  }
  static void end_watch() { alarm(0); }
  RemapReport to_file(const TestRange& range, const TestFile& file) const {
    return remap_.to_file(range.at(), range.size(), file.fd(), 0, file.view(), plain_copy, {});
  }
  RemapReport to_private(const TestRange& range, const TestFile& file,
                         const os::NodeMask& nodes = {}) const {
    return remap_.to_private(range.at(), range.size(), file.view(), nodes, os::Binding::kPreferred);
  }

  CopyRemap remap_;
};

}  // namespace terrace::extent
