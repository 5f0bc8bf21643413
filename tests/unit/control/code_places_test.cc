// SPDX-License-Identifier: Apache-2.0
#include "tiering/control/os/code_places.h"

#include <dlfcn.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>

#include "tiering/control/frame_names.h"

namespace terrace::control::code_places_test {
namespace {

std::uint64_t address_of(void (*function)()) {
  return reinterpret_cast<std::uint64_t>(function);
}

}  // namespace

// Not in the unnamed namespace, so that it has a symbol of this name.
[[gnu::noinline, gnu::used]] void a_function_to_be_found() {
  asm volatile("nop; nop; nop; nop");
}

namespace {

TEST(CodePlaces, NameTheFunctionOfAnAddressInTheProgramAndInALibrary) {
  const std::uint64_t own = address_of(&a_function_to_be_found) + 2;
  const auto library = reinterpret_cast<std::uint64_t>(dlsym(RTLD_DEFAULT, "qsort")) + 2;
  const auto labels =
      name_objects(getpid(), {{Origin::kHeap, "", {own}}, {Origin::kHeap, "", {library}}});
  ASSERT_EQ(labels.size(), 2u);
  EXPECT_NE(labels[0].find("a_function_to_be_found"), std::string::npos) << labels[0];
  EXPECT_NE(labels[1].find("qsort"), std::string::npos) << labels[1];
}

TEST(CodePlaces, KnowNothingOfAnAddressThatIsNoCode) {
  int on_the_stack = 0;
  const auto places = os::CodePlaces::of(getpid());
  EXPECT_EQ(places.at(reinterpret_cast<std::uint64_t>(&on_the_stack)).module, "");
  EXPECT_EQ(places.at(~std::uint64_t{0}).module, "");
  EXPECT_EQ(os::CodePlaces::of(-1).at(address_of(&a_function_to_be_found)).module, "");
}

TEST(CodePlaces, TakeAFileThatIsNoElfAsItIs) {
  EXPECT_EQ(os::virtual_address("/etc/passwd", 77), 77u);
  EXPECT_EQ(os::virtual_address("/nowhere", 77), 77u);
}

}  // namespace
}  // namespace terrace::control::code_places_test
