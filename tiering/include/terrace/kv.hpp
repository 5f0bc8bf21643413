// SPDX-License-Identifier: Apache-2.0
// The KV-cache for C++: handles that end what they hold, spans over tokens, tables and blocks. A
// thin face of kv.h as terrace.hpp is of terrace.h: each function is one call of it, and nothing is
// kept beside the handle. What kv.h says of each call holds; an object of these classes itself is
// one thread's at a time. Errors are thrown as terrace::ApiError. A server above its capacity is
// refused now and then, which is no error: try_begin(), try_fork() and try_resume() answer that.
//
//   terrace::KvCache cache(machine, {.layers = 32, .layer_bytes = 65536, .blocks = 4096});
//   const terrace::KvBlocks blocks = cache.blocks(32);
//   auto [sequence, at] = cache.begin({.tokens = prompt, .max_tokens = 2048});
//   sequence.append(std::span(prompt).subspan(at.tokens));
//   for (std::uint32_t layer = 0; layer < 32; ++layer) {
//     sequence.wait_layer(layer);
//     for (const std::uint32_t entry : sequence.table()) use(blocks.layer(entry, layer));
//   }
//   sequence.written(prompt.size());
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include <terrace/kv.h>
#include <terrace/terrace.hpp>

namespace terrace {

/// Blocks on a tier.
struct KvPool {
  const char* tier = nullptr;
  std::uint64_t blocks = 0;
};

/// terrace_kv_options without what C needs said.
struct KvOptions {
  std::uint32_t block_tokens = 16;
  std::uint32_t layers = 0;
  std::uint64_t layer_bytes = 0;
  std::span<const KvPool> pools = {};  ///< fastest first; none: `blocks` of the fastest tier
  std::uint64_t blocks = 0;            ///< when there are no pools
  const char* name = nullptr;
  const char* policy = nullptr;
  std::uint32_t max_sequences = 0;
  const char* store_path = nullptr;
  std::uint64_t store_bytes = 0;
  std::uint64_t identity = 0;
  std::uint64_t recompute_growth_ppm = 0;
};

/// terrace_sequence_options without what C needs said.
struct KvSequenceOptions {
  std::span<const terrace_token> tokens = {};
  std::uint64_t max_tokens = 0;
  std::uint64_t salt = 0;
  std::uint32_t tenant = 0;
  std::int32_t priority = 0;
  std::uint32_t flags = 0;  ///< TERRACE_SEQUENCE_...

  terrace_sequence_options for_c() const {
    terrace_sequence_options options{};
    options.struct_size = sizeof options;
    options.flags = flags;
    options.tokens = tokens.data();
    options.token_count = tokens.size();
    options.max_tokens = max_tokens;
    options.salt = salt;
    options.tenant = tenant;
    options.priority = priority;
    return options;
  }
};

/// What asking for room was answered.
template <typename T>
struct KvAnswer {
  terrace_status status = TERRACE_OK;  ///< or TERRACE_NO_ROOM, TERRACE_LIMIT: nothing has changed
  T value{};
  explicit operator bool() const { return status == TERRACE_OK; }
};

/// Throws ApiError for what is neither TERRACE_OK nor one of the two refusals.
inline terrace_status check_admission(terrace_status status) {
  if (status != TERRACE_NO_ROOM && status != TERRACE_LIMIT) check(status);
  return status;
}

/// Where the entries of a cache's tables point, as long as it is open. Nothing is checked: entries
/// are those of tables, layers below the number that was given.
class KvBlocks {
 public:
  KvBlocks(const terrace_kv_info& info, std::uint32_t layers)
      : base_(static_cast<std::byte*>(info.base)),
        block_bytes_(info.block_bytes),
        layer_bytes_(info.block_bytes / (layers != 0 ? layers : 1)) {}

  std::span<std::byte> block(std::uint32_t entry) const {
    return {base_ + entry * block_bytes_, block_bytes_};
  }
  std::span<std::byte> layer(std::uint32_t entry, std::uint32_t layer) const {
    return {base_ + entry * block_bytes_ + layer * layer_bytes_, layer_bytes_};
  }
  /// All whole values of T that a layer's part has room for.
  template <typename T>
  std::span<T> layer_as(std::uint32_t entry, std::uint32_t layer) const {
    const std::span<std::byte> part = this->layer(entry, layer);
    return {reinterpret_cast<T*>(part.data()), part.size() / sizeof(T)};
  }

 private:
  std::byte* base_;
  std::uint64_t block_bytes_;
  std::uint64_t layer_bytes_;
};

/// A sequence, which ends with this. Its cache may be closed before it.
class KvSequence {
 public:
  KvSequence() = default;
  explicit KvSequence(terrace_sequence sequence) : sequence_(sequence) {}
  KvSequence(KvSequence&& other) noexcept : sequence_(std::exchange(other.sequence_, {0})) {}
  KvSequence& operator=(KvSequence&& other) noexcept {
    std::swap(sequence_, other.sequence_);
    return *this;
  }
  ~KvSequence() {
    if (sequence_.id != 0) (void)terrace_sequence_end(sequence_);
  }

  void append(std::span<const terrace_token> tokens) {
    check(terrace_sequence_append(sequence_, tokens.data(), tokens.size()));
  }
  void append(terrace_token token) { check(terrace_sequence_append(sequence_, &token, 1)); }
  void written(std::uint64_t tokens) { check(terrace_sequence_written(sequence_, tokens)); }
  /// Entries that are read anew after append(), written() and the cache's step(); void when the
  /// sequence pauses or ends.
  std::span<const std::uint32_t> table() const {
    const std::uint32_t* entries = nullptr;
    std::uint64_t count = 0;
    check(terrace_sequence_table(sequence_, &entries, &count));
    return {entries, count};
  }
  void wait_layer(std::uint32_t layer) { check(terrace_sequence_wait_layer(sequence_, layer)); }

