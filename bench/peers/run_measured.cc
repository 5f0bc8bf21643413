// SPDX-License-Identifier: Apache-2.0
// run_measured OUT [--preload LIBRARIES] [--set NAME=VALUE]... -- PROGRAM ARGUMENT...: runs the
// program and writes "CPU_SECONDS PEAK_RSS_KIB" to the file OUT: user and system time of it and of
// all its children that it waited for, and the largest resident set among them (wait4(2),
// getrusage(2)). Exits as the program did. The environment changes for the program alone.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

int usage() {
  std::fprintf(stderr,
               "usage: run_measured OUT [--preload LIBRARIES] [--set NAME=VALUE]... -- PROGRAM "
               "ARGUMENT...\n");
  return 125;
}

[[noreturn]] void become(char** arguments, const char* preload) {
  if (preload != nullptr && *preload != '\0') setenv("LD_PRELOAD", preload, 1);
  execvp(arguments[0], arguments);
  std::fprintf(stderr, "run_measured: %s: %s\n", arguments[0], std::strerror(errno));
  _exit(127);
}

bool write_figures(const char* path, const rusage& used) {
  std::FILE* out = std::fopen(path, "w");
  if (out == nullptr) return false;
  std::fprintf(out, "%.6f %ld\n", seconds(used.ru_utime) + seconds(used.ru_stime), used.ru_maxrss);
  return std::fclose(out) == 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) return usage();
  const char* preload = nullptr;
  int at = 2;
  for (; at + 1 < argc && std::strcmp(argv[at], "--") != 0; at += 2) {
    if (std::strcmp(argv[at], "--preload") == 0) {
      preload = argv[at + 1];
    } else if (std::strcmp(argv[at], "--set") == 0) {
      if (putenv(argv[at + 1]) != 0) return 125;
    } else {
      return usage();
    }
  }
  if (at + 1 >= argc) return usage();
  const pid_t child = fork();
  if (child == -1) return 125;
  if (child == 0) become(argv + at + 1, preload);
  int status = 0;
  rusage used{};
  while (wait4(child, &status, 0, &used) == -1) {
    if (errno != EINTR) return 125;
  }
  if (!write_figures(argv[1], used)) return 125;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
