// SPDX-License-Identifier: Apache-2.0
#include "allocators/extent/file_fill.h"

#include <algorithm>
#include <atomic>

#include "allocators/os/clock.h"
#include "allocators/os/file_reader.h"
#include "allocators/os/thread.h"

namespace terrace::extent {
namespace {

constexpr std::uint32_t kMostThreads = 16;
constexpr Nanoseconds kBetweenLines = milliseconds(1000);

/// What the threads share: each takes the next piece until all are taken or one has failed.
class Filling {
 public:
  explicit Filling(const FileFill& fill)
      : fill_(fill),
        file_(fill.fd, fill.offset, fill.size),
        begun_(os::monotonic_now()),
        last_line_(begun_) {}

  std::uint64_t pieces() const { return (fill_.size.value + kPiece - 1) / kPiece; }

  /// False: nothing is left to take.
  bool fill_one() {
    if (error_.load(std::memory_order_relaxed) != 0) return false;
    const std::uint64_t piece = next_.fetch_add(1, std::memory_order_relaxed);
    if (piece >= pieces()) return false;
    const std::uint64_t at = piece * kPiece;
    const Bytes size(std::min(kPiece, fill_.size.value - at));
    const int error = file_.read(static_cast<char*>(fill_.to) + at, size, at);
    if (error != 0) error_.store(error, std::memory_order_relaxed);
    done_.fetch_add(size.value, std::memory_order_relaxed);
    return error == 0;
  }

  void tell() {
    const Nanoseconds now = os::monotonic_now();
    if (fill_.progress == nullptr || now - last_line_ < kBetweenLines) return;
    last_line_ = now;
    fill_.progress(fill_.context, progress_at(now));
  }

  /// All threads are gone.
  FillOutcome finish() {
    const Nanoseconds now = os::monotonic_now();
    const int error = error_.load();
    const bool took_long = last_line_ != begun_;
    if (fill_.progress != nullptr && took_long && error == 0) {
      fill_.progress(fill_.context, progress_at(now));
    }
    const os::FileReadCounters& read = file_.counters();
    return {error, Bytes(read.cached.load()), Bytes(read.direct.load()),
            Bytes(read.buffered.load())};
  }

 private:
  static constexpr std::uint64_t kPiece = os::FileReader::kMostAtOnce.value;

  FillProgress progress_at(Nanoseconds now) const {
    return {done_.load(std::memory_order_relaxed), fill_.size.value, now - begun_};
  }

  const FileFill& fill_;
  os::FileReader file_;
  Nanoseconds begun_;
  Nanoseconds last_line_;
  std::atomic<std::uint64_t> next_{0};
  std::atomic<std::uint64_t> done_{0};
  std::atomic<int> error_{0};
};

void* help(void* argument) {
  auto& filling = *static_cast<Filling*>(argument);
  while (filling.fill_one()) {
  }
  return nullptr;
}

}  // namespace

FillOutcome fill_from_file(const FileFill& fill) {
  Filling filling(fill);
  {
    os::JoinedThread helpers[kMostThreads - 1];
    const std::uint64_t wanted = std::min<std::uint64_t>(
        {filling.pieces(), fill.threads == 0 ? 1 : fill.threads, kMostThreads});
    for (std::uint64_t i = 0; i + 1 < wanted; ++i) {
      // Where no thread can be had this one does it all.
      if (helpers[i].start(&help, &filling, "terrace-fill") != 0) break;
    }
    while (filling.fill_one()) filling.tell();
  }
  return filling.finish();
}

}  // namespace terrace::extent
