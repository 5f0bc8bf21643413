// SPDX-License-Identifier: Apache-2.0
// Libraries that are unloaded leave nothing behind that the next one at their address could be
// taken for.
#include <dlfcn.h>
#include <gtest/gtest.h>

#include <set>

#include "profiler/sites/call_site.h"

namespace terrace::sites {
namespace {

using Take = CallSite (*)();
constinit Take volatile ways[] = {&capture, &capture, &capture_by_unwinder};

[[gnu::noinline]] void take_all(void* into) {
  auto* const sites = static_cast<CallSite*>(into);
#pragma GCC unroll 1
  for (int i = 0; i < 3; ++i) sites[i] = ways[i]();
}

/// Two lives of a library: the address of its function, and the site taken through it.
struct Visit {
  void* function = nullptr;
  std::uint64_t hash = 0;
};

Visit visit(const char* path) {
  void* const library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  EXPECT_NE(library, nullptr) << dlerror();
  void* const function = dlsym(library, "call_through");
  CallSite sites[3];
  reinterpret_cast<void (*)(void (*)(void*), void*)>(function)(&take_all, sites);
  for (const CallSite& site : sites) {
    EXPECT_EQ(site.frame_count, sites[2].frame_count);
    EXPECT_EQ(site.hash, sites[2].hash);
  }
  EXPECT_EQ(dlclose(library), 0);
  forget_modules();  // what the shim's dlclose does
  return {function, sites[0].hash};
}

TEST(Unloading, TheNextLibraryAtTheAddressIsWalkedAsItself) {
  std::set<void*> addresses;
  std::set<std::uint64_t> hashes;
  for (int round = 0; round < 20; ++round) {
    const Visit visited = visit(round % 2 == 0 ? TERRACE_PASSING_ONE : TERRACE_PASSING_TWO);
    addresses.insert(visited.function);
    hashes.insert(visited.hash);
  }
  EXPECT_EQ(hashes.size(), 2u);
  EXPECT_LT(addresses.size(), 20u) << "no address was used twice, so nothing was tested";
}

}  // namespace
}  // namespace terrace::sites
