// SPDX-License-Identifier: Apache-2.0
#include "tiering/capi/loader.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <memory>
#include <new>
#include <vector>

#include "allocators/os/file_reader.h"
#include "allocators/os/thread.h"
#include "tiering/capi/checksum.h"

namespace terrace::capi {
namespace {

constexpr std::uint32_t kMostThreads = 16;
constexpr std::uint64_t kPage = os::FileReader::kPage.value;
constexpr std::uint64_t kPiece = os::FileReader::kMostAtOnce.value;

struct PageBuffer {
  static void free(char* at) { ::operator delete (at, std::align_val_t{kPage}); }
  std::unique_ptr<char, void (*)(char*)> bytes{nullptr, &free};

  char* get() {
    if (bytes == nullptr) {
      bytes.reset(
          static_cast<char*>(::operator new (kPiece, std::align_val_t{kPage}, std::nothrow)));
    }
    return bytes.get();
  }
};

/// Pieces begin at multiples of kPiece, counted from the page in which the file's first byte is.
class Loading {
 public:
  explicit Loading(const LoadRequest& request)
      : request_(request),
        ahead_(request.offset % kPage),
        span_(request.size.value + ahead_),
        file_(request.fd, request.offset - ahead_, Bytes(span_)),
        alike_((reinterpret_cast<std::uintptr_t>(request.to) - ahead_) % kPage == 0),
        sums_(request.checksum != Checksum::kNone ? pieces() : 0) {}

  std::uint64_t pieces() const { return (span_ + kPiece - 1) / kPiece; }

  void work() {
    PageBuffer buffer;
    while (error_.load(std::memory_order_relaxed) == 0) {
      const std::uint64_t piece = next_.fetch_add(1, std::memory_order_relaxed);
      if (piece >= pieces()) return;
      const int error = load(piece, buffer);
      if (error != 0) error_.store(error, std::memory_order_relaxed);
    }
  }

  /// All threads are gone.
  LoadOutcome finish() const {
    const os::FileReadCounters& read = file_.counters();
    LoadOutcome outcome{error_.load(), 0, Bytes(read.cached.load()), Bytes(read.direct.load()),
                        Bytes(read.buffered.load())};
    if (outcome.error != 0) return outcome;
    for (std::uint64_t i = 0; i < sums_.size(); ++i) {
      outcome.checksum =
          joined_checksum(request_.checksum, outcome.checksum, sums_[i], Bytes(part(i).size));
    }
    return outcome;
  }

 private:
  /// A piece's part of what was asked for.
  struct Part {
    std::uint64_t skip;  ///< bytes of the piece before it
    std::uint64_t size;
    char* to;
  };
  Part part(std::uint64_t piece) const {
    const std::uint64_t begin = piece * kPiece;
    const std::uint64_t end = std::min(begin + kPiece, span_);
    const std::uint64_t skip = piece == 0 ? ahead_ : 0;
    return {skip, end - begin - skip, request_.to + (begin + skip - ahead_)};
  }

  int load(std::uint64_t piece, PageBuffer& buffer) {
    const Part wanted = part(piece);
    // A read fills whole pages: nothing beside the range may be touched.
    const bool straight = alike_ && wanted.skip == 0 && wanted.size % kPage == 0;
    char* const at = straight ? wanted.to : buffer.get();
    if (at == nullptr) return ENOMEM;
    const int error = file_.read(at, Bytes(wanted.skip + wanted.size), piece * kPiece);
    if (error != 0) return error;
    if (!straight) std::memcpy(wanted.to, at + wanted.skip, wanted.size);
    if (!sums_.empty()) {
      sums_[piece] = checksum_of(request_.checksum, at + wanted.skip, Bytes(wanted.size));
    }
    return 0;
  }

  const LoadRequest& request_;
  const std::uint64_t ahead_;  ///< bytes of the file's first page before what is wanted
  const std::uint64_t span_;
  os::FileReader file_;
  const bool alike_;
  std::vector<std::uint32_t> sums_;
  std::atomic<std::uint64_t> next_{0};
  std::atomic<int> error_{0};
};

void* help(void* loading) {
  static_cast<Loading*>(loading)->work();
  return nullptr;
}

}  // namespace

LoadOutcome load_file(const LoadRequest& request) {
  Loading loading(request);
  {
    os::JoinedThread helpers[kMostThreads - 1];
    const std::uint64_t wanted =
        std::min<std::uint64_t>({loading.pieces(), std::max(1u, request.threads), kMostThreads});
    for (std::uint64_t i = 0; i + 1 < wanted; ++i) {
      // Where no thread can be had this one does it all.
      if (helpers[i].start(&help, &loading, "terrace-load") != 0) break;
    }
    loading.work();
  }
  return loading.finish();
}

}  // namespace terrace::capi
