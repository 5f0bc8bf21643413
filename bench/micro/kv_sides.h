// SPDX-License-Identifier: Apache-2.0
// The KV-caches that kv_benchmark compares, with one face: the plain one, the C++ class, and the
// C API of libterrace. Blocks are of 16 tokens, if not said, and 64 bytes, in memory that nobody
// touches: what is measured is the book-keeping. The policy is the default one, `terrace`. Threads
// may use different sequences at once. What should not fail ends the program when it does.
#pragma once

#include <benchmark/benchmark.h>
#include <terrace/kv.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <span>
#include <vector>

#include "allocators/kv/cache.h"
#include "bench/micro/plain_kv_cache.h"
#include "tiering/policy/kv/kv_policy.h"

namespace terrace::bench {

inline constexpr std::uint32_t kBlockTokens = 16;
inline constexpr std::uint64_t kBlockBytes = 64;
inline constexpr const char* kPolicy = "terrace";

inline void must(bool done, const char* what, const char* why) {
  if (done) return;
  std::fprintf(stderr, "kv_benchmark: %s failed: %s\n", what, why);
  std::exit(3);
}

inline kv::CacheOptions options_for(std::vector<std::byte>& memory, std::uint32_t blocks,
                                    std::uint32_t block_tokens) {
  kv::CacheOptions options;
  options.shape = {block_tokens, 1, Bytes(kBlockBytes)};
  options.tiers = {{memory.data(), blocks}};
  const auto* const policy = policy::find_kv_policy(kPolicy);
  options.make_policy = [policy](std::uint32_t slots) { return policy->make({.slots = slots}); };
  return options;
}

class PlainSide {
 public:
  using Sequence = PlainKvCache::Sequence;
  explicit PlainSide(std::uint32_t blocks, std::uint32_t block_tokens = kBlockTokens)
      : cache_(block_tokens, blocks) {}

  Sequence begin(std::uint64_t max_tokens) {
    Sequence sequence = cache_.begin({});
    sequence.tokens.reserve(max_tokens);
    sequence.blocks.reserve(max_tokens / kBlockTokens + 1);
    return sequence;
  }
  void append(Sequence& sequence, std::span<const kv::Token> tokens) {
    must(cache_.append(sequence, tokens), "append", "no block is left");
  }
  void written(Sequence& sequence, std::uint64_t tokens) { cache_.written(sequence, tokens); }
  void end(Sequence& sequence) { cache_.end(sequence); }
  std::uint64_t match(std::span<const kv::Token> tokens) { return cache_.match(tokens); }
  void allocate_and_free(std::uint64_t pairs) {
    for (std::uint64_t i = 0; i < pairs; ++i) {
      std::uint32_t block = cache_.allocate();
      benchmark::DoNotOptimize(block);
      cache_.free(block);
    }
  }

 private:
  PlainKvCache cache_;
};

class ClassSide {
 public:
  using Sequence = kv::SequenceRef;
  explicit ClassSide(std::uint32_t blocks, std::uint32_t block_tokens = kBlockTokens)
      : memory_(blocks * kBlockBytes) {
    auto made = kv::Cache::create(options_for(memory_, blocks, block_tokens));
    must(made.ok(), "create", made.ok() ? "" : made.error().message);
    cache_ = std::move(*made);
  }

  Sequence begin(std::uint64_t max_tokens) {
    kv::SequenceOptions options;
    options.max_tokens = max_tokens;
    Sequence sequence;
    check(cache_->begin(options, sequence), "begin");
    return sequence;
  }
  void append(Sequence& sequence, std::span<const kv::Token> tokens) {
    check(cache_->append(*sequence, tokens), "append");
  }
  void written(Sequence& sequence, std::uint64_t tokens) {
    check(cache_->written(*sequence, tokens), "written");
  }
  void end(Sequence& sequence) { check(cache_->end(*sequence), "end"); }
  std::uint64_t match(std::span<const kv::Token> tokens) { return cache_->match(tokens, 0); }
  /// The first token of an empty sequence, taken away again.
  void allocate_and_free(std::uint64_t pairs) {
    Sequence sequence = begin(kBlockTokens);
    const kv::Token token = 1;
    for (std::uint64_t i = 0; i < pairs; ++i) {
      append(sequence, {&token, 1});
      check(cache_->truncate(*sequence, 0), "truncate");
    }
    end(sequence);
  }

 private:
  static void check(const kv::Outcome& outcome, const char* what) {
    must(outcome.ok(), what, outcome.text);
  }
  std::vector<std::byte> memory_;
  std::unique_ptr<kv::Cache> cache_;
};

/// The machine as it is found, opened once.
inline terrace_context machine() {
  static const terrace_context opened = [] {
    terrace_context context{};
    must(terrace_open(nullptr, &context) == TERRACE_OK, "terrace_open", terrace_last_error());
    return context;
  }();
  return opened;
}

class ApiSide {
 public:
  using Sequence = terrace_sequence;
  explicit ApiSide(std::uint32_t blocks, std::uint32_t block_tokens = kBlockTokens) {
    terrace_kv_options options{};
    options.struct_size = sizeof options;
    options.block_tokens = block_tokens;
    options.layers = 1;
    options.layer_bytes = kBlockBytes;
    options.blocks = blocks;
    options.policy = kPolicy;
    check(terrace_kv_open(machine(), &options, &cache_), "terrace_kv_open");
  }
  ~ApiSide() { check(terrace_kv_close(cache_), "terrace_kv_close"); }
  ApiSide(const ApiSide&) = delete;
  ApiSide& operator=(const ApiSide&) = delete;

  Sequence begin(std::uint64_t max_tokens) {
    terrace_sequence_options options{};
    options.struct_size = sizeof options;
    options.max_tokens = max_tokens;
    Sequence sequence{};
    check(terrace_sequence_begin(cache_, &options, &sequence, nullptr), "terrace_sequence_begin");
    return sequence;
  }
  void append(Sequence& sequence, std::span<const kv::Token> tokens) {
    check(terrace_sequence_append(sequence, tokens.data(), tokens.size()),
          "terrace_sequence_append");
  }
  void written(Sequence& sequence, std::uint64_t tokens) {
    check(terrace_sequence_written(sequence, tokens), "terrace_sequence_written");
  }
  void end(Sequence& sequence) { check(terrace_sequence_end(sequence), "terrace_sequence_end"); }
  std::uint64_t match(std::span<const kv::Token> tokens) {
    std::uint64_t matched = 0;
    check(terrace_kv_match(cache_, tokens.data(), tokens.size(), 0, &matched), "terrace_kv_match");
    return matched;
  }
  /// As ClassSide's.
  void allocate_and_free(std::uint64_t pairs) {
    Sequence sequence = begin(kBlockTokens);
    const kv::Token token = 1;
    for (std::uint64_t i = 0; i < pairs; ++i) {
      append(sequence, {&token, 1});
      check(terrace_sequence_truncate(sequence, 0), "terrace_sequence_truncate");
    }
    end(sequence);
  }

 private:
  static void check(terrace_status status, const char* what) {
    must(status == TERRACE_OK, what, terrace_last_error());
  }
  terrace_kv cache_{};
};

}  // namespace terrace::bench
