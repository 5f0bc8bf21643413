// SPDX-License-Identifier: Apache-2.0
// What the lab's programs ask of the machine they run in: its nodes, pages placed by hand, where
// pages are. For tests; every failure is a test failure.
#pragma once

#include <gtest/gtest.h>
#include <linux/mempolicy.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

namespace terrace::lab {

inline constexpr std::size_t kPage = 4096;
inline constexpr std::size_t kBlock = std::size_t{2} << 20;

inline std::string read_text(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

inline bool write_text(const std::string& path, const std::string& text) {
  std::ofstream file(path);
  file << text << std::flush;
  return file.good();
}

/// A kernel list such as "0-1,4".
inline std::vector<int> numbers(const std::string& list) {
  std::vector<int> found;
  std::stringstream parts(list);
  for (std::string part; std::getline(parts, part, ',');) {
    if (part.find_first_of("0123456789") == std::string::npos) continue;
    const std::size_t dash = part.find('-');
    const int first = std::stoi(part);
    const int last = dash == std::string::npos ? first : std::stoi(part.substr(dash + 1));
    for (int i = first; i <= last; ++i) found.push_back(i);
  }
  return found;
}

inline std::vector<int> memory_nodes() {
  return numbers(read_text("/sys/devices/system/node/has_memory"));
}

inline int distance(int from, int to) {
  const std::vector<int> online = numbers(read_text("/sys/devices/system/node/online"));
  std::stringstream row(
      read_text("/sys/devices/system/node/node" + std::to_string(from) + "/distance"));
  int value = -1;
  for (const int node : online) {
    row >> value;
    if (node == to) return value;
  }
  return -1;
}

/// Page size of a Memory.
enum class Pages { kSmall, kTransparentHuge };

/// Private memory that the kernel takes from one node, touched whole.
class Memory {
 public:
  Memory(std::size_t size, int node, Pages pages) : size_(size) {
    reserved_ =
        mmap(nullptr, size + kBlock, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    const auto base = (reinterpret_cast<std::uintptr_t>(reserved_) + kBlock - 1) & ~(kBlock - 1);
    at_ = static_cast<char*>(mmap(reinterpret_cast<void*>(base), size, PROT_READ | PROT_WRITE,
                                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
    EXPECT_NE(at_, MAP_FAILED);
    madvise(at_, size, pages == Pages::kSmall ? MADV_NOHUGEPAGE : MADV_HUGEPAGE);
    bind(node);
    std::memset(at_, 1, size);
  }
  ~Memory() { munmap(reserved_, size_ + kBlock); }
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;

  char* data() const { return at_; }
  std::size_t size() const { return size_; }

 private:
  void bind(int node) {
    unsigned long mask[16] = {};
    mask[node / 64] = 1ul << (node % 64);
    EXPECT_EQ(syscall(SYS_mbind, at_, size_, MPOL_BIND, mask, sizeof mask * 8 + 1, 0), 0);
  }

  std::size_t size_;
  void* reserved_ = nullptr;
  char* at_ = nullptr;
};

/// Pages by node as the kernel tells; negative errno values are keys too.
inline std::map<int, std::uint64_t> places(const char* at, std::size_t size, int pid = 0) {
  std::vector<void*> pages;
  for (std::size_t offset = 0; offset < size; offset += kPage) {
    pages.push_back(const_cast<char*>(at) + offset);
  }
  std::vector<int> status(pages.size());
  EXPECT_EQ(syscall(SYS_move_pages, pid, pages.size(), pages.data(), nullptr, status.data(), 0), 0);
  std::map<int, std::uint64_t> found;
  for (const int place : status) ++found[place];
  return found;
}

}  // namespace terrace::lab
