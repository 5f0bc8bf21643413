// SPDX-License-Identifier: Apache-2.0
// Programs that mix sizes or keep structures: arithmetic, indexes, lists between threads. In the
// manner of alloc-test, cfrac and mstress of the mimalloc-bench collection.
#include <array>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>

#include "bench/peers/programs/program.h"

namespace terrace::peers {
namespace {

/// 2^4 to 2^16, each power of two as likely as the next, and something in between.
std::size_t random_size(Random& random) {
  const std::uint64_t power = 4 + random.below(12);
  return (std::size_t{1} << power) + random.below(std::uint64_t{1} << power);
}

std::uint64_t mix(std::uint64_t seed) {
  Random random(seed);
  std::vector<unsigned char*> slots(2000);
  std::uint64_t sum = 0;
  for (int i = 0; i < 4000000; ++i) {
    unsigned char*& slot = slots[random.below(slots.size())];
    if (slot != nullptr) sum += slot[0];
    std::free(slot);
    const std::size_t size = random_size(random);
    slot = static_cast<unsigned char*>(std::malloc(size));
    slot[0] = static_cast<unsigned char>(i);
    slot[size - 1] = slot[0];
  }
  for (unsigned char* slot : slots) std::free(slot);
  return sum;
}

using Number = std::vector<std::uint32_t>;  ///< little-endian words

Number times(const Number& a, std::uint32_t factor) {
  Number product;
  product.reserve(a.size() + 1);
  std::uint64_t carry = 0;
  for (const std::uint32_t word : a) {
    carry += std::uint64_t{word} * factor;
    product.push_back(static_cast<std::uint32_t>(carry));
    carry >>= 32;
  }
  if (carry != 0) product.push_back(static_cast<std::uint32_t>(carry));
  return product;
}

Number plus(const Number& a, const Number& b) {
  Number sum;
  std::uint64_t carry = 0;
  for (std::size_t i = 0; i < a.size() || i < b.size(); ++i) {
    carry += (i < a.size() ? a[i] : 0u);
    carry += (i < b.size() ? b[i] : 0u);
    sum.push_back(static_cast<std::uint32_t>(carry));
    carry >>= 32;
  }
  if (carry != 0) sum.push_back(static_cast<std::uint32_t>(carry));
  return sum;
}

struct Node {
  Node* next = nullptr;
  std::size_t size = 0;
  unsigned char* payload = nullptr;
};

Node* make_list(Random& random, int length) {
  Node* head = nullptr;
  for (int i = 0; i < length; ++i) {
    // One payload in 2,000 is large.
    const std::size_t size =
        random.below(2000) == 0 ? (std::size_t{2} << 20) : 16 + random.below(1000);
    auto* payload = static_cast<unsigned char*>(std::malloc(size));
    payload[0] = static_cast<unsigned char>(size);
    head = new Node{head, size, payload};
  }
  return head;
}

std::uint64_t drop_list(Node* head) {
  std::uint64_t sum = 0;
  while (head != nullptr) {
    Node* const next = head->next;
    sum += head->payload[0] + head->size;
    std::free(head->payload);
    delete head;
    head = next;
  }
  return sum;
}

}  // namespace

std::uint64_t mixed_sizes() {
  return mix(1);
}

std::uint64_t mixed_sizes_two() {
  return on_threads(2, [](unsigned index) { return mix(index); });
}

std::uint64_t numbers() {
  std::uint64_t sum = 0;
  for (std::uint32_t start = 3; start < 24000; ++start) {
    Number a{start};
    Number b{1};
    for (std::uint32_t step = 0; step < 300; ++step) {
      Number next = plus(times(a, 3 + step % 5), b);
      if (next.size() > 12) next.resize(2);
      b = std::move(a);
      a = std::move(next);
    }
    for (const std::uint32_t word : a) sum += word;
  }
  return sum;
}

std::uint64_t text_index() {
  std::uint64_t sum = 0;
  for (int round = 0; round < 6; ++round) {
    Random random(static_cast<std::uint64_t>(round));
    std::map<std::string, std::vector<std::string>> index;
    for (int i = 0; i < 120000; ++i) {
      const std::string word = "term-" + std::to_string(random.below(20000)) + "-of-the-index";
      index[word].push_back("document number " + std::to_string(i) + " in the collection");
    }
    for (const auto& [word, documents] : index) sum += word.size() * documents.size();
  }
  return sum;
}

std::uint64_t shared_graph() {
  static std::array<std::atomic<Node*>, 64> exchange{};
  static std::atomic<unsigned> turn{0};
  // In turns: two that work at once make each other's lines bounce, and CPU time then doubles from
  // one run to the next by how the machine schedules them.
  const std::uint64_t lists = on_threads(2, [](unsigned index) {
    constexpr int kTurns = 300;
    Random random(index + 11);
    std::uint64_t dropped = 0;
    for (int i = 0; i < kTurns; ++i) {
      for (unsigned now = turn.load(); now % 2 != index; now = turn.load()) turn.wait(now);
      for (int list = 0; list < 1000; ++list) {
        Node* const mine = make_list(random, 20);
        dropped += drop_list(exchange[random.below(exchange.size())].exchange(mine));
      }
      ++turn;
      turn.notify_one();
    }
    return dropped;
  });
  std::uint64_t left = 0;
  for (std::atomic<Node*>& cell : exchange) left += drop_list(cell.exchange(nullptr));
  return lists + left;
}

}  // namespace terrace::peers
