// SPDX-License-Identifier: Apache-2.0
// Terrace for C++: handles that end what they hold, spans over tensors, and a
// std::pmr::memory_resource whose blocks lie in one tier. A thin face of terrace.h: each function
// is one call of it, and nothing is kept beside the handle and, for a tensor, its address. Errors
// are thrown as terrace::ApiError (std::bad_alloc from the memory resource). What terrace.h says of
// threads holds; an object of these classes itself is one thread's at a time. The KV-cache
// has kv.hpp.
//
//   terrace::Machine machine;
//   terrace::TensorMemory weights = machine.allocate({.bytes = size, .name = "blk.7.attn_q"});
//   weights.load({.path = "model.gguf", .file_offset = at});
//   std::span<const float> values = weights.as<const float>();
//   terrace::PoolResource norms(machine, {.tier = "hbm"});
//   std::pmr::vector<float> scale(4096, &norms);
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <new>
#include <span>
#include <stdexcept>
#include <utility>

#include <terrace/terrace.h>

namespace terrace {

/// A call that failed: its status, and terrace_last_error()'s text.
class ApiError : public std::runtime_error {
 public:
  explicit ApiError(terrace_status status)
      : std::runtime_error(terrace_last_error()), status_(status) {}
  terrace_status status() const { return status_; }

 private:
  terrace_status status_;
};

/// Apart from check(), so that callers save no registers for it.
[[noreturn, gnu::cold, gnu::noinline]] inline void throw_error(terrace_status status) {
  throw ApiError(status);
}
/// Throws ApiError unless the status is TERRACE_OK.
inline void check(terrace_status status) {
  if (status != TERRACE_OK) throw_error(status);
}

/// terrace_tensor_options without what C needs said.
struct TensorOptions {
  std::uint64_t bytes = 0;
  terrace_class kind = TERRACE_WEIGHT;
  const char* name = nullptr;
  std::int32_t layer = 0;
  const char* tier = nullptr;
  std::span<const double> shares = {};
  std::uint64_t alignment = 0;
  terrace_pages pages = TERRACE_PAGES_HUGE;
  std::uint32_t flags = 0;

  terrace_tensor_options for_c() const {
    terrace_tensor_options options{};
    options.struct_size = sizeof options;
    options.kind = kind;
    options.bytes = bytes;
    options.alignment = alignment;
    options.name = name;
    options.layer = layer;
    options.pages = pages;
    options.tier = tier;
    options.shares = shares.empty() ? nullptr : shares.data();
    options.share_count = static_cast<std::uint32_t>(shares.size());
    options.flags = flags;
    return options;
  }
};

/// terrace_load_options without what C needs said.
struct LoadOptions {
  const char* path = nullptr;
  std::uint64_t file_offset = 0;
  std::uint64_t bytes = 0;  ///< 0: what the tensor has from tensor_offset on
  std::uint64_t tensor_offset = 0;
  std::uint32_t threads = 0;
  std::uint32_t flags = 0;
  std::uint32_t crc32 = 0;
};

/// terrace_move_options without what C needs said.
struct MoveOptions {
  const char* tier = nullptr;
  std::int32_t priority = 0;
  std::uint32_t flags = 0;
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;  ///< 0: from `offset` to its end
};

/// A move under way. The end of this object forgets the job, which goes on.
class Move {
 public:
  explicit Move(terrace_job job) : job_(job) {}
  Move(Move&& other) noexcept : job_(std::exchange(other.job_, {0})) {}
  Move& operator=(Move&& other) noexcept {
    std::swap(job_, other.job_);
    return *this;
  }
  ~Move() {
    if (job_.id != 0) (void)terrace_job_end(job_);
  }

