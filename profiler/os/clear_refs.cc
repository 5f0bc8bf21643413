// SPDX-License-Identifier: Apache-2.0
#include "profiler/os/clear_refs.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

namespace terrace::os {
namespace {

// Reads a number of the base at `text`, moves past it; no digit leaves `text` where it is.
std::uint64_t take_number(const char*& text, unsigned base) {
  std::uint64_t value = 0;
  for (;; ++text) {
    unsigned digit = base;
    if (*text >= '0' && *text <= '9') digit = static_cast<unsigned>(*text - '0');
    if (*text >= 'a' && *text <= 'f') digit = static_cast<unsigned>(*text - 'a') + 10;
    if (digit >= base) return value;
    value = value * base + digit;
  }
}

// "7f00-7f80 rw-p ..." opens a mapping; every other line of smaps is "Name: value".
bool take_bounds(const char* line, std::uintptr_t& begin, std::uintptr_t& end) {
  const char* text = line;
  const std::uint64_t first = take_number(text, 16);
  if (text == line || *text != '-') return false;
  const char* second_at = ++text;
  const std::uint64_t second = take_number(text, 16);
  if (text == second_at || *text != ' ') return false;
  begin = first;
  end = second;
  return true;
}

int open_proc(const char* path, int flags) {
  const int fd = ::open(path, flags | O_CLOEXEC);
  return fd >= 0 ? fd : -errno;
}

}  // namespace

SmapsParser::SmapsParser(ReferencedRange* ranges, std::uint32_t count)
    : ranges_(ranges), count_(count) {
  for (std::uint32_t i = 0; i < count; ++i) ranges[i].referenced_bytes = 0;
}

void SmapsParser::feed(const char* text, std::uint64_t size) {
  for (std::uint64_t i = 0; i < size; ++i) {
    if (text[i] == '\n') {
      line_[line_used_] = '\0';
      end_line();
      line_used_ = 0;
    } else if (line_used_ + 1 < kLineBytes) {
      line_[line_used_++] = text[i];
    }
  }
}

void SmapsParser::end_line() {
  constexpr char kField[] = "Referenced:";
  if (::strncmp(line_, kField, sizeof kField - 1) == 0) {
    const char* text = line_ + sizeof kField - 1;
    while (*text == ' ') ++text;
    share_out(take_number(text, 10) * 1024);
    return;
  }
  std::uintptr_t begin = 0;
  std::uintptr_t end = 0;
  if (take_bounds(line_, begin, end)) {
    mapping_begin_ = begin;
    mapping_end_ = end;
  }
}

void SmapsParser::share_out(std::uint64_t referenced_bytes) {
  if (mapping_end_ <= mapping_begin_ || referenced_bytes == 0) return;
  const auto length = static_cast<double>(mapping_end_ - mapping_begin_);
  ReferencedRange* const first = range_from(ranges_, count_, mapping_begin_);
  if (first == nullptr) return;
  for (ReferencedRange* at = first; at < ranges_ + count_; ++at) {
    ReferencedRange& range = *at;
    if (range.base >= mapping_end_) return;
    const std::uintptr_t begin = range.base > mapping_begin_ ? range.base : mapping_begin_;
    const std::uintptr_t range_end = range.base + range.size;
    const std::uintptr_t end = range_end < mapping_end_ ? range_end : mapping_end_;
    if (end <= begin) continue;
    const double share = static_cast<double>(end - begin) / length;
    range.referenced_bytes +=
        static_cast<std::uint64_t>(static_cast<double>(referenced_bytes) * share);
  }
}

ReferencedRange* range_from(ReferencedRange* ranges, std::uint32_t count, std::uintptr_t address) {
  std::uint32_t low = 0;
  std::uint32_t high = count;
  while (low < high) {
    const std::uint32_t middle = low + (high - low) / 2;
    if (ranges[middle].base + ranges[middle].size <= address) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low < count ? ranges + low : nullptr;
}

int referenced_bits_missing() {
  const int clear = open_proc("/proc/self/clear_refs", O_WRONLY);
  if (clear < 0) return -clear;
  ::close(clear);
  const int smaps = open_proc("/proc/self/smaps", O_RDONLY);
  if (smaps < 0) return -smaps;
  ::close(smaps);
  return 0;
}

int clear_referenced() {
  const int fd = open_proc("/proc/self/clear_refs", O_WRONLY);
  if (fd < 0) return -fd;
  const int why = ::write(fd, "1", 1) == 1 ? 0 : errno;
  ::close(fd);
  return why;
}

int read_referenced(ReferencedRange* ranges, std::uint32_t count) {
  const int fd = open_proc("/proc/self/smaps", O_RDONLY);
  if (fd < 0) return -fd;
  SmapsParser parser(ranges, count);
  char buffer[8192];
  ssize_t got = 0;
  do {
    got = ::read(fd, buffer, sizeof buffer);
    if (got > 0) parser.feed(buffer, static_cast<std::uint64_t>(got));
  } while (got > 0 || (got < 0 && errno == EINTR));
  const int why = got == 0 ? 0 : errno;
  ::close(fd);
  return why;
}

}  // namespace terrace::os
