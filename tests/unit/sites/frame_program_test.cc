// SPDX-License-Identifier: Apache-2.0
#include "profiler/sites/frame_program.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace terrace::sites {
namespace {

using Bytes = std::vector<unsigned char>;

// CFA = rsp + 8, return address at CFA - 8: every function's first instruction.
const Bytes kUsual = {0x0c, 7, 8, 0x90, 1};
constexpr ProgramUnits kUnits{1, -8};

FrameLayout run(const Bytes& own, std::uint64_t distance, const Bytes& common = kUsual) {
  const auto reader = [](const Bytes& bytes) {
    return DwarfBytes(bytes.data(), bytes.data() + bytes.size());
  };
  return run_programs(reader(common), reader(own), kUnits, distance);
}

// push %rbp; mov %rsp,%rbp; ...; leave; ret
const Bytes kFramePointer = {0x41, 0x0e, 16, 0x86, 2, 0x43, 0x0d, 6, 0x60, 0x0c, 7, 8};

TEST(FrameProgram, FollowsAFunctionWithAFramePointer) {
  const FrameLayout entry{FrameBase::kStack, SavedFramePointer::kKept, 0, 8};
  const FrameLayout pushed{FrameBase::kStack, SavedFramePointer::kBelowBase, -16, 16};
  EXPECT_EQ(run(kFramePointer, 0), entry);
  EXPECT_EQ(run(kFramePointer, 1), pushed);
  EXPECT_EQ(run(kFramePointer, 3), pushed);
  EXPECT_EQ(run(kFramePointer, 4), kFramePointerLayout);
  EXPECT_EQ(run(kFramePointer, 35), kFramePointerLayout);
  EXPECT_EQ(run(kFramePointer, 36).base, FrameBase::kStack);
}

TEST(FrameProgram, GoesBackAfterAReturnInTheMiddle) {
  const Bytes program = {0x0e, 48, 0x0a, 0x44, 0x0e, 8, 0x41, 0x0b};
  EXPECT_EQ(run(program, 3).base_offset, 48);
  EXPECT_EQ(run(program, 4).base_offset, 8);
  EXPECT_EQ(run(program, 5).base_offset, 48);
}

TEST(FrameProgram, FollowsARealignedStack) {
  // CFA = *(rbp - 8), rbp saved at *rbp: what GCC writes.
  const Bytes program = {0x0f, 3, 0x76, 0x78, 0x06, 0x10, 6, 2, 0x76, 0x00};
  const FrameLayout wanted{FrameBase::kFrameContent, SavedFramePointer::kAtFrame, 0, -8};
  EXPECT_EQ(run(program, 0), wanted);
}

TEST(FrameProgram, KnowsTheOutermostFrame) {
  EXPECT_EQ(run({0x07, 16}, 0).base, FrameBase::kEnd);
}

TEST(FrameProgram, LeavesWhatItDoesNotFollow) {
  EXPECT_EQ(run({0x0c, 10, 0}, 0).base, FrameBase::kOther);          // CFA from %r10
  EXPECT_EQ(run({0x0f, 2, 0x77, 0x08}, 0).base, FrameBase::kOther);  // another expression
  EXPECT_EQ(run({0x09, 6, 3}, 0).base, FrameBase::kOther);           // rbp kept in rbx
  EXPECT_EQ(run({0x14, 16, 1}, 0).base, FrameBase::kOther);          // return address by value
  EXPECT_EQ(run({0x3f}, 0).base, FrameBase::kOther);                 // no such instruction
  EXPECT_EQ(run({0x0b}, 0).base, FrameBase::kOther);                 // nothing to go back to
  EXPECT_EQ(run({0x0a, 0x0a, 0x0a, 0x0a, 0x0a}, 0).base, FrameBase::kOther);
  EXPECT_EQ(run({0x0e}, 0).base, FrameBase::kOther);  // cut short
  EXPECT_EQ(run({0x0e, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f}, 0).base, FrameBase::kOther);
}

TEST(FrameProgram, IgnoresOtherRegisters) {
  const Bytes program = {0x83, 5, 0x05, 12, 4, 0x16, 13, 2, 0x76, 0, 0x09, 3, 12, 0x08, 15, 0xc3};
  EXPECT_EQ(run(program, 0), (FrameLayout{FrameBase::kStack, SavedFramePointer::kKept, 0, 8}));
}

TEST(FrameProgram, AnyBytesEnd) {
  std::minstd_rand random(3);
  int followed = 0;
  for (int round = 0; round < 200000; ++round) {
    Bytes own(random() % 40);
    for (unsigned char& byte : own) byte = static_cast<unsigned char>(random() >> 8);
    followed += run(own, random() % 100).base != FrameBase::kOther ? 1 : 0;
  }
  EXPECT_GT(followed, 0);
  EXPECT_LT(followed, 200000);
}

}  // namespace
}  // namespace terrace::sites
