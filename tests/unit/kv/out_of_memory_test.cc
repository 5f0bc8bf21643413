// SPDX-License-Identifier: Apache-2.0
// Each allocation of a call fails in turn: what was leased, promised and counted is as before, or
// the call has done without, and the cache goes on working.
#include <filesystem>
#include <functional>
#include <new>
#include <optional>
#include <string>

#include "tests/unit/kv/failing_new.h"
#include "tests/unit/kv/rig.h"
#include "tests/unit/kv_store/store_rig.h"

namespace terrace::kv {
namespace {

using Tokens = std::vector<Token>;
constexpr std::uint32_t kTenant = 7;

/// What a call must not leave behind.
struct Counts {
  std::uint64_t used = 0;
  std::uint64_t cached = 0;  ///< or dropped, to make room
  std::uint64_t promised = 0;
  std::uint64_t sequences = 0;
  std::uint64_t paused = 0;
  std::uint64_t looked_up = 0;
  std::uint64_t hits = 0;
  std::uint64_t store_hits = 0;
  std::uint64_t refused = 0;
  std::uint64_t lost = 0;
  bool operator==(const Counts&) const = default;
  friend void PrintTo(const Counts& counts, std::ostream* out) {
    *out << counts.used << " used, " << counts.cached << " cached, " << counts.promised
         << " promised, " << counts.sequences << " running, " << counts.paused << " paused, "
         << counts.looked_up << " looked up, " << counts.hits << " + " << counts.store_hits
         << " found, " << counts.refused << " refused, " << counts.lost << " lost";
  }
};

template <typename Array>
std::uint64_t sum(const Array& numbers) {
  return std::accumulate(numbers.begin(), numbers.end(), std::uint64_t{0});
}

/// Once nothing moves any more: a move may end, which changes tiers alone.
Counts counts_of(Rig& rig) {
  rig.cache->settle();
  const CacheFacts facts = rig.cache->facts();
  return {sum(facts.used_blocks),  sum(facts.cached_blocks) + facts.evicted_blocks,
          facts.promised_blocks,   facts.sequences,
          facts.paused_sequences,  facts.looked_up_blocks,
          sum(facts.hit_blocks),   facts.store_hit_blocks,
          facts.refused_sequences, facts.lost_blocks};
}

/// What a call works on.
struct Stage {
  std::optional<testing_support::Folder> folder;
  std::unique_ptr<PrefixStore> store;
  std::unique_ptr<Rig> rig;
  Tokens tokens;
  SequenceRef sequence;  ///< over `tokens`, unless it begins
  SequenceRef other;
  SequenceRef made;  ///< by the call

