// SPDX-License-Identifier: Apache-2.0
// The probe of real memory: streams and chases over pages bound to a tier's nodes, or over blocks
// of a DAX tier.
#include <algorithm>
#include <atomic>
#include <cstring>
#include <memory>
#include <span>
#include <system_error>
#include <thread>
#include <vector>

#include "allocators/os/clock.h"
#include "profiler/calibrate/cache_size.h"
#include "profiler/calibrate/pointer_cycle.h"
#include "profiler/calibrate/probe.h"
#include "profiler/calibrate/probe_pages.h"
#include "profiler/calibrate/stream_kernel.h"
#include "profiler/calibrate/stream_meter.h"
#include "profiler/os/near_nodes.h"

namespace terrace::calibrate {
namespace {

constexpr std::size_t kChunk = std::size_t{256} << 10;  ///< streamed between looks at the clock
constexpr std::size_t kChaseSteps = 4096;               ///< followed between looks at the clock
constexpr Bytes kMostMemory = GiB(8);

double seconds_since(Nanoseconds start) {
  return static_cast<double>((os::monotonic_now() - start).value) / 1e9;
}

struct Sizes {
  std::size_t chase = 0;   ///< bytes, at the start of the memory
  std::size_t stream = 0;  ///< bytes per streaming thread, behind it
};

/// Four times the cache: a random line then is in it once in four times at worst, and a stream
/// finds nothing of its last pass. Less where the tier is small, so that it is measured at all.
Sizes sizes_for(const ProbeRequest& request, const CacheSizes& caches, Bytes free) {
  const std::uint64_t most =
      std::min({kMostMemory.value, request.capacity.value / 2, free.value / 2});
  const auto threads = static_cast<std::uint64_t>(request.threads);
  std::uint64_t chase = caches.largest.value * 4;
  std::uint64_t stream = std::max(caches.total.value * 4, MiB(64).value) / threads;
  if (const std::uint64_t wanted = chase + stream * threads; wanted > most) {
    const double scale = static_cast<double>(most) / static_cast<double>(wanted);
    chase = static_cast<std::uint64_t>(scale * static_cast<double>(chase));
    stream = static_cast<std::uint64_t>(scale * static_cast<double>(stream));
  }
  return {chase / kChunk * kChunk, std::max<std::uint64_t>(stream / kChunk, 1) * kChunk};
}

class MemoryProbe {
 public:
  MemoryProbe(const ProbeRequest& request, Sizes sizes, ProbePages pages)
      : request_(request), sizes_(sizes), pages_(std::move(pages)) {
    // Written once: an untouched page is the kernel's shared page of zeros, which lies in the
    // cache.
    std::memset(pages_.data(), 1, pages_.size());
    build_pointer_cycle(pages_.data(), sizes_.chase / kLineBytes, request_.seed);
  }

  Result<double> measure(Quantity quantity) {
    switch (quantity) {
      case Quantity::kReadBandwidthOne:
        return bandwidth(1);
      case Quantity::kReadBandwidth:
        return bandwidth(request_.threads);
      case Quantity::kIdleLatency:
        return latency(0);
      case Quantity::kLoadedLatency:
        return latency(std::max(1, request_.threads - 1));
    }
    return make_error(ErrorCode::kUsage, 0, "no such quantity");
  }

 private:
  /// However few threads stream, they share all of the memory: one thread's part of it alone might
  /// fit into the cache.
  std::span<const std::byte> stream_part(int thread, int threads) const {
    const std::size_t all = sizes_.stream * static_cast<std::size_t>(request_.threads);
    const std::size_t part = all / static_cast<std::size_t>(threads) / kChunk * kChunk;
    return {pages_.data() + sizes_.chase + static_cast<std::size_t>(thread) * part, part};
  }

