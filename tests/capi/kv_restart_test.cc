// SPDX-License-Identifier: Apache-2.0
// Servers that are killed at any instant, or end, over one store of prefixes: the next one finds
// what was kept, with the right bytes. And stores that cannot be opened.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <terrace/kv.hpp>

#include "tests/capi/machine.h"
#include "tests/temporary_folder.h"
#include "tiering/capi/context.h"
#include "tiering/capi/registry.h"

namespace terrace {
namespace {

constexpr std::uint32_t kBlockTokens = 16;
constexpr std::uint32_t kLayers = 3;
constexpr std::uint64_t kLayerBytes = 1024;
constexpr std::size_t kPrompt = 5 * kBlockTokens + 1;
constexpr std::uint64_t kIdentity = 0xA1;

std::vector<terrace_token> prompt_of(std::uint32_t number) {
  std::vector<terrace_token> tokens(kPrompt);
  std::iota(tokens.begin(), tokens.end(), static_cast<terrace_token>(number * 1000));
  return tokens;
}

/// Of a block, in a layer: all tokens up to the block's end go into it.
std::uint64_t content(std::span<const terrace_token> tokens, std::size_t block,
                      std::uint32_t layer) {
  std::uint64_t sum = layer + 1;
  for (const terrace_token token : tokens.first((block + 1) * kBlockTokens)) {
    sum = (sum + static_cast<std::uint64_t>(token) + 1) * 0x9E3779B97F4A7C15u;
  }
  return sum;
}

class Server {
 public:
  explicit Server(const std::string& store, std::uint64_t identity = kIdentity)
      : machine_(options()), cache_(machine_, cache_options(store, identity)) {}

  /// Tokens that were there. Their bytes are looked at, the others are computed.
  std::uint64_t serve(std::span<const terrace_token> tokens) {
    auto [sequence, at] = cache_.begin({.tokens = tokens, .max_tokens = tokens.size()});
    const KvBlocks blocks = cache_.blocks(kLayers);
    for (std::uint32_t layer = 0; layer < kLayers; ++layer) {
      sequence.wait_layer(layer);
      for (std::size_t i = 0; i < at.tokens / kBlockTokens; ++i) {
        const auto words = blocks.layer_as<std::uint64_t>(sequence.table()[i], layer);
        const auto right = [&](std::uint64_t word) { return word == content(tokens, i, layer); };
        if (!std::ranges::all_of(words, right)) ++wrong_;
      }
    }
    sequence.append(tokens.subspan(at.tokens));
    for (std::size_t i = at.tokens / kBlockTokens; i < tokens.size() / kBlockTokens; ++i) {
      for (std::uint32_t layer = 0; layer < kLayers; ++layer) {
        std::ranges::fill(blocks.layer_as<std::uint64_t>(sequence.table()[i], layer),
                          content(tokens, i, layer));
      }
    }
    sequence.written(tokens.size());
    return at.tokens;
  }
  /// Until the store is verified and all that is to be kept is written. A server that runs looks at
  /// `restoring` and `kept_blocks` now and then, and waits for neither.
  void settle() const {
    const capi::Entered context(cache_.handle().id, capi::HandleKind::kKv);
    const capi::KvRef inside = context->find(cache_.handle());
    inside->store->wait_restored();
    inside->cache->settle();
  }
  terrace_kv_info info() const { return cache_.info(); }
  std::uint64_t wrong() const { return wrong_; }

 private:
  static terrace_options options() {
    terrace_options options{};
    options.tiers_file = tiers_file();
    return options;
  }
  static KvOptions cache_options(const std::string& store, std::uint64_t identity) {
    static constexpr std::array<KvPool, 2> kPools{{{"near", 96}, {"far", 160}}};
    KvOptions options{.layers = kLayers, .layer_bytes = kLayerBytes, .pools = kPools};
    options.block_tokens = kBlockTokens;
    options.store_path = store.c_str();
    options.store_bytes = 16 << 20;
    options.identity = identity;
    return options;
  }

