// SPDX-License-Identifier: Apache-2.0
// Synthetic request streams for eviction policies, each with another reason why blocks come back:
// some have traits that rates can learn, in some only recency tells, in some nothing does. None is
// made after a published trace. Blocks of a request are named by numbers, as by chain hashes.
// Used by kv_policy_load_test.cc. One thread a generator.
#pragma once

#include <cmath>
#include <cstdint>
#include <deque>
#include <random>
#include <span>
#include <utility>
#include <vector>

namespace terrace::policy {

class KvLoads {
 public:
  using Blocks = std::vector<std::uint64_t>;
  using Requests = std::vector<Blocks>;
  using Make = Requests (KvLoads::*)();
  struct Named {
    const char* name;
    Make make;
  };

  KvLoads(std::uint64_t seed, std::size_t requests) : random_(seed), count_(requests) {}

  static std::span<const Named> all();

  /// Prompts that never change, asked again by their recency alone.
  Requests recent_prompts() {
    std::deque<Blocks> recent;
    return made([&] {
      const std::size_t rank = power_law(1000);
      Blocks blocks;
      if (chance(0.85) && rank < recent.size()) {
        blocks = recent[rank];
        recent.erase(recent.begin() + static_cast<std::ptrdiff_t>(rank));
      } else {
        blocks = fresh(between(4, 24));
      }
      recent.push_front(blocks);
      if (recent.size() > 1000) recent.pop_back();
      return blocks;
    });
  }
  /// Conversations that grow, gone on with by their recency alone.
  Requests recent_chats() {
    std::deque<Blocks> recent;
    return made([&] {
      const std::size_t rank = power_law(1500);
      Blocks blocks;
      if (chance(0.8) && rank < recent.size()) {
        blocks = recent[rank];
        recent.erase(recent.begin() + static_cast<std::ptrdiff_t>(rank));
      }
      if (blocks.size() > 64) blocks.clear();
      grow(blocks, between(1, 4));
      recent.push_front(blocks);
      if (recent.size() > 1500) recent.pop_back();
      return blocks;
    });
  }
  /// Any of 400 prompts, each equally likely: no policy is better than another.
  Requests any_of_many() {
    const Requests prompts = fresh_prompts(400, 5, 30);
    return made([&] { return prompts[below(prompts.size())]; });
  }
  /// Any of the last 100 prompts.
  Requests any_of_the_latest() {
    std::deque<Blocks> latest;
    return made([&] {
      if (latest.size() >= 100 && chance(0.75)) return latest[below(latest.size())];
      latest.push_back(fresh(between(4, 24)));
      if (latest.size() > 100) latest.pop_front();
      return latest.back();
    });
  }
  /// Users who think between turns and leave after some, and questions asked once. The last block
  /// of a prompt is not full, and has another name in the next turn.
  Requests chats() {
    std::vector<Blocks> open;
    const Blocks head = fresh(2);
    return made([&] {
      Blocks blocks = head;
      if (open.size() > 60 && chance(0.7)) {
        const std::size_t which = below(open.size());
        blocks = std::exchange(open[which], open.back());
        open.pop_back();
      } else if (chance(0.5)) {
        grow(blocks, between(5, 40));
        return blocks;
      }
      grow(blocks, between(1, 8));
      if (chance(0.8) && blocks.size() < 200) open.push_back(blocks);
      grow(blocks, 1);
      return blocks;
    });
  }
  /// A few kinds of agents with long system prompts; the calls of a run come close together.
  Requests agents() {
    struct Run {
      Blocks blocks;
      std::size_t left = 0;
    };
    const Requests kinds = fresh_prompts(24, 8, 60);
    std::vector<Run> runs;
    return made([&] {
      if (runs.size() < 12) runs.push_back({kinds[power_law(kinds.size())], between(3, 20)});
      const std::size_t which = below(runs.size());
      grow(runs[which].blocks, between(1, 3));
      const Blocks blocks = runs[which].blocks;
      if (--runs[which].left == 0) {
        std::swap(runs[which], runs.back());
        runs.pop_back();
      }
      return blocks;
    });
  }
  /// Documents by popularity, which drifts; each with a question of its own.
  Requests documents() {
    Requests documents = fresh_prompts(600, 4, 60);
    return made([&] {
      if (chance(0.02)) documents[below(documents.size())] = fresh(between(4, 60));
      if (chance(0.2)) {
        std::swap(documents[below(documents.size())], documents[below(documents.size())]);
      }
      Blocks blocks = documents[power_law(documents.size())];
      grow(blocks, 1);
      return blocks;
    });
  }
  /// Long prompts that are asked once among conversations.
  Requests scans() {
    const Requests chats = recent_chats();
    std::size_t next = 0;
    return made([&] { return chance(0.4) ? fresh(between(20, 80)) : chats[next++]; });
  }
  /// Each prompt twice, at a fixed distance.
  Requests twice() {
    std::deque<Blocks> waiting;
    return made([&, fresh_turn = true]() mutable {
      fresh_turn = !fresh_turn;
      if (fresh_turn || waiting.size() < 80) {
        waiting.push_back(fresh(between(4, 40)));
        return waiting.back();
      }
      Blocks blocks = std::move(waiting.front());
      waiting.pop_front();
      return blocks;
    });
  }
  /// What was learnt of one load is wrong of the next.
  Requests in_turn() {
    Requests requests;
    for (const Make make : {&KvLoads::scans, &KvLoads::recent_prompts, &KvLoads::agents,
                            &KvLoads::any_of_the_latest, &KvLoads::documents}) {
      const Requests part = (this->*make)();
      requests.insert(requests.end(), part.begin(),
                      part.begin() + static_cast<std::ptrdiff_t>(count_ / 5));
    }
    return requests;
  }

