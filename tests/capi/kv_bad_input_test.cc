// SPDX-License-Identifier: Apache-2.0
// What a server does wrong with a KV-cache gets a code with a text, aborts nothing and changes
// nothing else.
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <functional>
#include <initializer_list>
#include <utility>

#include "tests/capi/kv_server.h"
#include "tests/child_process.h"

namespace terrace::capi_test {
namespace {

constexpr std::uint64_t kHuge = ~std::uint64_t{0};

/// The call gives this status, and a text of its own that has these words.
void expect_refused(terrace_status wanted, const std::function<terrace_status()>& call,
                    std::initializer_list<const char*> words) {
  // Another failure's text first, so that an old one is not taken for the call's.
  ASSERT_EQ(terrace_tier_count({~std::uint64_t{0} >> 8}, nullptr), TERRACE_BAD_HANDLE);
  const std::string before = terrace_last_error();
  const terrace_status got = call();
  EXPECT_EQ(got, wanted) << terrace_status_text(got) << ": " << terrace_last_error();
  const std::string text = terrace_last_error();
  EXPECT_NE(text, before) << "no text of its own";
  EXPECT_EQ(text.find('\n'), std::string::npos) << text;
  for (const char* const word : words) {
    EXPECT_NE(text.find(word), std::string::npos) << '"' << text << "\" lacks \"" << word << '"';
  }
}

/// All calls on a sequence, with arguments that a running one would take.
std::vector<std::function<terrace_status(terrace_sequence)>> calls_on_a_sequence() {
  static const terrace_token kToken = 1;
  return {
      [](terrace_sequence on) { return terrace_sequence_append(on, &kToken, 1); },
      [](terrace_sequence on) { return terrace_sequence_written(on, 0); },
      [](terrace_sequence on) {
        const std::uint32_t* table = nullptr;
        std::uint64_t count = 0;
        return terrace_sequence_table(on, &table, &count);
      },
      [](terrace_sequence on) { return terrace_sequence_wait_layer(on, 0); },
      [](terrace_sequence on) {
        terrace_sequence fork{5};
        const terrace_status done = terrace_sequence_fork(on, 64, &fork);
        EXPECT_TRUE(done == TERRACE_OK || fork.id == 5);
        return done;
      },
      [](terrace_sequence on) { return terrace_sequence_truncate(on, 0); },
      [](terrace_sequence on) { return terrace_sequence_pause(on); },
      [](terrace_sequence on) { return terrace_sequence_resume(on, nullptr); },
      [](terrace_sequence on) { return terrace_sequence_prefetch(on); },
      [](terrace_sequence on) {
        auto info = sized<terrace_sequence_info>();
        return terrace_sequence_get(on, &info);
      },
      [](terrace_sequence on) { return terrace_sequence_end(on); },
  };
}

/// All calls on a cache.
std::vector<std::function<terrace_status(terrace_kv)>> calls_on_a_cache() {
  return {
      [](terrace_kv on) {
        auto info = sized<terrace_kv_info>();
        return terrace_kv_get(on, &info);
      },
      [](terrace_kv on) { return terrace_kv_set_limit(on, 1, 2); },
      [](terrace_kv on) {
        const terrace_token token = 1;
        std::uint64_t matched = 0;
        return terrace_kv_match(on, &token, 1, 0, &matched);
      },
      [](terrace_kv on) { return terrace_kv_step(on); },
      [](terrace_kv on) { return terrace_kv_lose(on, nullptr); },
      [](terrace_kv on) {
        const auto options = begin_options({}, 4);
        terrace_sequence sequence{5};
        const terrace_status done = terrace_sequence_begin(on, &options, &sequence, nullptr);
        EXPECT_EQ(sequence.id, 5u);
        return done;
      },
      [](terrace_kv on) { return terrace_kv_close(on); },
  };
}

/// What must be the same after a call that was refused.
std::vector<std::uint64_t> state_of(terrace_kv cache) {
  const terrace_kv_info info = info_of(cache);
  return {info.used_blocks[0],  info.used_blocks[1], info.cached_blocks[0], info.cached_blocks[1],
          info.promised_blocks, info.sequences,      info.paused_sequences, info.looked_up_blocks,
          info.hit_blocks[0],   info.hit_blocks[1],  info.evicted_blocks,   info.copied_blocks,
          info.lost_blocks,     info.corrupt_blocks, info.spilled_blocks};
}

class KvBadInput : public testing::Test {
 protected:
  void TearDown() override {
    // Whatever was refused, what there was before is still there and right.
    EXPECT_EQ(server_.wrong(kept_, kept_tokens_), 0u);
    EXPECT_EQ(terrace_kv_close(cache_), TERRACE_OK) << terrace_last_error();
    EXPECT_EQ(machine_.used(0), 0u);
    EXPECT_EQ(machine_.used(1), 0u);
  }
  void expect_begin_refused(terrace_status wanted, const terrace_sequence_options& options,
                            std::initializer_list<const char*> words) const {
    const auto before = state_of(cache_);
    terrace_sequence sequence{5};
    expect_refused(
        wanted, [&] { return terrace_sequence_begin(cache_, &options, &sequence, nullptr); },
        words);
    EXPECT_EQ(sequence.id, 5u);
    EXPECT_EQ(state_of(cache_), before);
  }
  void expect_open_refused(terrace_status wanted, const terrace_kv_options& options,
                           std::initializer_list<const char*> words) const {
    const std::array before = {machine_.used(0), machine_.used(1)};
    terrace_kv cache{5};
    expect_refused(
        wanted, [&] { return terrace_kv_open(machine_.context, &options, &cache); }, words);
    EXPECT_EQ(cache.id, 5u);
    EXPECT_EQ((std::array{machine_.used(0), machine_.used(1)}), before) << "pools stayed";
  }

