// SPDX-License-Identifier: Apache-2.0
// Random operations on one KV-cache, followed by a simple model: the tokens of each sequence, what
// each may grow to, and whose they are. After each operation every running sequence is read.
// What can be said exactly when nobody else uses the cache (who is admitted, what must be found
// again) is said then; among several threads each follows its own sequences.
// Used by kv_operation_test.cc. One thread an instance.
#pragma once

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <shared_mutex>

#include "tests/capi/kv_server.h"

namespace terrace::capi_test {

enum class Company : std::uint8_t {
  kAlone,   ///< all sequences of the cache are this model's
  kOthers,  ///< other threads serve on it
};

inline constexpr std::uint64_t kFirstPrivateRoot = 1000;

struct Modelled {
  terrace_sequence handle{};
  Tokens tokens;
  std::uint64_t written = 0;
  std::uint64_t max_tokens = 0;
  std::uint64_t salt = 0;
  std::uint64_t root = 0;  ///< sequences of one root share what they have in common
  std::uint32_t tenant = 0;
  bool paused = false;
  bool forked = false;               ///< it or from it
  std::set<std::uint64_t> lost;      ///< blocks
  std::uint64_t dropped_before = 0;  ///< evicted_blocks when it paused

  std::uint64_t cap() const { return (max_tokens + kBlockTokens - 1) / kBlockTokens; }
  std::uint64_t blocks() const { return (tokens.size() + kBlockTokens - 1) / kBlockTokens; }
};

class KvModel {
 public:
  /// `reading`: held while blocks are read or written, so that a step finds nobody there.
  KvModel(terrace_kv cache, Company company, unsigned seed, std::shared_mutex& reading)
      : cache_(cache), server_(cache), company_(company), random_(seed), reading_(reading) {
    const terrace_kv_info info = info_of(cache);
    slots_ = info.tier_blocks[0] + info.tier_blocks[1];
  }

  void operate();
  void check();
  void end_all() {
    while (!all_.empty()) end(0);
  }
  std::size_t done = 0;  ///< operations that were not refused

 private:
  bool alone() const { return company_ == Company::kAlone; }
  std::uint64_t below(std::uint64_t most) { return random_() % most; }
  Tokens some_tokens(std::size_t most);
  std::uint64_t kept() const;
  std::uint64_t running_of(std::uint32_t tenant) const;
  std::uint64_t running() const;
  bool any_partial() const;
  std::uint64_t held_blocks(std::uint64_t root, const Tokens& tokens, std::uint64_t most) const;
  terrace_status limits(std::uint32_t tenant, std::uint64_t cap) const;

  void expect_room(terrace_status got, std::uint64_t before, std::uint64_t least,
                   std::uint64_t most) const;
  void begin();
  void grow(Modelled& it);
  void fork(Modelled& it);
  void truncate(Modelled& it);
  void pause(Modelled& it);
  void resume(Modelled& it);
  void lose(Modelled& it);
  void end(std::size_t at);
  void match();
  void step();
  void set_limit();
  void use_ended_handles();
  void check_one(const Modelled& it);

