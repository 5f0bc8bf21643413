// SPDX-License-Identifier: Apache-2.0
// Makes pages go bad. By userfaultfd (UFFDIO_POISON, Linux 6.6) they do so for this process alone:
// an access raises the SIGBUS of a hardware error, and the machine keeps its memory. With
// TERRACE_TEST_POISON=hardware it is MADV_HWPOISON, which takes the page from the machine for good:
// for virtual machines only.
#pragma once

#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>

namespace terrace::testing_support {

inline const char* poison_hardware(char* at, std::size_t bytes) {
  constexpr int kAdvice = 100;  // MADV_HWPOISON
  for (std::size_t i = 0; i < bytes; i += 4096) {
    static_cast<void>(*static_cast<volatile char*>(at + i));  // a page must be there
  }
  if (syscall(SYS_madvise, at, bytes, kAdvice) == 0) return nullptr;
  return "MADV_HWPOISON (root, CONFIG_MEMORY_FAILURE)";
}

/// What is missing, or nullptr. The content of the pages is lost either way.
inline const char* poison(char* at, std::size_t bytes) {
  // Debian 12's headers are older than the call.
  struct Arguments {
    std::uint64_t start;
    std::uint64_t bytes;
    std::uint64_t mode;
    std::int64_t updated;
  };
  constexpr unsigned long kPoison = _IOWR(0xAA, 0x08, Arguments);
  constexpr std::uint64_t kFeaturePoison = 1u << 14;
  const char* const kind = std::getenv("TERRACE_TEST_POISON");
  if (kind != nullptr && std::strcmp(kind, "hardware") == 0) return poison_hardware(at, bytes);
  // It stays open: the registration of a range must outlive the test's use of it.
  const int fd = static_cast<int>(syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK));
  if (fd < 0) return "userfaultfd for kernel faults: run as root";
  uffdio_api api{};
  api.api = UFFD_API;
  api.features = kFeaturePoison;
  if (ioctl(fd, UFFDIO_API, &api) != 0) return "UFFDIO_POISON: Linux 6.6";
  uffdio_register range{};
  range.range = {reinterpret_cast<std::uint64_t>(at), bytes};
  range.mode = UFFDIO_REGISTER_MODE_MISSING;
  if (ioctl(fd, UFFDIO_REGISTER, &range) != 0) return "UFFDIO_REGISTER on this range";
  if (syscall(SYS_madvise, at, bytes, MADV_DONTNEED) != 0) return "MADV_DONTNEED on this range";
  Arguments arguments{range.range.start, bytes, 0, 0};
  return ioctl(fd, kPoison, &arguments) == 0 ? nullptr : "UFFDIO_POISON on this range";
}

}  // namespace terrace::testing_support
