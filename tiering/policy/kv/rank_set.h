// SPDX-License-Identifier: Apache-2.0
// Which ranks are occupied, and the lowest of them: two levels of bits, so that finding it reads a
// few words. Used by the policy `terrace` for its cells in the order of their worth.
// Not thread-safe; allocates at construction only.
#pragma once

#include <bit>
#include <cstdint>
#include <vector>

namespace terrace::policy {

class RankSet {
 public:
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};

  explicit RankSet(std::uint32_t ranks)
      : bits_((ranks + 63) / 64), words_((bits_.size() + 63) / 64) {}

  void insert(std::uint32_t rank) {
    bits_[rank / 64] |= bit(rank);
    words_[rank / 4096] |= bit(rank / 64);
  }
  void erase(std::uint32_t rank) {
    bits_[rank / 64] &= ~bit(rank);
    if (bits_[rank / 64] == 0) words_[rank / 4096] &= ~bit(rank / 64);
  }
  std::uint32_t lowest() const {
    for (std::uint32_t i = 0; i < words_.size(); ++i) {
      if (words_[i] == 0) continue;
      const std::uint32_t word = i * 64 + static_cast<std::uint32_t>(std::countr_zero(words_[i]));
      return word * 64 + static_cast<std::uint32_t>(std::countr_zero(bits_[word]));
    }
    return kNone;
  }
  void clear() {
    bits_.assign(bits_.size(), 0);
    words_.assign(words_.size(), 0);
  }

 private:
  static std::uint64_t bit(std::uint32_t at) { return std::uint64_t{1} << (at % 64); }
  std::vector<std::uint64_t> bits_;
  std::vector<std::uint64_t> words_;
};

}  // namespace terrace::policy
