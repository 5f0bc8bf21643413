// SPDX-License-Identifier: Apache-2.0
// What a KV-cache is without further thought, as the other side of kv_benchmark: one mutex, a map
// from chain hashes to blocks, a list of free ones, and least recently used blocks given up. It
// keeps the same promises as allocators/kv where they bear on the work: tokens and parent are
// compared, shared blocks are counted, a full and written block goes into the map. One tier, no
// copies, no admission. Thread-safe by its mutex; allocates.
#pragma once

#include <algorithm>
#include <cstdint>
#include <list>
#include <mutex>
#include <span>
#include <unordered_map>
#include <vector>

#include "allocators/kv/shape.h"

namespace terrace::bench {

class PlainKvCache {
 public:
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};

  struct Sequence {
    std::vector<kv::Token> tokens;
    std::vector<std::uint32_t> blocks;
    std::uint64_t sealed = 0;  ///< blocks in the map
  };

  PlainKvCache(std::uint32_t block_tokens, std::uint32_t blocks)
      : block_tokens_(block_tokens), blocks_(blocks) {
    for (std::uint32_t i = blocks; i > 0; --i) free_.push_back(i - 1);
  }

  /// A place of nobody's; kNone when all are in use.
  std::uint32_t allocate() {
    const std::lock_guard lock(mutex_);
    return take();
  }
  void free(std::uint32_t block) {
    const std::lock_guard lock(mutex_);
    release(block);
  }

  /// Tokens that are cached from the first on, in whole blocks.
  std::uint64_t match(std::span<const kv::Token> tokens) {
    const std::lock_guard lock(mutex_);
    std::uint64_t matched = 0;
    for (std::uint32_t parent = kNone; matched + block_tokens_ <= tokens.size();) {
      parent = find(parent, tokens.subspan(matched, block_tokens_));
      if (parent == kNone) break;
      matched += block_tokens_;
    }
    return matched;
  }

  /// With the longest cached prefix.
  Sequence begin(std::span<const kv::Token> tokens) {
    const std::lock_guard lock(mutex_);
    Sequence sequence;
    while (sequence.tokens.size() + block_tokens_ < tokens.size()) {
      const auto next = tokens.subspan(sequence.tokens.size(), block_tokens_);
      const std::uint32_t block = find(last_of(sequence), next);
      if (block == kNone) break;
      hold(block);
      sequence.blocks.push_back(block);
      sequence.tokens.insert(sequence.tokens.end(), next.begin(), next.end());
    }
    sequence.sealed = sequence.blocks.size();
    return sequence;
  }
  /// False: no block is left; the tokens before it are there.
  bool append(Sequence& sequence, std::span<const kv::Token> tokens) {
    const std::lock_guard lock(mutex_);
    for (const kv::Token token : tokens) {
      if (sequence.tokens.size() == sequence.blocks.size() * block_tokens_) {
        const std::uint32_t block = take();
        if (block == kNone) return false;
        sequence.blocks.push_back(block);
      }
      sequence.tokens.push_back(token);
    }
    return true;
  }
  /// Full blocks can be shared from now on.
  void written(Sequence& sequence, std::uint64_t tokens) {
    const std::lock_guard lock(mutex_);
    for (; (sequence.sealed + 1) * block_tokens_ <= tokens; ++sequence.sealed) {
      const std::uint32_t parent =
          sequence.sealed == 0 ? kNone : sequence.blocks[sequence.sealed - 1];
      Block& block = blocks_[sequence.blocks[sequence.sealed]];
      const auto begin =
          sequence.tokens.begin() + static_cast<std::ptrdiff_t>(sequence.sealed * block_tokens_);
      block.tokens.assign(begin, begin + block_tokens_);
      block.parent = parent;
      block.hash = hash_of(parent, block.tokens);
      block.in_map = index_.emplace(block.hash, sequence.blocks[sequence.sealed]).second;
    }
  }
  void end(Sequence& sequence) {
    const std::lock_guard lock(mutex_);
    for (const std::uint32_t block : sequence.blocks) release(block);
    sequence = {};
  }

 private:
  struct Block {
    std::uint32_t users = 0;
    std::uint32_t parent = kNone;
    bool in_map = false;
    bool listed = false;
    std::uint64_t hash = 0;
    std::vector<kv::Token> tokens;
    std::list<std::uint32_t>::iterator place;
  };

  static std::uint32_t last_of(const Sequence& sequence) {
    return sequence.blocks.empty() ? kNone : sequence.blocks.back();
  }
  std::uint64_t hash_of(std::uint32_t parent, std::span<const kv::Token> tokens) const {
    std::uint64_t hash = parent == kNone ? 0x9E3779B97F4A7C15 : blocks_[parent].hash;
    for (const kv::Token token : tokens) {
      hash = (hash ^ static_cast<std::uint32_t>(token)) * 0x100000001B3;
    }
    return hash;
  }
  std::uint32_t find(std::uint32_t parent, std::span<const kv::Token> tokens) const {
    const auto found = index_.find(hash_of(parent, tokens));
    if (found == index_.end()) return kNone;
    const Block& block = blocks_[found->second];
    const bool same = block.parent == parent && std::ranges::equal(block.tokens, tokens);
    return same ? found->second : kNone;
  }
  void hold(std::uint32_t number) {
    Block& block = blocks_[number];
    if (block.listed) unused_.erase(block.place);
    block.listed = false;
    ++block.users;
  }
  void release(std::uint32_t number) {
    Block& block = blocks_[number];
    if (--block.users != 0) return;
    if (!block.in_map) {
      free_.push_back(number);
      return;
    }
    block.place = unused_.insert(unused_.end(), number);
    block.listed = true;
  }
  std::uint32_t take() {
    std::uint32_t number = kNone;
    if (!free_.empty()) {
      number = free_.back();
      free_.pop_back();
    } else if (!unused_.empty()) {
      number = unused_.front();
      unused_.pop_front();
      index_.erase(blocks_[number].hash);
      blocks_[number].in_map = blocks_[number].listed = false;
    } else {
      return kNone;
    }
    blocks_[number].users = 1;
    return number;
  }

  const std::uint32_t block_tokens_;
  std::mutex mutex_;
  std::vector<Block> blocks_;
  std::vector<std::uint32_t> free_;
  std::list<std::uint32_t> unused_;  ///< in the map, of nobody; least recently used first
  std::unordered_map<std::uint64_t, std::uint32_t> index_;
};

}  // namespace terrace::bench