  KvMachine machine_;
  terrace_kv cache_ = open_kv(machine_.context);
  KvServer server_{cache_};
  Tokens kept_tokens_ = tokens_from(500, 10);
  terrace_sequence kept_ = begin_filled(server_, cache_, kept_tokens_, 16);
};

TEST_F(KvBadInput, EndedSequencesAreRefusedByEveryCall) {
  const terrace_sequence ended = begin_filled(server_, cache_, tokens_from(1, 9), 12);
  ASSERT_EQ(terrace_sequence_end(ended), TERRACE_OK);
  const terrace_sequence next = begin_filled(server_, cache_, tokens_from(100, 5), 12);
  EXPECT_NE(next.id, ended.id);
  const auto before = state_of(cache_);
  for (const auto& call : calls_on_a_sequence()) {
    expect_refused(TERRACE_BAD_HANDLE, [&] { return call(ended); }, {"no sequence", "ended"});
  }
  EXPECT_EQ(state_of(cache_), before);
  EXPECT_EQ(server_.wrong(next, tokens_from(100, 5)), 0u);
}

TEST_F(KvBadInput, ClosedCachesAndTheirSequencesAreRefusedByEveryCall) {
  const terrace_kv closed = open_kv(machine_.context);
  const KvServer server(closed);
  const terrace_sequence running = begin_filled(server, closed, tokens_from(1, 9), 12);
  const terrace_sequence paused = begin_filled(server, closed, tokens_from(50, 9), 12);
  ASSERT_EQ(terrace_sequence_pause(paused), TERRACE_OK);
  ASSERT_EQ(terrace_kv_close(closed), TERRACE_OK);
  for (const auto& call : calls_on_a_cache()) {
    expect_refused(TERRACE_BAD_HANDLE, [&] { return call(closed); }, {"no KV-cache", "closed"});
  }
  for (const auto& call : calls_on_a_sequence()) {
    for (const terrace_sequence gone : {running, paused}) {
      expect_refused(TERRACE_BAD_HANDLE, [&] { return call(gone); }, {"no sequence", "cache"});
    }
  }
}

TEST_F(KvBadInput, HandlesOfOtherThingsAndContextsAreRefused) {
  KvMachine other;
  const terrace_kv theirs = open_kv(other.context);
  const terrace_sequence their_sequence =
      begin_filled(KvServer(theirs), theirs, tokens_from(1, 9), 12);
  terrace_tensor pool{};
  ASSERT_EQ(terrace_tensor_at(machine_.context, info_of(cache_).base, &pool), TERRACE_OK);
  for (const std::uint64_t number : {std::uint64_t{0}, std::uint64_t{1}, kHuge, pool.id,
                                     machine_.context.id, kept_.id + 1, cache_.id + 1}) {
    for (const auto& call : calls_on_a_sequence()) {
      expect_refused(TERRACE_BAD_HANDLE, [&] { return call({number}); }, {"no sequence"});
    }
    for (const auto& call : calls_on_a_cache()) {
      expect_refused(TERRACE_BAD_HANDLE, [&] { return call({number}); }, {"no KV-cache"});
    }
  }
  for (const auto& call : calls_on_a_sequence()) {
    expect_refused(TERRACE_BAD_HANDLE, [&] { return call({cache_.id}); }, {"no sequence"});
  }
  for (const auto& call : calls_on_a_cache()) {
    expect_refused(TERRACE_BAD_HANDLE, [&] { return call({kept_.id}); }, {"no KV-cache"});
  }
  // An address of another context's cache, and tensor calls on a cache's handle.
  const void* const foreign = info_of(theirs).base;
  expect_refused(TERRACE_BAD_ARGUMENT, [&] { return terrace_kv_lose(cache_, foreign); },
                 {"no block"});
  expect_refused(TERRACE_BAD_HANDLE, [&] { return terrace_free({cache_.id}); }, {"no tensor"});
  // The other context's end is not this one's.
  ASSERT_EQ(terrace_close(other.context), TERRACE_OK);
  expect_refused(TERRACE_BAD_HANDLE, [&] { return terrace_sequence_pause(their_sequence); },
                 {"no sequence", "context"});
  expect_refused(TERRACE_BAD_HANDLE, [&] { return terrace_kv_step(theirs); },
                 {"no KV-cache", "context"});
}

TEST_F(KvBadInput, StructsOfAWrongSizeAreRefused) {
  for (const std::uint32_t size : {0u, 3u, 4u, 0xFFFFFFFFu, 0x10001u}) {
    terrace_kv_options options = shape_options();
    options.blocks = 4;
    options.struct_size = size;
    expect_open_refused(TERRACE_BAD_STRUCT, options, {"terrace_kv_options.struct_size", "sizeof"});
    terrace_sequence_options begin = begin_options(kept_tokens_, 16);
    begin.struct_size = size;
    expect_begin_refused(TERRACE_BAD_STRUCT, begin,
                         {"terrace_sequence_options.struct_size", "sizeof"});
    terrace_kv_info info{};
    info.struct_size = size;
    expect_refused(TERRACE_BAD_STRUCT, [&] { return terrace_kv_get(cache_, &info); },
                   {"terrace_kv_info.struct_size", "sizeof"});
    terrace_sequence_info at{};
    at.struct_size = size;
    expect_refused(TERRACE_BAD_STRUCT, [&] { return terrace_sequence_get(kept_, &at); },
                   {"terrace_sequence_info.struct_size", "sizeof"});
    EXPECT_EQ(info.base, nullptr);
    EXPECT_EQ(at.tokens, 0u);
    // Where the info is only told, nothing has begun or been resumed either.
    const auto before = state_of(cache_);
    const auto good = begin_options(kept_tokens_, 16);
    terrace_sequence sequence{5};
    expect_refused(TERRACE_BAD_STRUCT,
                   [&] { return terrace_sequence_begin(cache_, &good, &sequence, &at); },
                   {"terrace_sequence_info.struct_size"});
    EXPECT_EQ(sequence.id, 5u);
    EXPECT_EQ(state_of(cache_), before);
    ASSERT_EQ(terrace_sequence_pause(kept_), TERRACE_OK);
    expect_refused(TERRACE_BAD_STRUCT, [&] { return terrace_sequence_resume(kept_, &at); },
                   {"terrace_sequence_info.struct_size"});
    EXPECT_EQ(info_of(kept_).paused, 1u);
    ASSERT_EQ(terrace_sequence_resume(kept_, nullptr), TERRACE_OK) << terrace_last_error();
  }
}

/// A struct of a later version, with a field that is not known here.
template <typename Struct>
struct Later {
  Struct known{};
  std::uint64_t later = 0;
};

TEST_F(KvBadInput, StructsOfALaterVersionAreUnderstoodWhereTheirTailIsZero) {
  Later<terrace_kv_options> options{.known = shape_options()};
  options.known.struct_size = sizeof options;
  options.known.blocks = 4;
  terrace_kv cache{};
  ASSERT_EQ(terrace_kv_open(machine_.context, &options.known, &cache), TERRACE_OK)
      << terrace_last_error();
  Later<terrace_kv_info> info;
  info.known.struct_size = sizeof info;
  info.later = kHuge;
  ASSERT_EQ(terrace_kv_get(cache, &info.known), TERRACE_OK) << terrace_last_error();
  EXPECT_EQ(info.later, 0u);
  EXPECT_EQ(info.known.struct_size, sizeof info);
  ASSERT_EQ(terrace_kv_close(cache), TERRACE_OK);
  options.later = 1;
  expect_open_refused(TERRACE_BAD_STRUCT, options.known,
                      {"terrace_kv_options", "does not know", "newer library"});

  Later<terrace_sequence_options> begin{.known = begin_options(kept_tokens_, 16)};
  begin.known.struct_size = sizeof begin;
  Later<terrace_sequence_info> at;
  at.known.struct_size = sizeof at;
  at.later = kHuge;
  terrace_sequence sequence{};
  ASSERT_EQ(terrace_sequence_begin(cache_, &begin.known, &sequence, &at.known), TERRACE_OK)
      << terrace_last_error();
  EXPECT_EQ(at.later, 0u);
  EXPECT_EQ(at.known.tokens, 8u);
  ASSERT_EQ(terrace_sequence_end(sequence), TERRACE_OK);
  begin.later = 1;
  expect_begin_refused(TERRACE_BAD_STRUCT, begin.known,
                       {"terrace_sequence_options", "does not know", "newer library"});
}

TEST_F(KvBadInput, NullPointersAreRefused) {
  const terrace_kv_options shape = shape_options();
  const auto begin = begin_options(kept_tokens_, 16);
  std::uint64_t count = 0;
  const std::uint32_t* table = nullptr;
  terrace_kv cache{};
  terrace_sequence sequence{};
  const auto before = state_of(cache_);
  const std::pair<std::function<terrace_status()>, const char*> calls[] = {
      {[&] { return terrace_kv_open(machine_.context, nullptr, &cache); }, "terrace_kv_options"},
      {[&] { return terrace_kv_open(machine_.context, &shape, nullptr); }, "cache"},
      {[&] { return terrace_kv_get(cache_, nullptr); }, "terrace_kv_info"},
      {[&] { return terrace_kv_match(cache_, nullptr, 3, 0, &count); }, "tokens"},
      {[&] { return terrace_kv_match(cache_, kept_tokens_.data(), 3, 0, nullptr); }, "matched"},
      {[&] { return terrace_kv_lose(cache_, nullptr); }, "no block"},
      {[&] { return terrace_sequence_begin(cache_, nullptr, &sequence, nullptr); },
       "terrace_sequence_options"},
      {[&] { return terrace_sequence_begin(cache_, &begin, nullptr, nullptr); }, "sequence"},
      {[&] { return terrace_sequence_append(kept_, nullptr, 1); }, "tokens"},
      {[&] { return terrace_sequence_table(kept_, nullptr, &count); }, "table"},
      {[&] { return terrace_sequence_table(kept_, &table, nullptr); }, "count"},
      {[&] { return terrace_sequence_fork(kept_, 16, nullptr); }, "fork"},
      {[&] { return terrace_sequence_get(kept_, nullptr); }, "info"},
  };
  for (const auto& [call, word] : calls) expect_refused(TERRACE_BAD_ARGUMENT, call, {word});
  EXPECT_EQ(state_of(cache_), before);
  terrace_sequence_options no_tokens = begin;
  no_tokens.tokens = nullptr;
  expect_begin_refused(TERRACE_BAD_ARGUMENT, no_tokens, {"terrace_sequence_options.tokens"});
  // None of none is none.
  EXPECT_EQ(terrace_sequence_append(kept_, nullptr, 0), TERRACE_OK);
  EXPECT_EQ(terrace_kv_match(cache_, nullptr, 0, 0, &count), TERRACE_OK);
}

TEST_F(KvBadInput, CountsThatCannotBeAreRefused) {
  expect_begin_refused(TERRACE_BAD_ARGUMENT, begin_options({}, 0), {"max_tokens 0", "or 0"});
  expect_begin_refused(TERRACE_BAD_ARGUMENT, begin_options(kept_tokens_, 9),
                       {"max_tokens 9", "the 10 tokens"});
  terrace_sequence_options begin = begin_options(kept_tokens_, 16);
  begin.flags = 0x82;
  expect_begin_refused(TERRACE_BAD_ARGUMENT, begin, {"flags", "0x82"});
  // Numbers of tokens that no memory holds are not read.
  for (const std::uint64_t most : {kHuge, kHuge / 4, std::uint64_t{161}}) {
    begin = begin_options(kept_tokens_, most);
    begin.token_count = most;
    expect_begin_refused(TERRACE_NO_ROOM, begin, {"max_tokens", "40 blocks of 4 tokens"});
    terrace_sequence fork{5};
    expect_refused(TERRACE_NO_ROOM, [&] { return terrace_sequence_fork(kept_, most, &fork); },
                   {"max_tokens", "40 blocks of 4 tokens"});
    EXPECT_EQ(fork.id, 5u);
  }
  const auto before = state_of(cache_);
  for (const std::uint64_t count : {kHuge, kHuge - 9, std::uint64_t{7}}) {
    expect_refused(TERRACE_BAD_ARGUMENT,
                   [&] { return terrace_sequence_append(kept_, kept_tokens_.data(), count); },
                   {"max_tokens of 16"});
    expect_refused(TERRACE_BAD_ARGUMENT,
                   [&] { return terrace_sequence_truncate(kept_, 10 + count % 100); }, {"10"});
  }
  for (const std::uint64_t tokens :
       {std::uint64_t{0}, std::uint64_t{9}, std::uint64_t{11}, kHuge}) {
    expect_refused(TERRACE_BAD_ARGUMENT, [&] { return terrace_sequence_written(kept_, tokens); },
                   {"truncate"});
  }
  terrace_sequence fork{5};
  expect_refused(TERRACE_BAD_ARGUMENT, [&] { return terrace_sequence_fork(kept_, 9, &fork); },
                 {"max_tokens 9"});
  expect_refused(TERRACE_BAD_ARGUMENT, [&] { return terrace_sequence_fork(kept_, 0, &fork); },
                 {"max_tokens"});
  for (const std::uint32_t layer : {kLayers, ~0u}) {
    expect_refused(TERRACE_BAD_ARGUMENT, [&] { return terrace_sequence_wait_layer(kept_, layer); },
                   {"layer"});
  }
  EXPECT_EQ(state_of(cache_), before);
  std::uint64_t matched = 0;
  EXPECT_EQ(terrace_kv_match(cache_, Tokens(200, 7).data(), kHuge, 0, &matched), TERRACE_OK);
}

TEST_F(KvBadInput, RefusedForWantOfRoomIsCounted) {
  const std::uint64_t before = info_of(cache_).refused_sequences;
  terrace_sequence sequence{5};
  auto options = begin_options({}, 160);  // all of it, beside what runs
  EXPECT_EQ(terrace_sequence_begin(cache_, &options, &sequence, nullptr), TERRACE_NO_ROOM);
  options.max_tokens = 161;  // more than there is
  EXPECT_EQ(terrace_sequence_begin(cache_, &options, &sequence, nullptr), TERRACE_NO_ROOM);
  EXPECT_EQ(terrace_sequence_fork(kept_, 161, &sequence), TERRACE_NO_ROOM);
  ASSERT_EQ(terrace_kv_set_limit(cache_, 7, 3), TERRACE_OK);
  options.tenant = 7;
  options.max_tokens = 13;
  EXPECT_EQ(terrace_sequence_begin(cache_, &options, &sequence, nullptr), TERRACE_LIMIT);
  EXPECT_EQ(info_of(cache_).refused_sequences, before + 4);
}

TEST_F(KvBadInput, PausedSequencesRefuseWhatOnlyARunningOneCan) {
  const terrace_sequence paused = begin_filled(server_, cache_, tokens_from(1, 9), 12);
  ASSERT_EQ(terrace_sequence_pause(paused), TERRACE_OK);
  const terrace_token token = 1;
  const std::uint32_t* table = nullptr;
  std::uint64_t count = 0;
  terrace_sequence fork{5};
  const std::function<terrace_status()> on_paused[] = {
      [&] { return terrace_sequence_append(paused, &token, 1); },
      [&] { return terrace_sequence_written(paused, 9); },
      [&] { return terrace_sequence_table(paused, &table, &count); },
      [&] { return terrace_sequence_wait_layer(paused, 0); },
      [&] { return terrace_sequence_fork(paused, 12, &fork); },
      [&] { return terrace_sequence_pause(paused); }};
  for (const auto& call : on_paused) expect_refused(TERRACE_BUSY, call, {"paused", "resume"});
  const std::function<terrace_status()> on_running[] = {
      [&] { return terrace_sequence_resume(kept_, nullptr); },
      [&] { return terrace_sequence_prefetch(kept_); }};
  for (const auto& call : on_running) expect_refused(TERRACE_BUSY, call, {"runs", "pause"});
  EXPECT_EQ(table, nullptr);
  ASSERT_EQ(terrace_sequence_append(kept_, &token, 1), TERRACE_OK);
  expect_refused(TERRACE_BUSY, [&] { return terrace_sequence_fork(kept_, 16, &fork); },
                 {"10 of its 11", "written"});
  EXPECT_EQ(fork.id, 5u);
}

TEST_F(KvBadInput, CachesThatCannotBeAreRefused) {
  const char* tiers[] = {"near", "far"};
  const std::uint64_t blocks[] = {4, 4};
  const auto with = [&](const std::function<void(terrace_kv_options&)>& change) {
    terrace_kv_options options = shape_options();
    options.tier_count = 2;
    options.tiers = tiers;
    options.tier_blocks = blocks;
    change(options);
    return options;
  };
  using Options = terrace_kv_options;
  const auto refused = [&](std::initializer_list<const char*> words,
                           const std::function<void(Options&)>& change) {
    expect_open_refused(TERRACE_BAD_ARGUMENT, with(change), words);
  };
  refused({"block_tokens is 0"}, [](Options& o) { o.block_tokens = 0; });
  refused({"block_tokens is 4097", "4096"}, [](Options& o) { o.block_tokens = 4097; });
  refused({"layers is 0"}, [](Options& o) { o.layers = 0; });
  refused({"layers is 4294967295"}, [](Options& o) { o.layers = ~0u; });
  refused({"layer_bytes is 0"}, [](Options& o) { o.layer_bytes = 0; });
  refused({"layer_bytes is 96", "multiple of 64"}, [](Options& o) { o.layer_bytes = 96; });
  refused({"layers", "64 GiB"}, [](Options& o) {
    o.layers = 4096;
    o.layer_bytes = kHuge - 63;
  });
  refused({"tier_count is 4000000000"}, [](Options& o) { o.tier_count = 4000000000; });
  refused({"tiers or tier_blocks"}, [](Options& o) { o.tiers = nullptr; });
  refused({"tiers or tier_blocks"}, [](Options& o) { o.tier_blocks = nullptr; });
  refused({"blocks is 0"}, [](Options& o) { o.tier_count = 0; });
  refused({"policy is \"belady\"", "lru"}, [](Options& o) { o.policy = "belady"; });
  refused({"policy is \"\"", "lru"}, [](Options& o) { o.policy = ""; });
  refused({"max_sequences is 4294967295"}, [](Options& o) { o.max_sequences = ~0u; });
  const std::uint64_t none[] = {4, 0};
  refused({"tier_blocks is 0"}, [&](Options& o) { o.tier_blocks = none; });
  const std::uint64_t unnumbered[] = {4, std::uint64_t{1} << 40};
  refused({"tier_blocks is 1099511627776"}, [&](Options& o) { o.tier_blocks = unnumbered; });
  const char* twice[] = {"near", "near"};
  refused({"near twice"}, [&](Options& o) { o.tiers = twice; });
  const char* unknown[] = {"near", "hbm7"};
  refused({"\"hbm7\"", "near, far"}, [&](Options& o) { o.tiers = unknown; });
  const char* no_name[] = {"near", nullptr};
  refused({"tiers", "null"}, [&](Options& o) { o.tiers = no_name; });
  const std::string endless(100000, 'x');
  const char* long_name[] = {endless.c_str(), "far"};
  refused({"xxx", "near, far"}, [&](Options& o) { o.tiers = long_name; });
}

TEST_F(KvBadInput, CachesThatHaveNoRoomAreRefused) {
  const char* tiers[] = {"near", "far"};
  terrace_kv_options options = shape_options();
  options.tier_count = 2;
  options.tiers = tiers;
  const std::uint64_t second_too_large[] = {4, std::uint64_t{1} << 24};
  options.tier_blocks = second_too_large;
  expect_open_refused(TERRACE_NO_ROOM, options, {"far"});
  // Products that no number holds.
  options.layers = 4096;
  options.layer_bytes = std::uint64_t{16} << 20;
  const std::uint64_t endless[] = {~0u - 1, ~0u - 1};
  options.tier_blocks = endless;
  expect_open_refused(TERRACE_NO_ROOM, options, {"near", "bytes"});
  // A store that cannot be made.
  options = shape_options();
  options.blocks = 4;
  options.store_bytes = std::uint64_t{64} << 20;
  options.store_path = "/nonexistent/prefixes";
  expect_open_refused(TERRACE_IO, options, {"/nonexistent/prefixes"});
}

TEST_F(KvBadInput, ManyTenantsAndLimitsAreTaken) {
  for (std::uint32_t tenant = 0; tenant < 70000; ++tenant) {
    ASSERT_EQ(terrace_kv_set_limit(cache_, tenant, tenant % 3), TERRACE_OK);
  }
  terrace_sequence_options options = begin_options({}, 16);
  options.tenant = 10;
  expect_begin_refused(TERRACE_LIMIT, options, {"tenant 10", "limit of 1"});
  options.tenant = 69999;
  terrace_sequence sequence{};
  EXPECT_EQ(terrace_sequence_begin(cache_, &options, &sequence, nullptr), TERRACE_OK)
      << "beyond 65,536 tenants no limit is kept";
}

TEST_F(KvBadInput, ChildsCallsAreRefused) {
  const int status = testing_support::status_of_child([&] {
    bool refused = true;
    for (const auto& call : calls_on_a_sequence()) {
      refused = refused && call(kept_) == TERRACE_BAD_HANDLE;
    }
    for (const auto& call : calls_on_a_cache()) {
      refused = refused && call(cache_) == TERRACE_BAD_HANDLE;
    }
    return refused ? 0 : 1;
  });
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace terrace::capi_test
