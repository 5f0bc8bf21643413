// SPDX-License-Identifier: Apache-2.0
// Examining and mapping a DAX path while a system call fails: an error, and nothing left open.
#include <gtest/gtest.h>

#include <cerrno>

#include "allocators/backing/dax_map.h"
#include "allocators/os/fault_point.h"
#include "tests/fault/process_state.h"
#include "tests/unit/backing/pool_file.h"

namespace terrace::backing {
namespace {

using os::inject_fault;
using os::SystemCall;

class DaxMapFault : public testing::Test {
 protected:
  void SetUp() override {
    // Once, so that what libpmem2 and the copy keep for good is there.
    ASSERT_TRUE(DaxMap::open(file_, 0, kBlockBytes));
    files_ = testing_support::open_files();
  }
  void TearDown() override { EXPECT_EQ(testing_support::open_files(), files_); }

  testing_support::Folder folder_;
  const std::string file_ = folder_.file("f", 2);
  long files_ = 0;
};

TEST_F(DaxMapFault, ErrorsOfTheFileAreTheCallers) {
  const struct {
    SystemCall call;
    int error;
    ErrorCode code;
  } faults[] = {{SystemCall::kStat, EIO, ErrorCode::kIo},
                {SystemCall::kStat, ENOENT, ErrorCode::kUsage},
                {SystemCall::kOpen, EPERM, ErrorCode::kCapabilityMissing},
                {SystemCall::kOpen, EMFILE, ErrorCode::kIo}};
  for (const auto& fault : faults) {
    inject_fault(fault.call, 1, fault.error);
    const auto facts = examine_dax(file_);
    ASSERT_FALSE(facts);
    EXPECT_EQ(facts.error().code, fault.code);
    EXPECT_EQ(facts.error().saved_errno, fault.error);
    inject_fault(fault.call, 1, fault.error);
    EXPECT_FALSE(DaxMap::open(file_, 0, kBlockBytes));
    EXPECT_TRUE(examine_dax(file_));
  }
}

TEST_F(DaxMapFault, FolderWithoutFiguresHasNoSize) {
  inject_fault(SystemCall::kStat, 2, EIO);
  const auto facts = examine_dax(folder_.path());
  ASSERT_TRUE(facts);
  EXPECT_EQ(facts->size, Bytes());
}

}  // namespace
}  // namespace terrace::backing