  void stream_thread(int thread, int threads, StreamMeter& meter) {
    if (threads == 1) os::run_near_nodes(request_.nodes);
    const std::span<const std::byte> part = stream_part(thread, threads);
    std::uint64_t sum = 0;
    meter.begin();
    for (std::size_t at = 0; !meter.done(); at = at + kChunk < part.size() ? at + kChunk : 0) {
      sum += stream_sum(part.data() + at, kChunk);
      meter.add(kChunk);
    }
    sink_.fetch_add(sum, std::memory_order_relaxed);
  }

  /// Runs `threads` streams for as long as `own_work` takes; returns their GB/s together.
  template <typename Work>
  Result<double> with_streams(int threads, Work own_work) {
    StreamMeter meter(threads);
    std::vector<std::thread> streams;
    const int refused =
        start_threads(streams, threads, [&](int thread) { stream_thread(thread, threads, meter); });
    const double gbps = refused == 0 ? meter.measure(own_work) : 0;
    meter.stop();
    for (std::thread& stream : streams) stream.join();
    if (refused != 0)
      return make_error(ErrorCode::kIo, refused,
                        "cannot start %d threads; raise the limit (ulimit -u)", threads);
    return gbps;
  }

  /// 0, or why the next thread could not be started.
  template <typename Body>
  static int start_threads(std::vector<std::thread>& threads, int count, Body body) {
    try {
      for (int thread = 0; thread < count; ++thread) threads.emplace_back(body, thread);
    } catch (const std::system_error& refused) {
      return refused.code().value();
    }
    return 0;
  }

  Result<double> bandwidth(int threads) {
    return with_streams(threads, [&] { os::sleep_for(request_.window); });
  }

  /// The chaser has a thread of its own, since the caller's must keep its place.
  Result<double> latency(int streams) {
    double ns = 0;
    int refused = 0;
    const auto streamed = with_streams(streams, [&] {
      std::vector<std::thread> chaser;
      refused = start_threads(chaser, 1, [&](int) {
        os::run_near_nodes(request_.nodes);
        ns = chase_for_window();
      });
      for (std::thread& thread : chaser) thread.join();
    });
    if (!streamed) return streamed.error();
    if (refused != 0)
      return make_error(ErrorCode::kIo, refused,
                        "cannot start a thread; raise the limit (ulimit -u)");
    return ns;
  }

  double chase_for_window() {
    std::uint64_t steps = 0;
    const Nanoseconds start = os::monotonic_now();
    do {
      line_ = chase(pages_.data(), line_, kChaseSteps);
      steps += kChaseSteps;
    } while (os::monotonic_now() - start < request_.window);
    return seconds_since(start) * 1e9 / static_cast<double>(steps);
  }

  ProbeRequest request_;
  Sizes sizes_;
  ProbePages pages_;
  std::uint64_t line_ = 0;
  std::atomic<std::uint64_t> sink_{0};  ///< keeps the sums in use
};

}  // namespace

ProbeFactory memory_probes(const std::string& sysfs_root) {
  return [caches = read_cache_sizes(sysfs_root)](const ProbeRequest& request) -> Result<Probe> {
    const Bytes free = request.path.empty() ? os::free_memory_of(request.nodes) : request.capacity;
    const Sizes sizes = sizes_for(request, caches, free);
    if (sizes.chase < kChunk)
      return make_error(ErrorCode::kCapabilityMissing, 0,
                        "less than 1 MiB of it is free; free memory there and run again");
    const auto total = sizes.chase + sizes.stream * static_cast<std::size_t>(request.threads);
    auto pages = ProbePages::map(Bytes(total), request);
    if (!pages) return pages.error();
    auto probe = std::make_shared<MemoryProbe>(request, sizes, std::move(*pages));
    Probe handle;
    handle.measure = [probe](Quantity quantity) { return probe->measure(quantity); };
    if (sizes.chase < 2 * caches.largest.value)
      handle.note =
          "too little free memory to look past the caches: its latency is that of a cache "
          "in part";
    return handle;
  };
}

}  // namespace terrace::calibrate
