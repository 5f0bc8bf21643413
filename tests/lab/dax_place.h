// SPDX-License-Identifier: Apache-2.0
// What the machine has of DAX: a device, or a file on a file system mounted with dax=always. The
// same tests run on either. One owner.
#pragma once

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "allocators/backing/block_pool.h"

namespace terrace::testing_support {

inline constexpr const char* kDaxDevice = "/dev/dax0.0";
inline constexpr const char* kDaxMount = "/mnt/pmem";
inline constexpr std::uint32_t kFileBlocks = 8;

/// A machine without either has no business in running these tests, so they fail there.
class DaxPlace : public testing::Test {
 protected:
  DaxPlace() {
    struct stat status {};
    is_device_ = stat(kDaxDevice, &status) == 0 && S_ISCHR(status.st_mode);
    path_ = is_device_ ? kDaxDevice : std::string(kDaxMount) + "/terrace_lab";
    if (is_device_) return;
    std::ofstream(path_).flush();
    std::filesystem::resize_file(path_, std::uint64_t{kFileBlocks} << kBlockShift);
  }
  ~DaxPlace() override {
    pool_.close();
    if (!is_device_) std::filesystem::remove(path_);
  }

  /// Few blocks: every access to emulated CXL memory is slow.
  void open(backing::BlockPool& pool) const {
    const Status opened =
        pool.open(path_.c_str(), Bytes(std::uint64_t{kFileBlocks} << kBlockShift), Bytes());
    ASSERT_TRUE(opened) << opened.error().message;
    ASSERT_EQ(pool.block_count(), kFileBlocks);
  }

  bool is_device_ = false;
  std::string path_;
  backing::BlockPool pool_;
};

}  // namespace terrace::testing_support
