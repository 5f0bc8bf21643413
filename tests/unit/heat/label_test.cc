// SPDX-License-Identifier: Apache-2.0
#include "profiler/heat/label.h"

#include <dlfcn.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <random>
#include <sstream>

#include "profiler/os/loaded_module.h"

namespace terrace::heat {

// Named, so that they have symbols to find.
__attribute__((noinline)) void* load_test_weights(int layers) {
  static volatile int seen = 0;
  seen = seen + layers;
  return const_cast<int*>(&seen);
}
template <typename Value>
__attribute__((noinline)) void* make_test_cache(Value value) {
  return load_test_weights(static_cast<int>(value) + 1);
}

namespace {

std::string self_path() {
  char path[4096] = {};
  return ::readlink("/proc/self/exe", path, sizeof path - 1) > 0 ? path : "";
}

// A return address within a function of this program.
session::Frame frame_in(const void* function) {
  const auto address = reinterpret_cast<std::uintptr_t>(function);
  return {self_path(), address - os::module_at(address).load_bias + 2};
}

session::Frame frame_in_libc(const char* name) {
  const auto address = reinterpret_cast<std::uintptr_t>(::dlsym(RTLD_DEFAULT, name));
  const os::LoadedModule module = os::module_at(address);
  return {module.name, address - module.load_bias + 2};
}

session::Object with_frames(const std::vector<session::Frame>& frames) {
  session::Object object{};
  object.frames = frames;
  return object;
}

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream content;
  content << file.rdbuf();
  return content.str();
}

TEST(Label, NamesFramesByTheirSymbols) {
  Labeller labeller;
  EXPECT_EQ(labeller.name(frame_in(reinterpret_cast<const void*>(&load_test_weights))),
            "terrace::heat::load_test_weights(int)");
  EXPECT_EQ(labeller.name({"", 0x30}), "?+0x30");
  EXPECT_EQ(labeller.name({"/no/such/libengine.so", 0x1234}), "libengine.so+0x1234");
  EXPECT_EQ(labeller.name({"/dev/zero", 0x10}), "zero+0x10");
}

TEST(Label, ShowsTheInnermostCallsThatSaySomething) {
  Labeller labeller;
  const auto object =
      with_frames({{"/opt/libterrace-preload.so", 0x99},
                   frame_in_libc("malloc"),
                   frame_in(reinterpret_cast<const void*>(&load_test_weights)),
                   frame_in(reinterpret_cast<const void*>(&make_test_cache<double>)),
                   frame_in_libc("strtol")});
  EXPECT_EQ(labeller.label(object),
            "terrace::heat::load_test_weights < terrace::heat::make_test_cache");
}

TEST(Label, FallsBackToModuleThenToOrigin) {
  Labeller labeller;
  EXPECT_EQ(labeller.label(with_frames(
                {{"/opt/libterrace-preload.so", 0x99}, {"/no/such/libengine.so", 0x1234}})),
            "libengine.so+0x1234");
  EXPECT_EQ(labeller.label(with_frames({})), "heap allocation");
  session::Object file = with_frames({});
  file.path = "/models/m.gguf";
  EXPECT_EQ(labeller.label(file), "m.gguf");
}

TEST(ElfSymbols, DamagedImagesGiveNoNamesAndNoCrash) {
  const std::string whole = read_file(self_path());
  ASSERT_FALSE(os::ElfSymbols::of_image(whole.data(), whole.size()).empty());
  constexpr unsigned kSeed = 5150;
  RecordProperty("seed", static_cast<int>(kSeed));
  std::mt19937 random(kSeed);
  // The file's header and its section headers are where offsets and lengths are.
  std::uint64_t sections = 0;
  std::memcpy(&sections, whole.data() + 0x28, sizeof sections);
  ASSERT_LT(sections, whole.size());
  for (int round = 0; round < 100; ++round) {
    std::string damaged = whole;
    for (int byte = 0; byte < 4; ++byte) {
      const std::size_t at =
          random() % 2 == 0 ? 16 + random() % 48 : sections + random() % (whole.size() - sections);
      damaged[at] = static_cast<char>(random());
    }
    const auto symbols = os::ElfSymbols::of_image(damaged.data(), damaged.size());
    (void)symbols.at(random());
  }
  for (std::size_t length : {0u, 1u, 16u, 63u, 64u, 65u, 4096u}) {
    EXPECT_TRUE(os::ElfSymbols::of_image(whole.data(), length).empty()) << length;
  }
}

}  // namespace
}  // namespace terrace::heat
