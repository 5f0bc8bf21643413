// SPDX-License-Identifier: Apache-2.0
// Pools that cannot be opened or made: each is refused with path and remedy, none is changed.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <libpmemobj.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include "allocators/kv/prefix_store.h"
#include "allocators/kv/store_pool.h"
#include "allocators/kv/store_root.h"
#include "tests/child_process.h"
#include "tests/unit/kv_store/store_rig.h"

namespace terrace::kv::store_open_test {
namespace {

using namespace testing_support;
using testing::HasSubstr;

std::string contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return std::move(text).str();
}

void write_at(const std::string& path, std::uint64_t offset, const void* bytes, std::size_t size) {
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  file.seekp(static_cast<std::streamoff>(offset));
  file.write(static_cast<const char*>(bytes), static_cast<std::streamsize>(size));
}

class BadPool : public testing::Test {
 protected:
  void make(std::uint32_t blocks = 3) {
    const auto store = opened(options_);
    keep(*store, Chain(kSmall, 1, 0, blocks).blocks);
  }
  Error refusal(const StoreOptions& options) {
    const auto store = PrefixStore::open(options);
    EXPECT_FALSE(store);
    if (store) return {};
    EXPECT_THAT(store.error().message, HasSubstr(options.path));
    return store.error();
  }
  /// Where the root object is in the file.
  std::uint64_t root_at() {
    const std::string all = contents(options_.path);
    const std::uint64_t magic = kRootMagic;
    return all.find(std::string(reinterpret_cast<const char*>(&magic), sizeof magic));
  }

