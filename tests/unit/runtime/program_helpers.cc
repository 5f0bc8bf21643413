// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/runtime/program.h"

#include <sys/wait.h>
#include <unistd.h>

#include <cinttypes>
#include <cstdio>
#include <cstring>

namespace terrace::e2e {

void require_that(bool held, const char* what, const char* file, int line) {
  if (held) return;
  std::fprintf(stderr, "%s:%d: %s does not hold\n", file, line, what);
  _exit(1);
}

void fill(void* at, std::size_t bytes, std::uint64_t round) {
  auto* words = static_cast<volatile std::uint64_t*>(at);
  for (std::size_t i = 0; i < bytes / 8; i += 64) words[i] = i * 0x9E3779B97F4A7C15u ^ round;
}

bool holds(const void* at, std::size_t bytes, std::uint64_t round) {
  const auto* words = static_cast<const volatile std::uint64_t*>(at);
  for (std::size_t i = 0; i < bytes / 8; i += 64) {
    if (words[i] != (i * 0x9E3779B97F4A7C15u ^ round)) return false;
  }
  return true;
}

bool is_zero(const void* at, std::size_t bytes) {
  const auto* words = static_cast<const volatile std::uint64_t*>(at);
  for (std::size_t i = 0; i < bytes / 8; ++i) {
    if (words[i] != 0) return false;
  }
  return true;
}

bool on_memory_file(const void* at) {
  std::FILE* maps = std::fopen("/proc/self/maps", "re");
  if (maps == nullptr) return false;
  const auto address = reinterpret_cast<std::uintptr_t>(at);
  char line[512];
  bool found = false;
  while (std::fgets(line, sizeof line, maps) != nullptr) {
    std::uintptr_t begin = 0;
    std::uintptr_t end = 0;
    if (std::sscanf(line, "%" SCNxPTR "-%" SCNxPTR, &begin, &end) != 2) continue;
    if (address < begin || address >= end) continue;
    found = std::strstr(line, "memfd:terrace") != nullptr ||
            std::strstr(line, "terrace-pool-") != nullptr;
  }
  std::fclose(maps);
  return found;
}

int run_case(int argc, char** argv, const Case* cases, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    if (argc < 2 || std::strcmp(argv[1], cases[i].name) != 0) continue;
    cases[i].run();
    return 0;
  }
  std::fprintf(stderr, "usage: %s CASE\n", argv[0]);
  return 2;
}

int wait_for(int pid) {
  int status = 0;
  REQUIRE(waitpid(pid, &status, 0) == pid);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace terrace::e2e
