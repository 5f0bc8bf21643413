// SPDX-License-Identifier: Apache-2.0
// Calls on a KV-cache and its sequences that are under way while a sequence ends, or the cache or
// its context is closed by another thread: each ends with a code, and everything is given back.
#include <algorithm>
#include <atomic>
#include <functional>
#include <initializer_list>
#include <latch>
#include <memory>
#include <thread>

#include "tests/capi/kv_server.h"

namespace terrace::capi_test {
namespace {

/// Threads that have calls under way until `work` says that what they work on has gone. Made when
/// each has done four rounds, or has gone.
class InFlight {
 public:
  InFlight(unsigned threads, std::function<bool(unsigned)> work) : under_way_(threads) {
    for (unsigned i = 0; i < threads; ++i) {
      threads_.emplace_back([this, work, i] {
        bool goes_on = true;
        for (int round = 0; round < 4 && goes_on; ++round) goes_on = work(i);
        under_way_.count_down();
        while (goes_on) goes_on = work(i);
      });
    }
    under_way_.wait();
  }

 private:
  std::latch under_way_;
  std::vector<std::jthread> threads_;
};

bool one_of(terrace_status status, std::initializer_list<terrace_status> allowed) {
  const bool is = std::ranges::find(allowed, status) != allowed.end();
  EXPECT_TRUE(is) << terrace_status_text(status) << ": " << terrace_last_error();
  return is;
}

/// Begins, forks, pauses, ends; nothing is written, since the memory may go between two calls.
/// False: the cache has gone, or something was wrong.
bool serve_once(terrace_kv cache, unsigned thread) {
  const Tokens tokens = tokens_from(static_cast<terrace_token>(thread % 2), 9);
  const auto options = begin_options(tokens, 12);
  terrace_sequence sequence{};
  auto info = sized<terrace_sequence_info>();
  const terrace_status begun = terrace_sequence_begin(cache, &options, &sequence, &info);
  if (!one_of(begun, {TERRACE_OK, TERRACE_NO_ROOM, TERRACE_BAD_HANDLE})) return false;
  if (begun != TERRACE_OK) return begun == TERRACE_NO_ROOM;
  std::vector<terrace_status> got;
  got.push_back(
      terrace_sequence_append(sequence, tokens.data() + info.tokens, tokens.size() - info.tokens));
  got.push_back(terrace_sequence_written(sequence, tokens.size()));
  got.push_back(terrace_sequence_wait_layer(sequence, kLayers - 1));
  terrace_sequence fork{};
  const terrace_status forked = terrace_sequence_fork(sequence, 12, &fork);
  if (!one_of(forked, {TERRACE_OK, TERRACE_NO_ROOM, TERRACE_BAD_HANDLE})) return false;
  if (forked == TERRACE_OK) got.push_back(terrace_sequence_end(fork));
  got.push_back(terrace_kv_step(cache));
  got.push_back(terrace_sequence_pause(sequence));
  got.push_back(terrace_sequence_prefetch(sequence));
  const terrace_status resumed = terrace_sequence_resume(sequence, nullptr);
  if (!one_of(resumed, {TERRACE_OK, TERRACE_NO_ROOM, TERRACE_BAD_HANDLE})) return false;
  got.push_back(terrace_sequence_end(sequence));
  for (const terrace_status status : got) {
    if (!one_of(status, {TERRACE_OK, TERRACE_BAD_HANDLE})) return false;
  }
  return got.back() == TERRACE_OK;
}

TEST(KvInFlight, CallsUnderAClosingCacheEndWithACode) {
  KvMachine machine;
  for (int round = 0; round < 10; ++round) {
    const terrace_kv cache = open_kv(machine.context, {.blocks = {12, 16}});
    {
      const InFlight threads(3, [&](unsigned thread) { return serve_once(cache, thread); });
      EXPECT_EQ(terrace_kv_close(cache), TERRACE_OK) << terrace_last_error();
    }
    EXPECT_EQ(machine.used(0), 0u);
    EXPECT_EQ(machine.used(1), 0u);
  }
}

TEST(KvInFlight, CallsUnderAClosingContextEndWithACode) {
  for (int round = 0; round < 10; ++round) {
    auto machine = std::make_unique<KvMachine>();
    const terrace_kv cache = open_kv(machine->context, {.blocks = {12, 16}});
    const InFlight threads(3, [&](unsigned thread) { return serve_once(cache, thread); });
    EXPECT_EQ(terrace_close(machine->context), TERRACE_OK) << terrace_last_error();
  }
}

TEST(KvInFlight, OnlyOneOfManyClosesEndsTheCache) {
  KvMachine machine;
  for (int round = 0; round < 20; ++round) {
    const terrace_kv cache = open_kv(machine.context, {.blocks = {12, 16}});
    std::atomic<int> closed{0};
    {
      std::vector<std::jthread> threads;
      for (int i = 0; i < 4; ++i) {
        threads.emplace_back([&] {
          const terrace_status done = terrace_kv_close(cache);
          if (one_of(done, {TERRACE_OK, TERRACE_BAD_HANDLE}) && done == TERRACE_OK) ++closed;
        });
      }
    }
    EXPECT_EQ(closed, 1);
    EXPECT_EQ(machine.used(0), 0u);
  }
}

/// "Busy" would say: try again later.
TEST(KvInFlight, CallsOnASequenceThatEndsAreRefusedByItsHandle) {
  KvMachine machine;
  const terrace_kv cache = open_kv(machine.context);
  for (int round = 0; round < 200; ++round) {
    const auto options = begin_options({}, 64);
    terrace_sequence sequence{};
    ASSERT_EQ(terrace_sequence_begin(cache, &options, &sequence, nullptr), TERRACE_OK);
    std::atomic<int> ended{0};
    {
      const InFlight threads(3, [&](unsigned) {
        const terrace_token token = 1;
        const terrace_status appended = terrace_sequence_append(sequence, &token, 1);
        one_of(appended, {TERRACE_OK, TERRACE_BAD_HANDLE, TERRACE_BAD_ARGUMENT});
        const terrace_status cut = terrace_sequence_truncate(sequence, 0);
        one_of(cut, {TERRACE_OK, TERRACE_BAD_HANDLE});
        if (round % 2 == 0 && cut == TERRACE_OK && terrace_sequence_end(sequence) == TERRACE_OK) {
          ++ended;
        }
        return cut == TERRACE_OK;
      });
      if (terrace_sequence_end(sequence) == TERRACE_OK) ++ended;
    }
    EXPECT_EQ(info_of(cache).sequences, 0u);
    EXPECT_EQ(ended, 1);
  }
}

}  // namespace
}  // namespace terrace::capi_test
