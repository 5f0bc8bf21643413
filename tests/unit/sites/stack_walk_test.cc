// SPDX-License-Identifier: Apache-2.0
// The quick walk against libgcc's unwinder, on stacks of every making: the site must be the same.
#include <dlfcn.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <ucontext.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <random>
#include <set>
#include <vector>

#include "profiler/sites/call_site.h"
#include "profiler/sites/stack_walk.h"
#include "tests/unit/sites/chain.h"

namespace terrace::sites {
namespace {

using Take = CallSite (*)();
constinit Take volatile ways[] = {&capture, &capture, &capture_by_unwinder};

/// The same place by the quick way, by it again from the cache, and by the thorough way: one call
/// instruction, so that the innermost return address is the same.
struct Sites {
  CallSite first;
  CallSite again;
  CallSite thorough;
};

[[gnu::noinline]] void take_all(void* into) {
  auto* const sites = static_cast<CallSite*>(into);
#pragma GCC unroll 1
  for (int i = 0; i < 3; ++i) sites[i] = ways[i]();
}

[[gnu::noinline]] Sites sites_here() {
  Sites sites;
  take_all(&sites.first);
  return sites;
}

bool equal(const CallSite& one, const CallSite& other) {
  return one.hash == other.hash && one.frame_count == other.frame_count &&
         std::equal(one.frames, one.frames + one.frame_count, other.frames);
}

void expect_agreement(const Sites& sites) {
  EXPECT_GT(sites.thorough.frame_count, 2u);
  EXPECT_TRUE(equal(sites.first, sites.thorough))
      << sites.first.frame_count << " frames, the unwinder has " << sites.thorough.frame_count;
  EXPECT_TRUE(equal(sites.again, sites.first));
}

Sites along(std::vector<stop> stops) {
  Sites sites;
  route route{stops.data(), static_cast<int>(stops.size()), 0, &take_all, &sites.first};
  forget_modules();
  route.stops[route.next++](&route);
  return sites;
}

const std::vector<stop>& described_stops() {
  static const std::vector<stop> stops = {
      with_pointer_plain,           with_pointer_realigned,     with_pointer_dynamic,
      with_pointer_large,           without_pointer_plain,      without_pointer_realigned,
      without_pointer_dynamic,      without_pointer_large,      optimised_for_size_plain,
      optimised_for_size_realigned, optimised_for_size_dynamic, optimised_for_size_large};
  return stops;
}

TEST(StackWalk, AgreesOnEachKindOfFrame) {
  for (const stop one : described_stops()) expect_agreement(along({one, one, one}));
}

[[gnu::noinline]] void walk_quickly(void* end) {
  const auto* const record = static_cast<std::uintptr_t*>(__builtin_frame_address(0));
  const auto stack = reinterpret_cast<std::uintptr_t>(record + 2);
  *static_cast<WalkEnd*>(end) = walk_stack({record[1], stack, record[0]}).end;
}

// Else the others would compare the unwinder with itself.
TEST(StackWalk, NeedsTheUnwinderForNoneOfThem) {
  for (const stop one : described_stops()) {
    WalkEnd end = WalkEnd::kNotFollowed;
    const stop stops[] = {one, one};
    route route{stops, 2, 0, &walk_quickly, &end};
    route.stops[route.next++](&route);
    EXPECT_EQ(end, WalkEnd::kDone);
  }
}

TEST(StackWalk, AgreesOnMixedLibraries) {
  std::minstd_rand random(1);
  std::set<std::uint64_t> hashes;
  for (int round = 0; round < 300; ++round) {
    std::vector<stop> stops;
    const std::size_t depth = 3 + random() % 20;
    while (stops.size() < depth) {
      stops.push_back(described_stops()[random() % described_stops().size()]);
    }
    const Sites sites = along(stops);
    expect_agreement(sites);
    hashes.insert(sites.first.hash);
  }
  EXPECT_GT(hashes.size(), 290u);
}

[[gnu::noinline]] Sites deep(int depth) {
  const Sites sites = depth == 0 ? sites_here() : deep(depth - 1);
  asm volatile("" : : "r"(&sites) : "memory");
  return sites;
}

TEST(StackWalk, AgreesInDeepRecursion) {
  for (const int depth : {1, 10, 15, 16, 40, 1000}) expect_agreement(deep(depth));
}

TEST(StackWalk, AgreesBelowLibcsCallbacks) {
  static Sites sites;
  int numbers[] = {2, 1};
  std::qsort(numbers, 2, sizeof numbers[0], [](const void* a, const void* b) {
    sites = sites_here();
    return *static_cast<const int*>(a) - *static_cast<const int*>(b);
  });
  expect_agreement(sites);
}

TEST(StackWalk, AgreesInThreads) {
  pthread_t thread{};
  Sites sites;
  const auto body = [](void* into) -> void* {
    *static_cast<Sites*>(into) = sites_here();
    return nullptr;
  };
  ASSERT_EQ(pthread_create(&thread, nullptr, body, &sites), 0);
  ASSERT_EQ(pthread_join(thread, nullptr), 0);
  expect_agreement(sites);
}

// ---- Signals

Sites in_handler;
void handle(int) {
  in_handler = sites_here();
}

void install(int number, void (*handler)(int), int flags) {
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = flags;
  ASSERT_EQ(sigaction(number, &action, nullptr), 0);
}

void raise_usr1(void*) {
  raise(SIGUSR1);
}

void send_along(std::vector<stop> stops) {
  route route{stops.data(), static_cast<int>(stops.size()), 0, &raise_usr1, nullptr};
  route.stops[route.next++](&route);
}

TEST(StackWalk, AgreesThroughSignalFrames) {
  install(SIGUSR1, &handle, 0);
  for (const stop one : described_stops()) {
    send_along({one, one});
    expect_agreement(in_handler);
    EXPECT_GT(in_handler.first.frame_count, 6u);
  }
}

TEST(StackWalk, AgreesOnAnAlternateStack) {
  std::vector<char> room(1 << 17);
  stack_t stack{};
  stack.ss_sp = room.data();
  stack.ss_size = room.size();
  ASSERT_EQ(sigaltstack(&stack, nullptr), 0);
  install(SIGUSR1, &handle, SA_ONSTACK);
  for (const stop one : described_stops()) {
    send_along({one, one});
    expect_agreement(in_handler);
    EXPECT_GT(in_handler.first.frame_count, 6u);
  }
  stack.ss_flags = SS_DISABLE;
  ASSERT_EQ(sigaltstack(&stack, nullptr), 0);
}

constinit std::atomic<int> interrupts{0};
constinit std::atomic<int> disagreements{0};
void compare_interrupted(int) {
  const Sites sites = sites_here();
  ++interrupts;
  if (!equal(sites.first, sites.thorough) || !equal(sites.again, sites.first)) ++disagreements;
}

void walk_too(void* into) {
  take_all(into);
}

// Wherever the timer strikes: in prologues and epilogues, in libc, in the walk itself.
TEST(StackWalk, AgreesWhereverASignalStrikes) {
  install(SIGPROF, &compare_interrupted, SA_RESTART);
  const itimerval every{{0, 500}, {0, 500}};
  ASSERT_EQ(setitimer(ITIMER_PROF, &every, nullptr), 0);
  std::minstd_rand random(2);
  Sites sites;
  for (int round = 0; interrupts < 200 && round < 10'000'000; ++round) {
    std::vector<stop> stops;
    for (int i = 0; i < 6; ++i) {
      stops.push_back(described_stops()[random() % described_stops().size()]);
    }
    if (round % 64 == 0) forget_modules();
    route route{stops.data(), 6, 0, &walk_too, &sites.first};
    route.stops[route.next++](&route);
  }
  const itimerval never{};
  ASSERT_EQ(setitimer(ITIMER_PROF, &never, nullptr), 0);
  EXPECT_GE(interrupts, 200);
  EXPECT_EQ(disagreements, 0);
}

// ---- Stacks that are swapped

ucontext_t outside;
ucontext_t inside;
Sites in_coroutine;

void coroutine() {
  in_coroutine = along({with_pointer_plain, without_pointer_large, without_pointer_plain});
  swapcontext(&inside, &outside);
  in_coroutine = along({without_pointer_realigned, with_pointer_dynamic});
}

TEST(StackWalk, AgreesOnSwappedStacks) {
  for (int round = 0; round < 3; ++round) {
    constexpr std::size_t kBytes = 1 << 19;
    void* const stack =
        mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(stack, MAP_FAILED);
    ASSERT_EQ(getcontext(&inside), 0);
    inside.uc_stack.ss_sp = stack;
    inside.uc_stack.ss_size = kBytes;
    inside.uc_link = &outside;
    makecontext(&inside, &coroutine, 0);
    for (int entry = 0; entry < 2; ++entry) {
      ASSERT_EQ(swapcontext(&outside, &inside), 0);
      expect_agreement(in_coroutine);
    }
    ASSERT_EQ(munmap(stack, kBytes), 0);
  }
}

// ---- Code that nothing describes

TEST(StackWalk, PassesUndescribedCodeThatKeepsFramePointers) {
  const Sites sites = along({with_pointer_plain, undescribed_plain, undescribed_dynamic,
                             undescribed_large, without_pointer_plain});
  EXPECT_TRUE(equal(sites.again, sites.first));
  // The unwinder stops at the first such frame; the quick walk goes on, along the same frames.
  ASSERT_LT(sites.thorough.frame_count, sites.first.frame_count);
  for (std::uint32_t i = 0; i < sites.thorough.frame_count; ++i) {
    EXPECT_EQ(sites.first.frames[i], sites.thorough.frames[i]) << i;
  }
  std::set<std::string> names;
  for (std::uint32_t i = 0; i < sites.first.frame_count; ++i) {
    Dl_info info{};
    dladdr(reinterpret_cast<void*>(sites.first.frames[i] - 1), &info);
    if (info.dli_sname != nullptr) names.insert(info.dli_sname);
  }
  for (const char* name :
       {"with_pointer_plain", "undescribed_plain", "undescribed_dynamic", "undescribed_large"}) {
    EXPECT_TRUE(names.contains(name)) << name;
  }
}

// call_with_frame_pointer(function, argument, value): calls with `value` in the frame pointer, from
// code without a description.
asm(R"(
  .text
  .globl call_with_frame_pointer
  .type call_with_frame_pointer, @function
call_with_frame_pointer:
  push %rbp
  mov %rdi, %rax
  mov %rsi, %rdi
  mov %rdx, %rbp
  call *%rax
  pop %rbp
  ret
  .size call_with_frame_pointer, . - call_with_frame_pointer

  .globl call_on_stack
  .type call_on_stack, @function
call_on_stack:
  push %rbp
  mov %rsp, %rbp
  mov %rdi, %rax
  mov %rsi, %rdi
  mov %rdx, %rsp
  call *%rax
  mov %rbp, %rsp
  pop %rbp
  ret
  .size call_on_stack, . - call_on_stack
)");
extern "C" void call_with_frame_pointer(void (*function)(void*), void* argument,
                                        std::uintptr_t value);
extern "C" void call_on_stack(void (*function)(void*), void* argument, void* stack_pointer);

TEST(StackWalk, GarbageInTheFramePointerEndsTheWalk) {
  void* const nowhere = mmap(nullptr, 8192, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(nowhere, MAP_FAILED);
  std::uintptr_t words[8] = {};
  const auto address = [](const void* at) { return reinterpret_cast<std::uintptr_t>(at); };
  const std::uintptr_t here = address(__builtin_frame_address(0)) & ~std::uintptr_t{15};
  const std::uintptr_t values[] = {0,
                                   1,
                                   16,
                                   ~std::uintptr_t{0} & ~std::uintptr_t{15},
                                   address(nowhere),
                                   address(nowhere) + 4096 - 16,
                                   std::uintptr_t{1} << 47,
                                   address(&words),
                                   here - 65536,
                                   here + (1 << 20),
                                   here + (std::uintptr_t{1} << 30),
                                   here + 3};
  for (const std::uintptr_t value : values) {
    Sites sites;
    call_with_frame_pointer(&take_all, &sites.first, value);
    EXPECT_EQ(sites.first.frame_count, 2u) << std::hex << value;
    EXPECT_TRUE(equal(sites.first, sites.thorough)) << std::hex << value;
  }
  munmap(nowhere, 8192);
}

TEST(StackWalk, LoopsAndLiesInTheChainEndTheWalk) {
  // Frame records on this stack that point to themselves, down, and to no code.
  struct alignas(16) Record {
    std::uintptr_t frame;
    std::uintptr_t code;
  };
  volatile Record records[3] = {};
  const auto code = reinterpret_cast<std::uintptr_t>(&take_all) + 5;
  const auto self = reinterpret_cast<std::uintptr_t>(&records[1]);
  for (const std::uintptr_t frame : {self, self - 16, self + 16, std::uintptr_t{0}}) {
    for (const std::uintptr_t to : {code, std::uintptr_t{0}, std::uintptr_t{4096}, self}) {
      records[1].frame = frame;
      records[1].code = to;
      Sites sites;
      call_with_frame_pointer(&take_all, &sites.first, self);
      EXPECT_GE(sites.first.frame_count, 2u);
      EXPECT_LE(sites.first.frame_count, 16u);
      EXPECT_TRUE(equal(sites.again, sites.first));
    }
  }
}

TEST(StackWalk, StopsAtTheTopOfAStackOfNobodys) {
  constexpr std::size_t kBytes = 1 << 17;
  char* const memory = static_cast<char*>(
      mmap(nullptr, kBytes + 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  ASSERT_NE(memory, MAP_FAILED);
  ASSERT_EQ(mprotect(memory, kBytes, PROT_READ | PROT_WRITE), 0);
  for (const std::size_t below : {0, 16, 64, 4096}) {
    Sites sites;
    call_on_stack(&take_all, &sites.first, memory + kBytes - below);
    EXPECT_EQ(sites.first.frame_count, 2u);
    EXPECT_TRUE(equal(sites.first, sites.thorough));
  }
  munmap(memory, kBytes + 4096);
}

}  // namespace
}  // namespace terrace::sites
