// SPDX-License-Identifier: Apache-2.0
// docs/examples/kv_server when memory goes bad under its blocks: the answers are those of the
// reference all the same.
#include <gtest/gtest.h>

#include <algorithm>
#include <condition_variable>
#include <cstdio>
#include <deque>
#include <mutex>
#include <string>
#include <vector>

#include "docs/examples/kv_server/engine.h"
#include "docs/examples/kv_server/reference.h"
#include "tests/fault/poison.h"

namespace kv_server {
namespace {

constexpr std::size_t kPage = 4096;

class Server : public testing::Test {
 protected:
  /// The lines up to the one that ends the request.
  std::vector<std::string> ask(Command command) {
    engine_.submit(1, std::move(command));
    std::vector<std::string> lines;
    std::unique_lock lock(mutex_);
    for (;;) {
      if (!more_.wait_for(lock, std::chrono::seconds(60), [&] { return !lines_.empty(); })) break;
      lines.push_back(lines_.front());
      lines_.pop_front();
      if (!lines.back().starts_with("token ")) break;
    }
    return lines;
  }

  /// Asks and compares each token with the reference's.
  void talk(Command::Kind kind, const std::vector<Token>& fresh) {
    Command command;
    command.kind = kind;
    command.request = next_++;
    command.session = 1;
    command.max_tokens = 1024;
    command.generate = 8;
    command.tokens = fresh;
    std::vector<Token> next = fresh;
    if (kind == Command::Kind::kTurn) next.insert(next.begin(), last_);
    const std::vector<std::string> lines = ask(command);
    ASSERT_EQ(lines.size(), 9u) << (lines.empty() ? "no answer" : lines.back());
    for (std::size_t i = 0; i < 8; ++i) {
      const Answer wanted = reference_.extend(model_, next);
      EXPECT_EQ(lines[i], token_line(command.request, reference_.count(), wanted));
      next = {wanted.next};
    }
    last_ = next.front();
    EXPECT_TRUE(lines.back().starts_with("done ")) << lines.back();
  }

  std::uint64_t figure(const char* name) {
    Command command;
    command.kind = Command::Kind::kStats;
    command.request = next_++;
    const std::string line = ask(command).back();
    const std::string key = '"' + std::string(name) + "\":";
    return std::stoull(line.substr(line.find(key) + key.size()));
  }

  /// Pages of the cache that hold keys and values of the conversation, in order.
  std::vector<char*> pages_in_use() const {
    const terrace_kv_info info = cache_.info();
    char* const base = static_cast<char*>(info.base);
    std::vector<char*> pages;
    for (std::uint64_t at = 0; at < info.tier_blocks[0] * info.block_bytes; at += kPage) {
      const char* const page = base + at;
      if (std::any_of(page, page + kPage, [](char c) { return c != 0; }))
        pages.push_back(base + at);
    }
    return pages;
  }

  std::mutex mutex_;
  std::condition_variable more_;
  std::deque<std::string> lines_;
  std::uint64_t next_ = 1;
  Token last_ = 0;
  const Model model_;
  Reference reference_;
  Cache cache_{[] {
    CacheOptions options;
    options.block_tokens = 16;
    return options;
  }()};
  Engine engine_{cache_, EngineOptions{}, [this](std::uint64_t, const std::string& line) {
                   const std::lock_guard lock(mutex_);
                   lines_.push_back(line);
                   more_.notify_one();
                 }};
};

std::vector<Token> some_tokens(std::size_t count, Token first) {
  std::vector<Token> tokens(count);
  for (std::size_t i = 0; i < count; ++i) {
    tokens[i] = (first + static_cast<Token>(i) * 37) % kVocabulary;
  }
  return tokens;
}

TEST_F(Server, AnswersRightWhenBlocksOfAPausedSessionAreLost) {
  talk(Command::Kind::kStart, some_tokens(200, 3));
  const std::vector<char*> pages = pages_in_use();
  ASSERT_GT(pages.size(), 8u);
  for (const std::size_t index : {pages.size() / 2, std::size_t{1}, pages.size() - 2}) {
    if (const char* missing = terrace::testing_support::poison(pages[index], kPage)) {
      GTEST_SKIP() << missing;
    }
    talk(Command::Kind::kTurn, some_tokens(5, static_cast<Token>(index)));
  }
  EXPECT_GE(figure("lost_blocks"), 1u);
  EXPECT_GE(figure("sequences_with_lost_blocks"), 1u);
}

TEST_F(Server, RefusesWhatItCouldNeverKeepAndSaysWhatIsWrong) {
  Command command;
  command.kind = Command::Kind::kTurn;
  command.request = 7;
  command.session = 99;
  command.generate = 1;
  command.tokens = {1};
  EXPECT_TRUE(ask(command).back().starts_with("error 7 no such session")) << "turn";
  command.kind = Command::Kind::kFork;
  EXPECT_TRUE(ask(command).back().starts_with("error 7 no such session")) << "fork";
  command.kind = Command::Kind::kStart;
  command.max_tokens = 1;
  EXPECT_TRUE(ask(command).back().starts_with("error 7 more tokens")) << "start";
}

TEST(Protocol, CommandsComeBackAsTheyWere) {
  for (const char* line : {"start 1 2 300 4 5 6 7", "turn 8 1 2 3", "fork 9 1 2 3 4", "end 10 1",
                           "stats 18446744073709551615"}) {
    const Parsed parsed = parse_command(line);
    EXPECT_EQ(parsed.error, "") << line;
    EXPECT_EQ(format_command(parsed.command), line);
  }
}

TEST(Protocol, WhatIsWrongIsSaid) {
  const std::pair<const char*, const char*> cases[] = {{"", "the first word is none of"},
                                                       {"halt 1", "the first word is none of"},
                                                       {"start", "request"},
                                                       {"start 1 x 3 4 5", "tenant"},
                                                       {"start 1 2 9999 4 5", "max tokens"},
                                                       {"start 1 2 300 0 5", "tokens to generate"},
                                                       {"start 1 2 300 4", "no tokens"},
                                                       {"turn 1 2 3 512", "token"},
                                                       {"turn 1 2 3 -1", "token"},
                                                       {"end 1 2 3", "too many words"},
                                                       {"stats 18446744073709551616", "request"}};
  for (const auto& [line, what] : cases) {
    EXPECT_NE(parse_command(line).error.find(what), std::string::npos)
        << line << ": " << parse_command(line).error;
  }
}

}  // namespace
}  // namespace kv_server
