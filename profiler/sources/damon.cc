// SPDX-License-Identifier: Apache-2.0
#include "profiler/sources/damon.h"

#include <cerrno>

#include "allocators/os/mapping.h"

namespace terrace::sources {

Status Damon::open(const Field& field) {
  return open_at(os::DamonFiles::kRoot, field);
}

Status Damon::open_at(const char* root, const Field& field) {
  field_ = field;
  if (found_ == nullptr) {
    const Bytes size = round_up_to_block(Bytes(field.blocks * sizeof *found_));
    void* const at = os::reserve_address_space(size);
    if (at == nullptr || os::map_private(at, size, os::PageAdvice::kNone) != 0) {
      return make_error(ErrorCode::kIo, ENOMEM, "damon: no address space for its counts");
    }
    found_ = static_cast<std::uint32_t*>(at);
  }
  return files_.open(root);
}

int Damon::begin_run(const BlockRun& run) {
  const auto start = reinterpret_cast<std::uintptr_t>(run.at);
  const std::uint64_t end = start + (std::uint64_t{run.blocks} << kBlockShift);
  if (!collecting_ || start < low_) low_ = start;
  if (!collecting_ || end > high_) high_ = end;
  collecting_ = true;
  return 0;
}

int Damon::begin() {
  if (!collecting_) return 0;
  collecting_ = false;
  if (asking_.is_running() && !answered_.load(std::memory_order_acquire)) return EAGAIN;
  asking_.join();
  if (low_ != watched_low_ || high_ != watched_high_) {
    if (const int error = files_.watch(low_, high_); error != 0) return error;
    watched_low_ = low_;
    watched_high_ = high_;
  }
  answered_.store(false, std::memory_order_relaxed);
  return asking_.start(&ask_body, this, "terrace-damon");
}

void* Damon::ask_body(void* self) {
  static_cast<Damon*>(self)->ask();
  return nullptr;
}

void Damon::ask() {
  if (files_.update() == 0) {
    files_.read_regions(
        [](const os::DamonRegion& region, void* self) { static_cast<Damon*>(self)->take(region); },
        this);
  }
  answered_.store(true, std::memory_order_release);
}

/// A region's accesses go to the blocks of which it covers the middle.
void Damon::take(const os::DamonRegion& region) {
  const auto base = reinterpret_cast<std::uintptr_t>(field_.base);
  constexpr std::uint64_t kHalf = kBlockBytes.value / 2;
  const std::uint64_t end = base + (field_.blocks << kBlockShift);
  if (region.start < base || region.end > end || region.start >= region.end) return;
  std::uint64_t block = (region.start - base + kHalf - 1) >> kBlockShift;
  for (; base + (block << kBlockShift) + kHalf < region.end; ++block) {
    found_[block] += region.accesses;
  }
}

int Damon::end() {
  if (!asking_.is_running()) return ENODATA;
  if (!answered_.load(std::memory_order_acquire)) return EAGAIN;
  asking_.join();
  return 0;
}

int Damon::end_run(const BlockRun& run, std::uint32_t* counts) {
  std::uint32_t* const found = found_ + run.first_block;
  for (std::uint32_t i = 0; i < run.blocks; ++i) {
    counts[i] += found[i];
    found[i] = 0;
  }
  return 0;
}

Nanoseconds Damon::take_cpu_time() {
  const Nanoseconds now = files_.cpu_time();
  const Nanoseconds more = now - counted_cpu_;
  counted_cpu_ = now;
  return more;
}

void Damon::close() {
  asking_.join();
  files_.close();
  watched_low_ = watched_high_ = 0;
}

}  // namespace terrace::sources