  terrace_kv cache_;
  KvServer server_;
  Company company_;
  std::mt19937 random_;
  std::shared_mutex& reading_;
  std::uint64_t slots_ = 0;
  std::uint64_t bad_slots_ = 0;
  std::uint64_t next_root_ = kFirstPrivateRoot;
  std::vector<Modelled> all_;
  std::vector<terrace_sequence> ended_;
  std::map<std::uint32_t, std::uint64_t> limits_;
  /// Roots of sequences that were cut within a block: who cut may write where others would go on.
  std::set<std::uint64_t> cut_;
};

inline void KvModel::operate() {
  const std::uint64_t kind = below(16);
  if (all_.empty() || kind <= 1) return begin();
  if (kind == 2) return step();
  if (kind == 3) return match();
  if (kind == 4) return below(4) == 0 ? set_limit() : use_ended_handles();
  const std::size_t at = below(all_.size());
  // Several threads leave each other room.
  if (kind == 5 || (!alone() && all_.size() > 4)) return end(at);
  Modelled& it = all_[at];
  if (kind == 6) return truncate(it);
  if (it.paused) return resume(it);
  if (kind == 7) return fork(it);
  if (kind == 8 || kind == 9) return pause(it);
  if (kind == 10 && below(24) == 0) return lose(it);
  grow(it);
}

// What the model says ----------------------------------------------------------------------------

/// Few different tokens, so that prefixes meet.
inline Tokens KvModel::some_tokens(std::size_t most) {
  Tokens tokens(below(most + 1));
  for (terrace_token& token : tokens) token = static_cast<terrace_token>(below(2));
  return tokens;
}

/// Blocks that are held by or promised to running sequences, by the cache's own count.
inline std::uint64_t KvModel::kept() const {
  const terrace_kv_info info = info_of(cache_);
  return info.used_blocks[0] + info.used_blocks[1] + info.promised_blocks;
}

inline std::uint64_t KvModel::running_of(std::uint32_t tenant) const {
  std::uint64_t blocks = 0;
  for (const Modelled& it : all_) {
    if (!it.paused && it.tenant == tenant) blocks += it.cap();
  }
  return blocks;
}

inline std::uint64_t KvModel::running() const {
  return static_cast<std::uint64_t>(
      std::ranges::count_if(all_, [](const Modelled& it) { return !it.paused; }));
}

inline bool KvModel::any_partial() const {
  return std::ranges::any_of(
      all_, [](const Modelled& it) { return !it.paused && it.written % kBlockTokens != 0; });
}

/// Full blocks of these tokens, `most` at most, that running sequences hold.
inline std::uint64_t KvModel::held_blocks(std::uint64_t root, const Tokens& tokens,
                                          std::uint64_t most) const {
  std::uint64_t held = 0;
  for (const Modelled& it : all_) {
    if (it.paused || it.root != root) continue;
    const auto full = static_cast<std::ptrdiff_t>(
        std::min<std::uint64_t>(it.written, tokens.size()) / kBlockTokens * kBlockTokens);
    const auto differs =
        std::mismatch(tokens.begin(), tokens.begin() + full, it.tokens.begin()).first;
    held = std::max(held, static_cast<std::uint64_t>(differs - tokens.begin()) / kBlockTokens);
  }
  return std::min(held, most);
}

inline terrace_status KvModel::limits(std::uint32_t tenant, std::uint64_t cap) const {
  if (cap > slots_) return TERRACE_NO_ROOM;
  const auto limit = limits_.find(tenant);
  const bool over = limit != limits_.end() && running_of(tenant) + cap > limit->second;
  return over ? TERRACE_LIMIT : TERRACE_OK;
}

/// Of a call that wanted at least so many slots kept beside those before, and at most so many. What
/// a sequence was truncated in the middle of may be held as well, and is not wanted anew.
inline void KvModel::expect_room(terrace_status got, std::uint64_t before, std::uint64_t least,
                                 std::uint64_t most) const {
  ASSERT_TRUE(got == TERRACE_OK || got == TERRACE_NO_ROOM) << terrace_last_error();
  if (!alone() || bad_slots_ > 0) return;
  if (before + most <= slots_) {
    ASSERT_EQ(got, TERRACE_OK) << terrace_last_error();
  }
  if (before + least > slots_) {
    ASSERT_EQ(got, TERRACE_NO_ROOM);
  }
}

// Operations -------------------------------------------------------------------------------------

inline void KvModel::begin() {
  Modelled made;
  const Tokens prompt = some_tokens(20);
  made.salt = below(8) == 0 ? 1 : 0;
  made.tenant = static_cast<std::uint32_t>(below(3));
  made.max_tokens = prompt.size() + 1 + below(12);
  terrace_sequence_options options = begin_options(prompt, made.max_tokens);
  options.salt = made.salt;
  options.tenant = made.tenant;
  options.priority = static_cast<std::int32_t>(below(3)) - 1;
  options.flags = below(4) == 0 ? TERRACE_SEQUENCE_PRIVATE : 0;
  made.root = options.flags != 0 ? next_root_++ : made.salt;
  const std::uint64_t most = prompt.empty() ? 0 : (prompt.size() - 1) / kBlockTokens;
  const std::uint64_t held = held_blocks(made.root, prompt, most);
  const std::uint64_t before = alone() ? kept() : 0;
  auto info = sized<terrace_sequence_info>();
  const terrace_status got = terrace_sequence_begin(cache_, &options, &made.handle, &info);
  if (alone() && limits(made.tenant, made.cap()) != TERRACE_OK) {
    ASSERT_EQ(got, limits(made.tenant, made.cap())) << terrace_last_error();
    return;
  }
  if (!alone() && got == TERRACE_LIMIT) return;
  const std::uint64_t wanted = made.cap() - held;
  expect_room(got, before, any_partial() ? 0 : wanted, wanted);
  if (got != TERRACE_OK) return;
  ++done;
  ASSERT_LE(info.tokens, most * kBlockTokens);
  ASSERT_EQ(info.tokens % kBlockTokens, 0u);
  if (options.flags != 0) {
    ASSERT_EQ(info.tokens, 0u) << "a private sequence found another's";
  }
  if (alone() && bad_slots_ == 0) {
    ASSERT_GE(info.tokens, held * kBlockTokens);
  }
  made.tokens.assign(prompt.begin(), prompt.begin() + static_cast<std::ptrdiff_t>(info.tokens));
  made.written = info.tokens;
  all_.push_back(std::move(made));
  check_one(all_.back());
  if (testing::Test::HasFatalFailure()) return;
  // The rest of the prompt, computed.
  Modelled& it = all_.back();
  const std::shared_lock held_reading(reading_);
  const terrace_status added =
      terrace_sequence_append(it.handle, prompt.data() + info.tokens, prompt.size() - info.tokens);
  if (added == TERRACE_NO_ROOM && info_of(cache_).lost_blocks > 0) return;
  ASSERT_EQ(added, TERRACE_OK) << terrace_last_error();
  server_.write(it.handle, prompt, info.tokens, it.salt);
  ASSERT_EQ(terrace_sequence_written(it.handle, prompt.size()), TERRACE_OK);
  it.tokens = prompt;
  it.written = prompt.size();
}

inline void KvModel::grow(Modelled& it) {
  const Tokens more = some_tokens(std::min<std::size_t>(9, it.max_tokens - it.tokens.size()));
  const terrace_token over[64] = {};
  ASSERT_EQ(terrace_sequence_append(it.handle, over, it.max_tokens - it.tokens.size() + 1),
            TERRACE_BAD_ARGUMENT);
  const std::shared_lock held_reading(reading_);
  const terrace_status added = terrace_sequence_append(it.handle, more.data(), more.size());
  if (added == TERRACE_NO_ROOM && info_of(cache_).lost_blocks > 0) return;
  ASSERT_EQ(added, TERRACE_OK) << terrace_last_error();
  ++done;
  it.tokens.insert(it.tokens.end(), more.begin(), more.end());
  if (below(4) == 0) return;  // written with what comes next
  server_.write(it.handle, it.tokens, it.written, it.salt);
  const std::uint64_t written =
      it.tokens.size() - below(2) * below(it.tokens.size() - it.written + 1);
  ASSERT_EQ(terrace_sequence_written(it.handle, written), TERRACE_OK) << terrace_last_error();
  it.written = written;
}

inline void KvModel::fork(Modelled& it) {
  Modelled made = it;
  made.max_tokens = it.tokens.size() + 1 + below(8);
  made.handle = {};
  const std::uint64_t before = alone() ? kept() : 0;
  const terrace_status got = terrace_sequence_fork(it.handle, made.max_tokens, &made.handle);
  if (it.written != it.tokens.size()) {
    ASSERT_EQ(got, TERRACE_BUSY);
    return;
  }
  if (alone() && limits(made.tenant, made.cap()) != TERRACE_OK) {
    ASSERT_EQ(got, limits(made.tenant, made.cap())) << terrace_last_error();
    return;
  }
  if (!alone() && got == TERRACE_LIMIT) return;
  const std::uint64_t more = made.cap() - made.blocks();
  const std::uint64_t copies = made.tokens.size() % kBlockTokens != 0 ? 1 : 0;
  expect_room(got, before, more + copies, more + 2 * copies);
  if (got != TERRACE_OK) return;
  ++done;
  it.forked = made.forked = true;
  all_.push_back(std::move(made));
}

inline void KvModel::truncate(Modelled& it) {
  const std::size_t keep = below(it.tokens.size() + 1);
  ASSERT_EQ(terrace_sequence_truncate(it.handle, it.tokens.size() + 1), TERRACE_BAD_ARGUMENT);
  const terrace_sequence_info info = info_of(it.handle);
  const std::uint64_t before = alone() ? kept() : 0;
  const terrace_status got = terrace_sequence_truncate(it.handle, keep);
  if (got == TERRACE_NO_ROOM && !it.paused) {
    if (alone() && bad_slots_ == 0) {
      ASSERT_GT(before + info.shared_blocks + 1, slots_);
    }
    return;
  }
  ASSERT_EQ(got, TERRACE_OK) << terrace_last_error();
  ++done;
  if (keep % kBlockTokens != 0) cut_.insert(it.root);
  it.tokens.resize(keep);
  it.written = std::min<std::uint64_t>(it.written, keep);
  std::erase_if(it.lost, [&](std::uint64_t block) { return block >= it.blocks(); });
}

inline void KvModel::pause(Modelled& it) {
  it.dropped_before = info_of(cache_).evicted_blocks;
  ASSERT_EQ(terrace_sequence_pause(it.handle), TERRACE_OK) << terrace_last_error();
  ++done;
  it.paused = true;
  it.tokens.resize(it.written);
  std::erase_if(it.lost, [&](std::uint64_t block) { return block >= it.blocks(); });
}

inline void KvModel::resume(Modelled& it) {
  if (below(3) == 0) {
    ASSERT_EQ(terrace_sequence_prefetch(it.handle), TERRACE_OK) << terrace_last_error();
    return;
  }
  const std::uint64_t held = held_blocks(it.root, it.tokens, it.tokens.size() / kBlockTokens);
  const std::uint64_t before = alone() ? kept() : 0;
  auto info = sized<terrace_sequence_info>();
  const terrace_status got = terrace_sequence_resume(it.handle, &info);
  if (alone() && limits(it.tenant, it.cap()) != TERRACE_OK) {
    ASSERT_EQ(got, limits(it.tenant, it.cap())) << terrace_last_error();
    return;
  }
  if (!alone() && got == TERRACE_LIMIT) return;
  const std::uint64_t wanted = it.cap() - held;
  expect_room(got, before, any_partial() ? 0 : wanted, wanted);
  if (got != TERRACE_OK) return;
  ++done;
  ASSERT_LE(info.tokens, it.tokens.size());
  ASSERT_TRUE(info.tokens == it.tokens.size() || info.tokens % kBlockTokens == 0);
  const terrace_kv_info now = info_of(cache_);
  // Its last block may be moving just now, and is not kept where there is no room for a copy.
  const bool copy_fits = alone() && bad_slots_ == 0 && before + wanted < slots_;
  const bool nobody_writes = copy_fits && !cut_.contains(it.root) && !it.forked;
  if (it.dropped_before == now.evicted_blocks && now.lost_blocks == 0 && nobody_writes) {
    ASSERT_EQ(info.tokens, it.tokens.size()) << "nothing was dropped since it paused";
  }
  it.tokens.resize(info.tokens);
  it.written = info.tokens;
  it.paused = false;
  it.lost.clear();
}

inline void KvModel::lose(Modelled& it) {
  if (it.tokens.empty() || bad_slots_ >= 3) return;
  const std::shared_lock held_reading(reading_);
  const std::uint32_t entry = KvServer::table_of(it.handle)[below(it.blocks())];
  const auto* const at = static_cast<const std::byte*>(info_of(cache_).base) + entry * kBlockBytes +
                         below(kBlockBytes);
  ASSERT_EQ(terrace_kv_lose(cache_, at), TERRACE_OK) << terrace_last_error();
  ++bad_slots_;
  ++done;
  for (Modelled& holder : all_) {
    if (holder.paused) continue;
    const auto table = KvServer::table_of(holder.handle);
    for (std::size_t i = 0; i < table.size(); ++i) {
      if (table[i] == entry) holder.lost.insert(i);
    }
  }
}

inline void KvModel::end(std::size_t at) {
  ASSERT_EQ(terrace_sequence_end(all_[at].handle), TERRACE_OK) << terrace_last_error();
  ++done;
  ended_.push_back(all_[at].handle);
  all_.erase(all_.begin() + static_cast<std::ptrdiff_t>(at));
}

inline void KvModel::match() {
  const Tokens prompt = some_tokens(20);
  std::uint64_t matched = 0;
  ASSERT_EQ(terrace_kv_match(cache_, prompt.data(), prompt.size(), 0, &matched), TERRACE_OK);
  const std::uint64_t most = prompt.empty() ? 0 : (prompt.size() - 1) / kBlockTokens;
  ASSERT_LE(matched, most * kBlockTokens);
  if (!alone() || bad_slots_ > 0) return;
  ASSERT_GE(matched, held_blocks(0, prompt, most) * kBlockTokens);
}

inline void KvModel::step() {
  const std::unique_lock nobody_reads(reading_);
  ASSERT_EQ(terrace_kv_step(cache_), TERRACE_OK) << terrace_last_error();
}

inline void KvModel::set_limit() {
  if (!alone()) return;
  const auto tenant = static_cast<std::uint32_t>(below(3));
  limits_[tenant] = below(2) == 0 ? ~std::uint64_t{0} : below(24);
  ASSERT_EQ(terrace_kv_set_limit(cache_, tenant, limits_[tenant]), TERRACE_OK);
}

inline void KvModel::use_ended_handles() {
  if (ended_.empty()) return;
  const terrace_sequence ended = ended_[below(ended_.size())];
  const terrace_token token = 1;
  ASSERT_EQ(terrace_sequence_append(ended, &token, 1), TERRACE_BAD_HANDLE);
  ASSERT_EQ(terrace_sequence_truncate(ended, 0), TERRACE_BAD_HANDLE);
  ASSERT_EQ(terrace_sequence_resume(ended, nullptr), TERRACE_BAD_HANDLE);
  ASSERT_EQ(terrace_sequence_end(ended), TERRACE_BAD_HANDLE);
  ASSERT_EQ(terrace_sequence_end({cache_.id}), TERRACE_BAD_HANDLE);
  ASSERT_EQ(terrace_kv_step({ended.id}), TERRACE_BAD_HANDLE);
}

// Checks -----------------------------------------------------------------------------------------

inline void KvModel::check_one(const Modelled& it) {
  const std::shared_lock held_reading(reading_);
  const terrace_sequence_info info = info_of(it.handle);
  ASSERT_EQ(info.paused, it.paused ? 1u : 0u);
  ASSERT_EQ(info.tokens, it.tokens.size());
  ASSERT_EQ(info.written_tokens, it.written);
  ASSERT_EQ(info.max_tokens, it.max_tokens);
  ASSERT_EQ(info.tenant, it.tenant);
  if (it.paused) return;
  ASSERT_EQ(info.blocks, it.blocks());
  ASSERT_EQ(info.tier_blocks[0] + info.tier_blocks[1], it.blocks());
  if (alone() || !it.lost.empty()) {
    const std::uint64_t first =
        it.lost.empty() ? TERRACE_NOTHING_LOST : *it.lost.begin() * kBlockTokens;
    if (alone()) {
      ASSERT_EQ(info.lost_from, first);
    }
    ASSERT_LE(info.lost_from, first);
  }
  // The memory of what was lost is as good as before here, but for copies that are not made of it.
  const std::uint64_t good = std::min(it.written, info.lost_from);
  ASSERT_EQ(server_.wrong(it.handle, std::span(it.tokens).first(good), it.salt), 0u);
}

inline void KvModel::check() {
  for (const Modelled& it : all_) {
    check_one(it);
    if (testing::Test::HasFatalFailure()) return;
  }
  if (!alone()) return;
  const terrace_kv_info info = info_of(cache_);
  ASSERT_EQ(info.sequences, running());
  ASSERT_EQ(info.paused_sequences, all_.size() - running());
  ASSERT_LE(info.lost_blocks, bad_slots_);
  if (bad_slots_ == 0) {
    ASSERT_LE(kept(), slots_) << "more is promised than there is";
  }
  std::uint64_t promised = 0;
  std::uint64_t copies = 0;
  for (const Modelled& it : all_) {
    if (it.paused) continue;
    promised += it.cap() - it.blocks();
    copies += it.tokens.size() % kBlockTokens != 0 ? 1 : 0;
  }
  // What is opened ahead of the tokens is held and promised no more.
  constexpr std::uint64_t kMostAhead = 4;
  ASSERT_GE(info.promised_blocks + kMostAhead * running(), promised);
  ASSERT_LE(info.promised_blocks, promised + copies);
}

}  // namespace terrace::capi_test