  [[nodiscard]] KvSequence fork(std::uint64_t max_tokens) {
    terrace_sequence fork{};
    check(terrace_sequence_fork(sequence_, max_tokens, &fork));
    return KvSequence(fork);
  }
  [[nodiscard]] KvAnswer<KvSequence> try_fork(std::uint64_t max_tokens) {
    terrace_sequence fork{};
    const auto status = check_admission(terrace_sequence_fork(sequence_, max_tokens, &fork));
    return {status, KvSequence(fork)};
  }
  void truncate(std::uint64_t tokens) { check(terrace_sequence_truncate(sequence_, tokens)); }

  void pause() { check(terrace_sequence_pause(sequence_)); }
  terrace_sequence_info resume() {
    terrace_sequence_info info{};
    info.struct_size = sizeof info;
    check(terrace_sequence_resume(sequence_, &info));
    return info;
  }
  [[nodiscard]] KvAnswer<terrace_sequence_info> try_resume() {
    KvAnswer<terrace_sequence_info> answer;
    answer.value.struct_size = sizeof answer.value;
    answer.status = check_admission(terrace_sequence_resume(sequence_, &answer.value));
    return answer;
  }
  void prefetch() { check(terrace_sequence_prefetch(sequence_)); }
  /// As the destructor, which does not throw: TERRACE_BAD_HANDLE when there is none, or its cache
  /// is closed.
  void end() { check(terrace_sequence_end(std::exchange(sequence_, {0}))); }

  terrace_sequence_info info() const {
    terrace_sequence_info info{};
    info.struct_size = sizeof info;
    check(terrace_sequence_get(sequence_, &info));
    return info;
  }
  terrace_sequence handle() const { return sequence_; }

 private:
  terrace_sequence sequence_{0};
};

/// A sequence that has begun, and where it stands: info.tokens are there already.
struct KvBegun {
  KvSequence sequence;
  terrace_sequence_info info{};
};

/// An open cache; its end ends its sequences. Ends before its machine, or is ended by that.
class KvCache {
 public:
  KvCache(const Machine& machine, const KvOptions& options) {
    std::array<const char*, TERRACE_MAX_TIERS> tiers{};
    std::array<std::uint64_t, TERRACE_MAX_TIERS> blocks{};
    terrace_kv_options for_c{};
    for_c.struct_size = sizeof for_c;
    for_c.block_tokens = options.block_tokens;
    for_c.layers = options.layers;
    for_c.tier_count = static_cast<std::uint32_t>(options.pools.size());
    // More of them are refused by their number.
    for (std::size_t i = 0; i < options.pools.size() && i < tiers.size(); ++i) {
      tiers[i] = options.pools[i].tier;
      blocks[i] = options.pools[i].blocks;
    }
    for_c.layer_bytes = options.layer_bytes;
    for_c.tiers = tiers.data();
    for_c.tier_blocks = blocks.data();
    for_c.blocks = options.blocks;
    for_c.name = options.name;
    for_c.policy = options.policy;
    for_c.max_sequences = options.max_sequences;
    for_c.store_path = options.store_path;
    for_c.store_bytes = options.store_bytes;
    for_c.identity = options.identity;
    for_c.recompute_growth_ppm = options.recompute_growth_ppm;
    check(terrace_kv_open(machine.handle(), &for_c, &cache_));
  }
  KvCache(KvCache&& other) noexcept : cache_(std::exchange(other.cache_, {0})) {}
  KvCache& operator=(KvCache&& other) noexcept {
    std::swap(cache_, other.cache_);
    return *this;
  }
  ~KvCache() {
    if (cache_.id != 0) (void)terrace_kv_close(cache_);
  }

  [[nodiscard]] KvBegun begin(const KvSequenceOptions& options) {
    KvBegun begun;
    check(begin_into(options, begun));
    return begun;
  }
  [[nodiscard]] KvAnswer<KvBegun> try_begin(const KvSequenceOptions& options) {
    KvAnswer<KvBegun> answer;
    answer.status = check_admission(begin_into(options, answer.value));
    return answer;
  }
  /// How many of the tokens a sequence would begin with.
  std::uint64_t match(std::span<const terrace_token> tokens, std::uint64_t salt = 0) const {
    std::uint64_t matched = 0;
    check(terrace_kv_match(cache_, tokens.data(), tokens.size(), salt, &matched));
    return matched;
  }
  void step() { check(terrace_kv_step(cache_)); }
  void set_limit(std::uint32_t tenant, std::uint64_t blocks) {
    check(terrace_kv_set_limit(cache_, tenant, blocks));
  }
  void lose(const void* address) { check(terrace_kv_lose(cache_, address)); }

  /// `layers` as it was opened with.
  KvBlocks blocks(std::uint32_t layers) const { return {info(), layers}; }
  terrace_kv_info info() const {
    terrace_kv_info info{};
    info.struct_size = sizeof info;
    check(terrace_kv_get(cache_, &info));
    return info;
  }
  terrace_kv handle() const { return cache_; }

 private:
  terrace_status begin_into(const KvSequenceOptions& options, KvBegun& begun) {
    const terrace_sequence_options for_c = options.for_c();
    terrace_sequence sequence{};
    begun.info.struct_size = sizeof begun.info;
    const terrace_status status = terrace_sequence_begin(cache_, &for_c, &sequence, &begun.info);
    begun.sequence = KvSequence(sequence);
    return status;
  }

  terrace_kv cache_{0};
};

static_assert(sizeof(KvCache) == sizeof(terrace_kv));
static_assert(sizeof(KvSequence) == sizeof(terrace_sequence));

}  // namespace terrace
