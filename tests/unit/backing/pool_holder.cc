// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/backing/pool_holder.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

namespace terrace::testing_support {

using backing::PoolRun;

PoolHolder::PoolHolder(const std::string& path, std::uint32_t capacity_blocks) {
  int down[2];
  int up[2];
  if (pipe2(down, O_CLOEXEC) != 0 || pipe2(up, O_CLOEXEC) != 0) {
    ADD_FAILURE() << "pipe2: " << std::strerror(errno);
    return;
  }
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, down[0], STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, up[1], STDOUT_FILENO);
  std::string program = "/proc/self/exe";
  std::string option = kHoldOption;
  std::string file = path;
  std::string blocks = std::to_string(capacity_blocks);
  char* arguments[] = {program.data(), option.data(), file.data(), blocks.data(), nullptr};
  const int error = posix_spawn(&pid_, program.c_str(), &actions, nullptr, arguments, environ);
  EXPECT_EQ(error, 0) << std::strerror(error);
  posix_spawn_file_actions_destroy(&actions);
  close(down[0]);
  close(up[1]);
  to_ = fdopen(down[1], "w");
  from_ = fdopen(up[0], "r");
}

PoolHolder::~PoolHolder() {
  if (to_ != nullptr) std::fclose(to_);
  if (from_ != nullptr) std::fclose(from_);
  if (pid_ <= 0) return;
  int status = -1;
  EXPECT_EQ(waitpid(pid_, &status, 0), pid_);
  EXPECT_EQ(status, 0) << "the other holder failed";
}

PoolRun PoolHolder::ask(const std::string& command) {
  std::fprintf(to_, "%s\n", command.c_str());
  std::fflush(to_);
  PoolRun run;
  EXPECT_EQ(std::fscanf(from_, "%u %u", &run.first, &run.count), 2) << command;
  return run;
}

PoolRun PoolHolder::claim(std::uint32_t wanted) {
  return ask("c " + std::to_string(wanted) + " 0 0");
}

void PoolHolder::give_back(PoolRun run) {
  ask("g " + std::to_string(run.first) + " " + std::to_string(run.count) + " 0");
}

void PoolHolder::fill(PoolRun run, int byte) {
  ask("f " + std::to_string(run.first) + " " + std::to_string(run.count) + " " +
      std::to_string(byte));
}

void PoolHolder::kill() {
  ::kill(pid_, SIGKILL);
  int status = 0;
  EXPECT_EQ(waitpid(pid_, &status, 0), pid_);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
  pid_ = -1;
}

namespace {

/// False when the blocks cannot be mapped.
bool fill_blocks(const backing::BlockPool& pool, PoolRun run, int byte) {
  const std::size_t size = std::size_t{run.count} << kBlockShift;
  // Room for a start at a whole block.
  auto* const room = static_cast<char*>(mmap(nullptr, size + kBlockBytes.value, PROT_NONE,
                                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
  if (room == MAP_FAILED) return false;
  const auto misfit = reinterpret_cast<std::uintptr_t>(room) % kBlockBytes.value;
  char* const at = room + (misfit == 0 ? 0 : kBlockBytes.value - misfit);
  if (pool.map(at, run) != 0) return false;
  std::memset(at, byte, size);
  return true;
}

}  // namespace

int hold_blocks(char** arguments) {
  backing::BlockPool pool;
  const Bytes capacity(std::strtoull(arguments[1], nullptr, 10) << kBlockShift);
  if (const Status opened = pool.open(arguments[0], capacity, Bytes()); !opened) {
    std::fprintf(stderr, "%s\n", opened.error().message);
    return 1;
  }
  char command = 0;
  std::uint32_t number[3] = {};
  while (std::scanf(" %c %u %u %u", &command, &number[0], &number[1], &number[2]) == 4) {
    PoolRun run{number[0], number[1]};
    if (command == 'c') run = pool.claim(number[0]);
    if (command == 'g') pool.give_back(run);
    if (command == 'f' && !fill_blocks(pool, run, static_cast<int>(number[2]))) return 1;
    std::printf("%u %u\n", run.first, run.count);
    std::fflush(stdout);
  }
  return 0;
}

}  // namespace terrace::testing_support