 private:
  template <typename Next>
  Requests made(Next next) {
    Requests requests;
    while (requests.size() < count_) requests.push_back(next());
    return requests;
  }
  std::size_t below(std::size_t count) { return random_() % count; }
  std::size_t between(std::size_t least, std::size_t most) {
    return least + below(most - least + 1);
  }
  double share() { return static_cast<double>(random_() >> 11) * 0x1p-53; }
  bool chance(double share_of) { return share() < share_of; }
  /// A rank below `count`, as likely as 1 / (rank + 1).
  std::size_t power_law(std::size_t count) {
    const double size = static_cast<double>(count);
    return std::min(count - 1, static_cast<std::size_t>(std::pow(size + 1, share()) - 1));
  }
  void grow(Blocks& blocks, std::size_t more) {
    for (; more > 0; --more) blocks.push_back(++last_ * 0x9E3779B97F4A7C15u);
  }
  Blocks fresh(std::size_t size) {
    Blocks blocks;
    grow(blocks, size);
    return blocks;
  }
  Requests fresh_prompts(std::size_t count, std::size_t least, std::size_t most) {
    Requests prompts;
    while (prompts.size() < count) prompts.push_back(fresh(between(least, most)));
    return prompts;
  }

  std::mt19937_64 random_;
  std::size_t count_;
  std::uint64_t last_ = 0;
};

inline std::span<const KvLoads::Named> KvLoads::all() {
  static constexpr Named kAll[] = {
      {"recent prompts", &KvLoads::recent_prompts},
      {"recent chats", &KvLoads::recent_chats},
      {"any of many", &KvLoads::any_of_many},
      {"any of the latest", &KvLoads::any_of_the_latest},
      {"chats", &KvLoads::chats},
      {"agents", &KvLoads::agents},
      {"documents", &KvLoads::documents},
      {"scans", &KvLoads::scans},
      {"twice", &KvLoads::twice},
      {"in turn", &KvLoads::in_turn},
  };
  return kAll;
}

}  // namespace terrace::policy