  Folder folder_;
  StoreOptions options_ = options_for(folder_.file());
};

TEST_F(BadPool, OfAnotherShapeIsRefused) {
  make();
  StoreOptions other = options_;
  other.shape.layers = 5;
  const Error error = refusal(other);
  EXPECT_EQ(error.code, ErrorCode::kCheckFailed);
  EXPECT_THAT(error.message, HasSubstr("16 tokens, 4 layers of 256 bytes, not of 16, 5, 256"));
  EXPECT_TRUE(holds(*opened(options_), kSmall, 1, 2)) << "it is as it was";
}

TEST_F(BadPool, OfAnotherIdentityIsRefused) {
  make();
  StoreOptions other = options_;
  other.identity = 2;
  const Error error = refusal(other);
  EXPECT_EQ(error.code, ErrorCode::kCheckFailed);
  EXPECT_THAT(error.message, HasSubstr("identity 0000000000001de7, not 0000000000000002"));
}

TEST_F(BadPool, OfANewerLayoutIsRefused) {
  make();
  const std::uint32_t version = kStoreVersion + 1;
  write_at(options_.path, root_at() + offsetof(StoreRoot, version), &version, sizeof version);
  const Error error = refusal(options_);
  EXPECT_EQ(error.code, ErrorCode::kCheckFailed);
  EXPECT_THAT(error.message, HasSubstr("has layout version 2, this library reads 1"));
}

TEST_F(BadPool, WithADamagedRootIsRefused) {
  make();
  const std::uint64_t root = root_at();
  for (const std::size_t at :
       {offsetof(StoreRoot, magic), offsetof(StoreRoot, segment_count),
        offsetof(StoreRoot, pool_bytes), offsetof(StoreRoot, block_tokens),
        offsetof(StoreRoot, layers), offsetof(StoreRoot, layer_bytes),
        offsetof(StoreRoot, identity), offsetof(StoreRoot, seed), offsetof(StoreRoot, checksum),
        offsetof(StoreRoot, segments), offsetof(StoreRoot, segments) + 8, sizeof(StoreRoot) - 1}) {
    const std::string before = contents(options_.path);
    const char flipped = static_cast<char>(before[root + at] ^ 0x10);
    write_at(options_.path, root + at, &flipped, 1);
    const Error error = refusal(options_);
    EXPECT_EQ(error.code, ErrorCode::kCheckFailed) << at;
    EXPECT_THAT(error.message, HasSubstr("is damaged")) << at;
    write_at(options_.path, root + at, &before[root + at], 1);
  }
  EXPECT_TRUE(holds(*opened(options_), kSmall, 1, 2));
}

TEST_F(BadPool, ForeignFilesAreRefusedAndLeftAlone) {
  for (const std::string& text : {std::string(), std::string("hello"), std::string(9 << 20, '\0'),
                                  std::string(9 << 20, 'x')}) {
    std::ofstream(options_.path, std::ios::binary) << text;
    const Error error = refusal(options_);
    EXPECT_EQ(error.code, ErrorCode::kCheckFailed) << text.size() << ": " << error.message;
    EXPECT_EQ(contents(options_.path), text);
  }
}

TEST_F(BadPool, PoolOfAnotherProgramIsRefused) {
  PMEMobjpool* pool = pmemobj_create(options_.path.c_str(), "notes", PMEMOBJ_MIN_POOL, 0600);
  ASSERT_NE(pool, nullptr) << pmemobj_errormsg();
  pmemobj_close(pool);
  const Error error = refusal(options_);
  EXPECT_EQ(error.code, ErrorCode::kCheckFailed);
  EXPECT_THAT(error.message, HasSubstr("layout"));
}

TEST_F(BadPool, OfOurLayoutWithoutARootIsRefused) {
  PMEMobjpool* pool =
      pmemobj_create(options_.path.c_str(), "terrace.kv.prefixes", PMEMOBJ_MIN_POOL, 0600);
  ASSERT_NE(pool, nullptr) << pmemobj_errormsg();
  pmemobj_close(pool);
  EXPECT_EQ(refusal(options_).code, ErrorCode::kCheckFailed);
}

TEST_F(BadPool, CutShortAnywhereIsRefused) {
  make();
  const std::string whole = contents(options_.path);
  for (std::size_t size = whole.size() - 4096; size > 4096; size = size * 7 / 8) {
    std::filesystem::copy_file(options_.path, folder_.file("cut"),
                               std::filesystem::copy_options::overwrite_existing);
    std::filesystem::resize_file(folder_.file("cut"), size);
    StoreOptions cut = options_;
    cut.path = folder_.file("cut");
    EXPECT_EQ(refusal(cut).code, ErrorCode::kCheckFailed) << size;
  }
}

TEST_F(BadPool, InUseIsRefused) {
  const auto store = opened(options_);
  const Error error = refusal(options_);
  EXPECT_EQ(error.saved_errno, EWOULDBLOCK);
  EXPECT_THAT(error.message, HasSubstr("in use"));
}

TEST_F(BadPool, InUseByAnotherProcessIsRefusedUntilThatEnds) {
  make();
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  const pid_t child = fork();
  if (child == 0) {
    const auto store = opened(options_);
    const char done = store != nullptr ? 'y' : 'n';
    if (write(ready[1], &done, 1) != 1) _exit(1);
    for (;;) pause();
  }
  char done = 0;
  ASSERT_EQ(read(ready[0], &done, 1), 1);
  EXPECT_EQ(done, 'y');
  EXPECT_THAT(refusal(options_).message, HasSubstr("in use"));
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  EXPECT_TRUE(holds(*opened(options_), kSmall, 1, 2));
  close(ready[0]);
  close(ready[1]);
}

TEST_F(BadPool, FoldersDevicesAndMissingFoldersAreRefused) {
  options_.path = folder_.file(".");
  EXPECT_THAT(refusal(options_).message, HasSubstr("not a folder or device"));
  options_.path = "/dev/null";
  EXPECT_EQ(refusal(options_).code, ErrorCode::kUsage);
  options_.path = folder_.file("none/prefixes");
  EXPECT_EQ(refusal(options_).code, ErrorCode::kIo);
}

TEST_F(BadPool, TooSmallForABlockIsRefusedWithWhatItTakes) {
  options_.size = MiB(1);
  EXPECT_EQ(refusal(options_).code, ErrorCode::kUsage);
  options_.size = MiB(16);
  options_.shape = Shape{16, 4, MiB(4)};
  const Error error = refusal(options_);
  EXPECT_EQ(error.code, ErrorCode::kUsage);
  EXPECT_THAT(error.message, HasSubstr("give the prefix store 33562624 or more"));
  EXPECT_FALSE(std::filesystem::exists(options_.path));
  EXPECT_FALSE(std::filesystem::exists(options_.path + ".new"));
  options_.size = Bytes(33562624);
  EXPECT_EQ(opened(options_)->stats().capacity_blocks, 1u);
}

TEST_F(BadPool, ImpossibleShapesAreRefused) {
  for (const Shape& shape :
       {Shape{0, 4, Bytes(256)}, Shape{16, 0, Bytes(256)}, Shape{16, 4, Bytes(0)},
        Shape{16, 4, Bytes(100)}, Shape{5000, 4, Bytes(64)}, Shape{16, 5000, Bytes(64)},
        Shape{16, 4096, GiB(1)}, Shape{16, 1, Bytes(~std::uint64_t{63})}}) {
    options_.shape = shape;
    EXPECT_EQ(refusal(options_).code, ErrorCode::kUsage);
  }
}

TEST_F(BadPool, WhatAKilledMakerLeftIsRemoved) {
  std::ofstream(options_.path + ".new", std::ios::binary) << std::string(1 << 20, 'x');
  make();
  EXPECT_FALSE(std::filesystem::exists(options_.path + ".new"));
  EXPECT_TRUE(holds(*opened(options_), kSmall, 1, 2));
}

TEST_F(BadPool, OfAnotherUserIsRefused) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root, to become somebody else";
  make();
  chmod(std::filesystem::path(options_.path).parent_path().c_str(), 0755);
  chmod(options_.path.c_str(), 0444);
  const int status = terrace::testing_support::status_of_child([&] {
    if (setresuid(65534, 65534, 65534) != 0) return 2;
    const Error error = refusal(options_);
    const bool right = error.saved_errno == EACCES && std::strstr(error.message, "writable");
    return right ? 0 : 1;
  });
  EXPECT_EQ(status, 0);
}

TEST_F(BadPool, OnAFullFileSystemIsRefusedAndLeavesNothing) {
  const std::string place = folder_.file("full");
  std::filesystem::create_directory(place);
  if (mount("none", place.c_str(), "tmpfs", 0, "size=12m") != 0) {
    GTEST_SKIP() << "needs the right to mount a tmpfs";
  }
  options_.path = place + "/prefixes";
  const Error error = refusal(options_);
  EXPECT_EQ(error.saved_errno, ENOSPC) << error.message;
  EXPECT_THAT(error.message, HasSubstr("no room"));
  EXPECT_TRUE(std::filesystem::is_empty(place));
  EXPECT_EQ(umount(place.c_str()), 0);
}

}  // namespace
}  // namespace terrace::kv::store_open_test