  terrace_job_info poll() const {
    terrace_job_info info{};
    info.struct_size = sizeof info;
    check(terrace_job_poll(job_, &info));
    return info;
  }
  bool ended() const { return poll().state == TERRACE_JOB_ENDED; }
  /// Until it has ended; throws what it ended with.
  void wait() const { check(terrace_job_wait(job_, UINT64_MAX)); }
  /// False when it goes on.
  bool wait_for(std::chrono::nanoseconds timeout) const {
    const auto ns = timeout.count() < 0 ? 0 : static_cast<std::uint64_t>(timeout.count());
    const terrace_status status = terrace_job_wait(job_, ns);
    if (status == TERRACE_TIMED_OUT) return false;
    check(status);
    return true;
  }
  void cancel() { check(terrace_job_cancel(job_)); }
  terrace_job handle() const { return job_; }

 private:
  terrace_job job_;
};

/// A pin for as long as this lives.
class Pinned {
 public:
  explicit Pinned(terrace_tensor tensor) : tensor_(tensor) { check(terrace_pin(tensor)); }
  Pinned(Pinned&& other) noexcept : tensor_(std::exchange(other.tensor_, {0})) {}
  Pinned& operator=(Pinned&& other) noexcept {
    std::swap(tensor_, other.tensor_);
    return *this;
  }
  ~Pinned() {
    if (tensor_.id != 0) (void)terrace_unpin(tensor_);
  }

 private:
  terrace_tensor tensor_;
};

/// A tensor and its memory, which ends with this; a pinned one stays until its context is closed.
class TensorMemory {
 public:
  TensorMemory() = default;
  TensorMemory(terrace_tensor tensor, void* address, std::uint64_t bytes)
      : tensor_(tensor), address_(address), bytes_(bytes) {}
  TensorMemory(TensorMemory&& other) noexcept { swap(other); }
  TensorMemory& operator=(TensorMemory&& other) noexcept {
    swap(other);
    return *this;
  }
  ~TensorMemory() {
    if (tensor_.id != 0) (void)terrace_free(tensor_);
  }

  void* data() const { return address_; }
  std::uint64_t size_bytes() const { return bytes_; }
  std::span<std::byte> bytes() const { return {static_cast<std::byte*>(address_), bytes_}; }
  /// All whole values of T that it has room for.
  template <typename T>
  std::span<T> as() const {
    return {static_cast<T*>(address_), bytes_ / sizeof(T)};
  }
  terrace_tensor handle() const { return tensor_; }

  terrace_tensor_info info() const {
    terrace_tensor_info info{};
    info.struct_size = sizeof info;
    check(terrace_get_tensor(tensor_, &info));
    return info;
  }
  /// May move the memory: earlier spans are void.
  void resize(std::uint64_t bytes) {
    check(terrace_resize(tensor_, bytes, &address_));
    bytes_ = bytes;
  }
  terrace_load_report load(const LoadOptions& options) {
    terrace_load_options for_c{};
    for_c.struct_size = sizeof for_c;
    for_c.flags = options.flags;
    for_c.path = options.path;
    for_c.file_offset = options.file_offset;
    for_c.bytes = options.bytes;
    for_c.tensor_offset = options.tensor_offset;
    for_c.threads = options.threads;
    for_c.crc32 = options.crc32;
    terrace_load_report report{};
    report.struct_size = sizeof report;
    check(terrace_load(tensor_, &for_c, &report));
    return report;
  }
  void touch(std::uint64_t read_bytes, std::uint64_t written_bytes) {
    check(terrace_touch(tensor_, read_bytes, written_bytes));
  }
  void next_use(std::uint64_t steps_ahead, std::uint32_t phase = 0) {
    check(terrace_next_use(tensor_, steps_ahead, phase));
  }
  [[nodiscard]] Pinned pin() { return Pinned(tensor_); }
  [[nodiscard]] Move migrate(const MoveOptions& options) {
    terrace_move_options for_c{};
    for_c.struct_size = sizeof for_c;
    for_c.flags = options.flags;
    for_c.tier = options.tier;
    for_c.priority = options.priority;
    for_c.offset = options.offset;
    for_c.bytes = options.bytes;
    terrace_job job{};
    check(terrace_migrate(tensor_, &for_c, &job));
    return Move(job);
  }
  [[nodiscard]] Move prefetch(std::int32_t priority = 0) {
    terrace_job job{};
    check(terrace_prefetch(tensor_, priority, &job));
    return Move(job);
  }