  std::uint64_t all_blocks = 0;
};

struct Case {
  const char* name;
  std::function<void(Stage&)> prepare;
  std::function<void(Stage&)> call;
};

void PrintTo(const Case& one, std::ostream* out) {
  *out << one.name;
}

void end(Stage& stage, SequenceRef& sequence) {
  if (sequence == nullptr) return;
  EXPECT_TRUE(stage.rig->cache->end(*sequence).ok());
  sequence = nullptr;
}

/// Everything can be had by one sequence: no lease, promise or place is lost.
void expect_that_all_is_there(Stage& stage) {
  end(stage, stage.made);
  end(stage, stage.sequence);
  end(stage, stage.other);
  Rig& rig = *stage.rig;
  const Counts counts = counts_of(rig);
  EXPECT_EQ(counts.used, 0u);
  EXPECT_EQ(counts.promised, 0u);
  EXPECT_EQ(counts.sequences, 0u);
  EXPECT_EQ(counts.paused, 0u);
  rig.cache->set_limit(kTenant, stage.all_blocks);
  const Tokens tokens = tokens_from(500000, stage.all_blocks * kRigTokens);
  const SequenceRef all = rig.begin({}, tokens.size(), kTenant);
  ASSERT_TRUE(rig.last.ok()) << rig.last.text;
  rig.fill(*all, tokens, 0);
  EXPECT_EQ(rig.wrong(*all, tokens), 0u);
  EXPECT_TRUE(rig.cache->end(*all).ok());
}

/// The sequence of the call, or those that it found, have what was written.
void expect_right_contents(Stage& stage) {
  for (const SequenceRef& one : {stage.made, stage.sequence}) {
    if (one == nullptr || stage.rig->cache->facts(*one).paused) continue;
    const SequenceFacts facts = stage.rig->cache->facts(*one);
    const Tokens tokens(stage.tokens.begin(),
                        stage.tokens.begin() + static_cast<std::ptrdiff_t>(facts.written_tokens));
    EXPECT_EQ(stage.rig->wrong(*one, tokens), 0u);
  }
}

/// False: the call has fewer allocations than that.
bool passes_without(const Case& what, std::uint64_t nth) {
  SCOPED_TRACE("allocation " + std::to_string(nth));
  Stage stage;
  what.prepare(stage);
  if (testing::Test::HasFatalFailure()) return false;
  const Counts before = counts_of(*stage.rig);
  bool threw = false;
  bool failed = false;
  {
    const NthNewFails failing(nth);
    try {
      what.call(stage);
    } catch (const std::bad_alloc&) {
      threw = true;
    }
    failed = failing.failed();
  }
  if (threw) {
    EXPECT_EQ(counts_of(*stage.rig), before);
    what.call(stage);
  }
  EXPECT_TRUE(stage.rig->last.ok()) << stage.rig->last.text;
  expect_right_contents(stage);
  expect_that_all_is_there(stage);
  return failed;
}

void open(Stage& stage, std::vector<std::uint32_t> tiers) {
  stage.all_blocks = sum(tiers);
  stage.rig =
      std::make_unique<Rig>(RigOptions{.tiers = std::move(tiers), .store = stage.store.get()});
}

SequenceRef computed(Stage& stage, const Tokens& tokens, std::uint64_t max_tokens) {
  SequenceRef sequence = stage.rig->begin({}, max_tokens);
  stage.rig->fill(*sequence, tokens, 0);
  return sequence;
}

/// `tokens` are cached on the slow tier, and the fast one has room.
void cache_on_slow_tier(Stage& stage, std::uint64_t count) {
  open(stage, {8, 16});
  SequenceRef filler = computed(stage, tokens_from(1000, 32), 32);
  stage.tokens = tokens_from(1, count);
  stage.sequence = computed(stage, stage.tokens, count + 8);
  EXPECT_TRUE(stage.rig->cache->pause(*stage.sequence).ok());
  EXPECT_TRUE(stage.rig->cache->truncate(*filler, 0).ok());
  end(stage, filler);
  stage.rig->cache->settle();
}

/// Ten blocks of four tokens in a store, and none in memory.
void store_tokens(Stage& stage) {
  // In memory, where there is such a place: each of many pools is made durable several times.
  const std::filesystem::path memory = "/dev/shm";
  stage.folder.emplace(std::filesystem::exists(memory) ? memory
                                                       : std::filesystem::temp_directory_path());
  StoreOptions options;
  options.path = stage.folder->file();
  options.size = MiB(16);
  options.shape = {kRigTokens, kRigLayers, Bytes(kRigLayerBytes)};
  const auto reopen = [&] {
    stage.rig.reset();
    stage.store.reset();
    auto opened = PrefixStore::open(options);
    ASSERT_TRUE(opened.ok()) << opened.error().message;
    stage.store = std::move(*opened);
    stage.store->wait_restored();
    open(stage, {32});
  };
  stage.tokens = tokens_from(1, 42);
  reopen();
  SequenceRef first = computed(stage, stage.tokens, 42);
  end(stage, first);
  reopen();
}

void call_begin(Stage& stage) {
  stage.made = stage.rig->begin(stage.tokens, stage.tokens.size() + 8, kTenant);
}
void call_resume(Stage& stage) {
  stage.rig->last = stage.rig->cache->resume(*stage.sequence);
}

const Case kCases[] = {
    {"BeginNothingFound",
     [](Stage& stage) {
       open(stage, {16});
       stage.tokens = tokens_from(1, 20);
     },
     call_begin},
    {"BeginFoundOnTheFastTier",
     [](Stage& stage) {
       open(stage, {32});
       stage.tokens = tokens_from(1, 22);
       stage.sequence = computed(stage, stage.tokens, 24);
     },
     call_begin},
    {"BeginFoundOnTheSlowTier", [](Stage& stage) { cache_on_slow_tier(stage, 22); }, call_begin},
    {"BeginFoundInTheStore", store_tokens, call_begin},
    {"ResumeNothingLeft",
     [](Stage& stage) {
       open(stage, {16});
       stage.tokens = tokens_from(1, 22);
       stage.sequence = computed(stage, stage.tokens, 24);
       EXPECT_TRUE(stage.rig->cache->pause(*stage.sequence).ok());
       SequenceRef filler = computed(stage, tokens_from(1000, 64), 64);
       end(stage, filler);
     },
     call_resume},
    {"ResumeWithItsLastBlock",
     [](Stage& stage) {
       open(stage, {16});
       stage.tokens = tokens_from(1, 22);
       stage.sequence = computed(stage, stage.tokens, 24);
       EXPECT_TRUE(stage.rig->cache->pause(*stage.sequence).ok());
     },
     call_resume},
    {"ResumeOfWholeBlocks",
     [](Stage& stage) {
       open(stage, {16});
       stage.tokens = tokens_from(1, 20);
       stage.sequence = computed(stage, stage.tokens, 24);
       EXPECT_TRUE(stage.rig->cache->pause(*stage.sequence).ok());
     },
     call_resume},
    {"ResumeFromTheSlowTier", [](Stage& stage) { cache_on_slow_tier(stage, 22); }, call_resume},
    {"ResumeFromTheStore",
     [](Stage& stage) {
       store_tokens(stage);
       stage.sequence = computed(stage, stage.tokens, 44);
       EXPECT_TRUE(stage.rig->cache->pause(*stage.sequence).ok());
       SequenceRef filler = computed(stage, tokens_from(1000, 128), 128);
       end(stage, filler);
     },
     call_resume},
    {"Fork",
     [](Stage& stage) {
       cache_on_slow_tier(stage, 22);
       call_resume(stage);
     },
     [](Stage& stage) {
       stage.rig->last = stage.rig->cache->fork(*stage.sequence, 40, stage.made);
     }},
    {"AppendWhereOthersAreDemoted",
     [](Stage& stage) {
       open(stage, {8, 16});
       SequenceRef filler = computed(stage, tokens_from(1000, 24), 24);
       end(stage, filler);
       stage.rig->cache->settle();
       stage.sequence = stage.rig->begin({}, 40);
     },
     [](Stage& stage) {
       stage.rig->last = stage.rig->cache->append(*stage.sequence, tokens_from(1, 10));
     }},
    {"AppendWhichCopiesASharedBlock",
     [](Stage& stage) {
       cache_on_slow_tier(stage, 22);
       call_resume(stage);
       EXPECT_TRUE(stage.rig->cache->fork(*stage.sequence, 40, stage.other).ok());
     },
     [](Stage& stage) {
       stage.rig->last = stage.rig->cache->append(*stage.sequence, tokens_from(23, 6));
     }},
    {"WrittenOfBlocksThatArriveForAnother",
     [](Stage& stage) {
       cache_on_slow_tier(stage, 22);
       stage.other = stage.rig->begin({}, 24);
       EXPECT_TRUE(stage.rig->cache->append(*stage.other, stage.tokens).ok());
       stage.rig->write(*stage.other, stage.tokens, 0);
       call_resume(stage);
     },
     [](Stage& stage) { stage.rig->last = stage.rig->cache->written(*stage.other, 22); }},
    {"Pause",
     [](Stage& stage) {
       open(stage, {8, 16});
       stage.tokens = tokens_from(1, 32);
       stage.sequence = computed(stage, stage.tokens, 40);
     },
     [](Stage& stage) { stage.rig->last = stage.rig->cache->pause(*stage.sequence); }},
    {"End",
     [](Stage& stage) {
       open(stage, {8, 16});
       stage.tokens = tokens_from(1, 32);
       stage.sequence = computed(stage, stage.tokens, 40);
     },
     [](Stage& stage) {
       stage.rig->last = stage.rig->cache->end(*stage.sequence);
       stage.sequence = nullptr;
     }},
    {"Truncate",
     [](Stage& stage) {
       open(stage, {8, 16});
       SequenceRef filler = computed(stage, tokens_from(1000, 28), 28);
       stage.tokens = tokens_from(1, 12);
       stage.sequence = computed(stage, stage.tokens, 40);
       end(stage, filler);
     },
     [](Stage& stage) { stage.rig->last = stage.rig->cache->truncate(*stage.sequence, 6); }},
    {"Prefetch", [](Stage& stage) { cache_on_slow_tier(stage, 22); },
     [](Stage& stage) { stage.rig->last = stage.rig->cache->prefetch(*stage.sequence); }},
    {"Step",
     [](Stage& stage) {
       open(stage, {8, 16});
       SequenceRef filler = computed(stage, tokens_from(1000, 32), 32);
       stage.tokens = tokens_from(1, 12);
       stage.sequence = computed(stage, stage.tokens, 16);
       end(stage, filler);
       stage.rig->cache->settle();
       stage.rig->cache->step();
       stage.rig->cache->settle();
     },
     [](Stage& stage) { stage.rig->cache->step(); }},
    {"Lose",
     [](Stage& stage) {
       open(stage, {16});
       stage.tokens = tokens_from(1, 12);
       stage.sequence = computed(stage, stage.tokens, 16);
       stage.all_blocks -= 1;
     },
     [](Stage& stage) {
       stage.rig->last = stage.rig->cache->lose(stage.rig->address(*stage.sequence, 0, 0));
     }},
};

class KvFailedAllocation : public testing::TestWithParam<Case> {};

TEST_P(KvFailedAllocation, LeavesNothingBehind) {
  for (std::uint64_t nth = 1; passes_without(GetParam(), nth); ++nth) {
  }
}

INSTANTIATE_TEST_SUITE_P(Each, KvFailedAllocation, testing::ValuesIn(kCases),
                         [](const auto& tested) { return tested.param.name; });

/// What the copier's thread would have begun when room was made.
TEST(KvOutOfMemory, BlocksStayWhereTheyAreWhenTheCopierHasNoMemory) {
  Rig rig({.tiers = {32, 64}});
  const Tokens tokens = tokens_from(1, 40);
  const SequenceRef sequence = rig.begin({}, 40);
  rig.fill(*sequence, tokens, 0);
  ASSERT_TRUE(rig.cache->pause(*sequence).ok());
  for (Token first = 1000; first < 2500; first += 100) {
    const SequenceRef one = rig.begin({}, 20);
    rig.fill(*one, tokens_from(first, 20), 0);
    ASSERT_TRUE(rig.cache->end(*one).ok());
    rig.cache->settle();
  }
  const std::uint64_t promoted = rig.cache->facts().promoted_blocks;
  {
    const OthersNewFails failing;
    ASSERT_TRUE(rig.cache->prefetch(*sequence).ok());
    rig.cache->settle();
    EXPECT_GT(failing.failures(), 0u);
  }
  EXPECT_LT(rig.cache->facts().promoted_blocks, promoted + 10);
  ASSERT_TRUE(rig.cache->prefetch(*sequence).ok());
  rig.cache->settle();
  EXPECT_EQ(rig.cache->facts().promoted_blocks, promoted + 10);
  ASSERT_TRUE(rig.cache->resume(*sequence).ok());
  EXPECT_EQ(rig.wrong(*sequence, tokens), 0u);
}

TEST(KvOutOfMemory, WhatTheKeeperHasNoMemoryForIsKeptLater) {
  Stage stage;
  store_tokens(stage);
  const Tokens tokens = tokens_from(7000, 6 * kRigTokens);
  SequenceRef first = computed(stage, tokens, tokens.size());
  end(stage, first);
  const auto find_again = [&] {
    SequenceRef again = stage.rig->begin(tokens_from(7000, tokens.size() + 1), tokens.size() + 1);
    end(stage, again);
    stage.rig->cache->settle();
  };
  const std::uint64_t before = stage.store->stats().written;
  {
    const OthersNewFails failing;
    find_again();
    EXPECT_GT(failing.failures(), 0u);
  }
  EXPECT_EQ(stage.store->stats().written, before);
  find_again();
  EXPECT_EQ(stage.store->stats().written, before + 6);
}

}  // namespace
}  // namespace terrace::kv
