// SPDX-License-Identifier: Apache-2.0
#include "profiler/sites/call_site.h"

#include <dlfcn.h>
#include <gtest/gtest.h>
#include <pthread.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <set>
#include <string>
#include <vector>

namespace {

// Counts what this thread allocates, by standing in front of libc's allocator.
constinit thread_local int allocations = 0;

}  // namespace

extern "C" {
void* __libc_malloc(size_t size);
void* __libc_calloc(size_t count, size_t size);
void* malloc(size_t size) {
  ++allocations;
  return __libc_malloc(size);
}
void* calloc(size_t count, size_t size) {
  ++allocations;
  return __libc_calloc(count, size);
}
}

namespace terrace::sites {
namespace {

// Call chains for the tests: not inlined, not turned into jumps, different code each.
[[gnu::noinline]] CallSite capture_here() {
  CallSite site = capture();
  asm volatile("" : : "r"(&site) : "memory");
  return site;
}

[[gnu::noinline]] CallSite through_one() {
  CallSite site = capture_here();
  asm volatile("nop" : : "r"(&site) : "memory");
  return site;
}

[[gnu::noinline]] CallSite through_another() {
  CallSite site = capture_here();
  asm volatile("nop; nop" : : "r"(&site) : "memory");
  return site;
}

[[gnu::noinline]] CallSite at_depth(int depth) {
  CallSite site = depth == 0 ? capture_here() : at_depth(depth - 1);
  asm volatile("" : : "r"(&site) : "memory");
  return site;
}

std::string function_at(std::uintptr_t address) {
  Dl_info info{};
  if (dladdr(reinterpret_cast<void*>(address - 1), &info) == 0 || info.dli_sname == nullptr) {
    return "";
  }
  return info.dli_sname;
}

TEST(CallSite, SamePlaceHasTheSameHash) {
  std::set<std::uint64_t> hashes;
  for (int i = 0; i < 10; ++i) hashes.insert(through_one().hash);
  EXPECT_EQ(hashes.size(), 1u);
}

TEST(CallSite, CallersApartHaveDifferentHashes) {
  std::set<std::uint64_t> hashes;
  for (int i = 0; i < 2; ++i) hashes.insert(i == 0 ? through_one().hash : through_another().hash);
  EXPECT_EQ(hashes.size(), 2u);
}

TEST(CallSite, TwoLinesOfOneFunctionAreTwoSites) {
  const CallSite first = capture_here();
  const CallSite second = capture_here();
  EXPECT_NE(first.hash, second.hash);
}

TEST(CallSite, KeepsFramesInnermostFirst) {
  const CallSite site = at_depth(30);
  ASSERT_EQ(site.frame_count, static_cast<std::uint32_t>(kMaxFrames));
  // The innermost frame is in capture_here(), the others are calls of at_depth() by itself.
  EXPECT_NE(site.frames[0], site.frames[1]);
  EXPECT_EQ(site.frames[3], site.frames[4]);
  EXPECT_EQ(site.frames[4], site.frames[kMaxFrames - 1]);
}

TEST(CallSite, LeavesItsOwnFrameOut) {
  const CallSite site = capture_here();
  ASSERT_GT(site.frame_count, 0u);
  const auto begin = reinterpret_cast<std::uintptr_t>(&capture_here);
  EXPECT_GE(site.frames[0], begin);
  EXPECT_LT(site.frames[0], begin + 256);
}

TEST(CallSite, DepthBelowTheHashedFramesTellsSitesApart) {
  // Six frames in common, as an engine's weights and its KV cache have: the seventh differs.
  EXPECT_NE(at_depth(5).hash, at_depth(6).hash);
}

// Weights, KV cache and compute buffers of an engine: the innermost four are common to all.
[[gnu::noinline]] CallSite allocate_buffer() {
  return at_depth(2);
}
[[gnu::noinline]] CallSite load_weights() {
  CallSite site = allocate_buffer();
  asm volatile("nop" : : "r"(&site) : "memory");
  return site;
}
[[gnu::noinline]] CallSite make_cache() {
  CallSite site = allocate_buffer();
  asm volatile("nop; nop" : : "r"(&site) : "memory");
  return site;
}

TEST(CallSite, FourInnermostFramesInCommonAreNotOneSite) {
  const CallSite weights = load_weights();
  const CallSite cache = make_cache();
  for (int i = 0; i < 4; ++i) EXPECT_EQ(weights.frames[i], cache.frames[i]) << i;
  EXPECT_NE(weights.hash, cache.hash);
}

TEST(CallSite, FramesBeyondTheHashedOnesDoNotMatter) {
  // The same twelve innermost frames, called from deeper and deeper.
  EXPECT_EQ(at_depth(20).hash, at_depth(40).hash);
}

TEST(CallSite, AllocatesNothing) {
  (void)capture_here();
  allocations = 0;
  for (int i = 0; i < 100; ++i) (void)at_depth(20);
  EXPECT_EQ(allocations, 0);
  // The counter itself works.
  std::free(std::malloc(100));
  EXPECT_GE(allocations, 1);
}

TEST(CallSite, AllocatesNothingOnItsFirstUseInAThread) {
  pthread_t thread{};
  static int counted = -1;
  const auto body = [](void*) -> void* {
    allocations = 0;
    (void)at_depth(3);
    counted = allocations;
    return nullptr;
  };
  ASSERT_EQ(pthread_create(&thread, nullptr, body, nullptr), 0);
  ASSERT_EQ(pthread_join(thread, nullptr), 0);
  EXPECT_EQ(counted, 0);
}

TEST(CallSite, KeepsErrno) {
  errno = 4711;
  (void)capture_here();
  EXPECT_EQ(errno, 4711);
}

// A comparator called from libc's qsort: the walk must pass through libc.
CallSite in_callback;
TEST(CallSite, WalksThroughOtherLibraries) {
  int numbers[] = {2, 1};
  std::qsort(numbers, 2, sizeof numbers[0], [](const void* a, const void* b) {
    in_callback = capture_here();
    return *static_cast<const int*>(a) - *static_cast<const int*>(b);
  });
  std::vector<std::string> names;
  for (std::uint32_t i = 0; i < in_callback.frame_count; ++i) {
    names.push_back(function_at(in_callback.frames[i]));
  }
  EXPECT_NE(std::find(names.begin(), names.end(), "qsort_r"), names.end())
      << ::testing::PrintToString(names);
}

/// What a run of this program printed: the site's hash, and an address of the run.
struct Printed {
  std::string hash;
  std::string address;
};

Printed run_once() {
  const std::string command = std::string("TERRACE_PRINT_SITE=1 ") + program_invocation_name;
  FILE* stream = popen(command.c_str(), "r");
  char hash[32] = {};
  char address[32] = {};
  EXPECT_EQ(std::fscanf(stream, "%31s %31s", hash, address), 2);
  EXPECT_EQ(pclose(stream), 0);
  return {hash, address};
}

TEST(CallSite, IsTheSameInEveryRun) {
  // Each run loads the program and its libraries at other addresses.
  std::set<std::string> hashes;
  std::set<std::string> addresses;
  for (int run = 0; run < 5; ++run) {
    const Printed printed = run_once();
    hashes.insert(printed.hash);
    addresses.insert(printed.address);
  }
  EXPECT_EQ(hashes.size(), 1u);
  if (addresses.size() == 1) GTEST_SKIP() << "address space randomisation is off";
}

[[gnu::constructor]] void print_site_when_asked() {
  if (std::getenv("TERRACE_PRINT_SITE") == nullptr) return;
  const CallSite site = at_depth(8);
  std::printf("%016llx %llx\n", static_cast<unsigned long long>(site.hash),
              static_cast<unsigned long long>(site.frames[0]));
  std::exit(0);
}

TEST(FileSite, KnowsTheFileByNameSizeAndOffset) {
  const std::uint64_t hash = file_site("/models/a.gguf", 1000, 0).hash;
  EXPECT_EQ(hash, file_site("/elsewhere/a.gguf", 1000, 0).hash);
  EXPECT_EQ(hash, file_site("a.gguf", 1000, 0).hash);
  EXPECT_NE(hash, file_site("/models/b.gguf", 1000, 0).hash);
  EXPECT_NE(hash, file_site("/models/a.gguf", 1001, 0).hash);
  EXPECT_NE(hash, file_site("/models/a.gguf", 1000, 4096).hash);
  EXPECT_EQ(file_site("a.gguf", 1, 0).frame_count, 0u);
}

}  // namespace
}  // namespace terrace::sites