  Machine machine_;
  KvCache cache_;
  std::uint64_t wrong_ = 0;
};

terrace_status refused(const std::string& store, std::uint64_t identity = kIdentity) {
  try {
    const Server server(store, identity);
  } catch (const ApiError& error) {
    EXPECT_NE(std::string(error.what()).find(store), std::string::npos) << error.what();
    return error.status();
  }
  return TERRACE_OK;
}

void tell(int to, std::uint32_t number) {
  if (write(to, &number, sizeof number) != sizeof number) _exit(3);
}

/// Serves each prompt twice, and says so when all of it is kept. 0 says that it has begun.
[[noreturn]] void serve_on(const std::string& store, std::uint32_t number, int told) {
  try {
    Server server(store);
    server.settle();
    tell(told, 0);
    for (;; ++number) {
      const std::uint64_t before = server.info().kept_blocks;
      server.serve(prompt_of(number));
      if (server.serve(prompt_of(number)) != kPrompt - 1 || server.wrong() != 0) _exit(2);
      server.settle();
      if (server.info().kept_blocks != before + kPrompt / kBlockTokens) _exit(4);
      tell(told, number);
    }
  } catch (const ApiError&) {
    _exit(1);
  }
}

class KvRestart : public testing::Test {
 protected:
  // Made before a child could make one of its own.
  static void SetUpTestSuite() { ASSERT_STRNE(tiers_file(), ""); }
  static void TearDownTestSuite() { forget_machine(); }
  std::string store() const { return folder_.in("prefixes"); }

  const testing_support::TemporaryFolder folder_{"/dev/shm"};
};

/// What it said last before it was killed, so many microseconds after it had kept `prompts`.
std::uint32_t run_and_kill(const std::string& store, std::uint32_t number, std::uint32_t prompts,
                           useconds_t after) {
  int told[2];
  EXPECT_EQ(pipe(told), 0);
  const pid_t child = fork();
  if (child == 0) serve_on(store, number, told[1]);
  close(told[1]);
  std::uint32_t last = number - 1;
  std::uint32_t said = 1;
  for (std::uint32_t i = 0; i <= prompts; ++i) {
    EXPECT_EQ(read(told[0], &said, sizeof said), long{sizeof said});
    EXPECT_EQ(said, i == 0 ? 0 : ++last);
  }
  usleep(after);  // any moment of its work is one that is wanted: the caller draws it
  kill(child, SIGKILL);
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status)) << "it ended by itself: " << WEXITSTATUS(status);
  while (read(told[0], &said, sizeof said) == sizeof said) last = said;
  close(told[0]);
  return last;
}

TEST_F(KvRestart, AKilledServersPrefixesAreFoundByTheNextOne) {
  std::mt19937 random(20261127);
  std::uint32_t number = 1;
  for (int round = 0; round < 12; ++round) {
    const auto prompts = static_cast<std::uint32_t>(random() % 8);
    const std::uint32_t last =
        run_and_kill(store(), number, prompts, static_cast<useconds_t>(random() % 2000));
    Server next(store());
    next.settle();
    for (std::uint32_t i = number; i <= last; ++i) {
      EXPECT_EQ(next.serve(prompt_of(i)), kPrompt - 1) << "prompt " << i << " was kept";
    }
    // What was under way when it died is there from its beginning, or not.
    next.serve(prompt_of(last + 1));
    EXPECT_EQ(next.wrong(), 0);
    EXPECT_EQ(next.info().corrupt_blocks, 0);
    number = last + 2;
  }
}

TEST_F(KvRestart, AServerThatEndsKeepsWhatItHasComputedOnce) {
  {
    Server first(store());
    EXPECT_EQ(first.serve(prompt_of(1)), 0);
    EXPECT_EQ(first.info().kept_blocks, 0);
  }
  Server second(store());
  second.settle();
  EXPECT_EQ(second.info().stored_blocks, kPrompt / kBlockTokens);
  EXPECT_EQ(second.serve(prompt_of(1)), kPrompt - 1);
  EXPECT_EQ(second.info().store_hit_blocks, kPrompt / kBlockTokens);
  EXPECT_EQ(second.wrong(), 0);
}

TEST_F(KvRestart, AStoreInUseOrOfAnotherModelOrForeignIsRefusedByName) {
  {
    const Server first(store());
    EXPECT_EQ(refused(store()), TERRACE_IO);
  }
  EXPECT_EQ(refused(store(), kIdentity + 1), TERRACE_CORRUPT);
  const std::string foreign = folder_.in("foreign");
  std::ofstream(foreign) << std::string(1 << 20, 'x');
  EXPECT_EQ(refused(foreign), TERRACE_CORRUPT);
  EXPECT_EQ(refused(folder_.in("no/such/folder/prefixes")), TERRACE_IO);
  EXPECT_EQ(refused(store()), TERRACE_OK);
}

}  // namespace
}  // namespace terrace