 private:
  void swap(TensorMemory& other) noexcept {
    std::swap(tensor_, other.tensor_);
    std::swap(address_, other.address_);
    std::swap(bytes_, other.bytes_);
  }

  terrace_tensor tensor_{0};
  void* address_ = nullptr;
  std::uint64_t bytes_ = 0;
};

/// An open context; its end frees every tensor and pool in it.
class Machine {
 public:
  /// `options.struct_size` is set here.
  explicit Machine(terrace_options options = {}) {
    options.struct_size = sizeof options;
    check(terrace_open(&options, &context_));
  }
  Machine(Machine&& other) noexcept : context_(std::exchange(other.context_, {0})) {}
  Machine& operator=(Machine&& other) noexcept {
    std::swap(context_, other.context_);
    return *this;
  }
  ~Machine() {
    if (context_.id != 0) (void)terrace_close(context_);
  }

  std::uint32_t tier_count() const {
    std::uint32_t count = 0;
    check(terrace_tier_count(context_, &count));
    return count;
  }
  terrace_tier_info tier(std::uint32_t index) const {
    terrace_tier_info info{};
    info.struct_size = sizeof info;
    check(terrace_get_tier(context_, index, &info));
    return info;
  }
  terrace_tier_info tier(const char* name) const {
    std::uint32_t index = 0;
    check(terrace_find_tier(context_, name, &index));
    return tier(index);
  }
  TensorMemory allocate(const TensorOptions& options) {
    const terrace_tensor_options for_c = options.for_c();
    terrace_tensor tensor{};
    void* address = nullptr;
    check(terrace_allocate(context_, &for_c, &tensor, &address));
    return {tensor, address, options.bytes};
  }
  /// Memory of the caller's own, of which the options' `bytes` are the size.
  TensorMemory adopt(void* address, const TensorOptions& options) {
    const terrace_tensor_options for_c = options.for_c();
    terrace_tensor tensor{};
    check(terrace_adopt(context_, address, &for_c, &tensor));
    return {tensor, address, options.bytes};
  }
  void step() { check(terrace_step(context_)); }
  void phase(std::uint32_t phase) { check(terrace_phase(context_, phase)); }
  terrace_traffic traffic() const {
    terrace_traffic traffic{};
    traffic.struct_size = sizeof traffic;
    check(terrace_get_traffic(context_, &traffic));
    return traffic;
  }
  terrace_context handle() const { return context_; }

 private:
  terrace_context context_{0};
};

/// terrace_pool_options without what C needs said.
struct PoolOptions {
  const char* tier = nullptr;  ///< null: the class's
  terrace_class kind = TERRACE_SCRATCH;
  std::uint64_t limit_bytes = 0;
  const char* name = nullptr;
};

/// Small blocks in one tier, for std::pmr containers. Thread-safe. Ends with its blocks.
class PoolResource final : public std::pmr::memory_resource {
 public:
  PoolResource(const Machine& machine, const PoolOptions& options) {
    terrace_pool_options for_c{};
    for_c.struct_size = sizeof for_c;
    for_c.kind = options.kind;
    for_c.tier = options.tier;
    for_c.name = options.name;
    for_c.limit_bytes = options.limit_bytes;
    check(terrace_pool_open(machine.handle(), &for_c, &pool_));
  }
  ~PoolResource() override { (void)terrace_pool_close(pool_); }
  PoolResource(const PoolResource&) = delete;
  PoolResource& operator=(const PoolResource&) = delete;

 private:
  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    void* block = nullptr;
    if (terrace_pool_allocate(pool_, bytes, alignment, &block) != TERRACE_OK) {
      throw std::bad_alloc();
    }
    return block;
  }
  void do_deallocate(void* block, std::size_t, std::size_t) override {
    (void)terrace_pool_free(pool_, block);
  }
  bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override {
    return this == &other;
  }

  terrace_pool pool_{0};
};

}  // namespace terrace
