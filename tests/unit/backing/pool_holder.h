// SPDX-License-Identifier: Apache-2.0
// Another process that holds blocks of a pool: this test's own program, started again. It answers
// claims until it is told to end or is killed. One owner.
#pragma once

#include <sys/types.h>

#include <cstdio>
#include <string>

#include "allocators/backing/block_pool.h"

namespace terrace::testing_support {

class PoolHolder {
 public:
  /// `capacity_blocks` as BlockPool::open's capacity.
  PoolHolder(const std::string& path, std::uint32_t capacity_blocks);
  ~PoolHolder();
  PoolHolder(const PoolHolder&) = delete;
  PoolHolder& operator=(const PoolHolder&) = delete;

  backing::PoolRun claim(std::uint32_t wanted);
  void give_back(backing::PoolRun run);
  /// Fills claimed blocks with one byte, through a mapping that stays.
  void fill(backing::PoolRun run, int byte);
  /// SIGKILL, and waits for its end.
  void kill();

 private:
  backing::PoolRun ask(const std::string& command);

  pid_t pid_ = -1;
  std::FILE* to_ = nullptr;
  std::FILE* from_ = nullptr;
};

inline constexpr const char* kHoldOption = "--hold-blocks";
/// The other side: serves commands from standard input. `arguments` follow kHoldOption.
int hold_blocks(char** arguments);

}  // namespace terrace::testing_support
