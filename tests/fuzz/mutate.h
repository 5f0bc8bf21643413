// SPDX-License-Identifier: Apache-2.0
// Damages good input in the ways that find faults in readers: flipped bits, extreme numbers, cuts,
// repeats and swaps. For tests that run a fixed number of mutants. Allocates.
#pragma once

#include <cstdint>
#include <cstring>
#include <random>
#include <string>

#include "tests/logged_seed.h"

namespace terrace::fuzz {

using testing_support::logged_seed;

class Mutator {
 public:
  explicit Mutator(std::uint32_t seed) : random_(seed) {}

  /// Binary input: bits, bytes, 32- and 64-bit fields, cuts, repeats.
  std::string damaged_bytes(const std::string& whole) {
    std::string bytes = whole;
    for (std::size_t left = 1 + below(4); left > 0 && !bytes.empty(); --left) change_once(bytes);
    return bytes;
  }

  /// Text input: the same, and tokens that readers of numbers and words stumble over.
  std::string damaged_text(const std::string& whole) {
    static const char* const kTokens[] = {"-1",
                                          "1e999",
                                          "0.5",
                                          "null",
                                          "[]",
                                          "{}",
                                          "\"\"",
                                          "true",
                                          "18446744073709551615",
                                          "9223372036854775808",
                                          "*",
                                          ","};
    std::string text = whole;
    for (std::size_t left = 1 + below(3); left > 0 && !text.empty(); --left) {
      if (below(2) == 0) {
        change_once(text);
      } else {
        text.replace(below(text.size()), below(12), kTokens[below(std::size(kTokens))]);
      }
    }
    return text;
  }

 private:
  std::size_t below(std::size_t limit) { return random_() % limit; }

  void change_once(std::string& bytes) {
    const std::size_t at = below(bytes.size());
    switch (below(6)) {
      case 0:
        bytes[at] = static_cast<char>(bytes[at] ^ (1 << below(8)));
        break;
      case 1:
        bytes[at] = static_cast<char>(random_());
        break;
      case 2:
        overwrite(bytes, at / 4 * 4, 4);
        break;
      case 3:
        overwrite(bytes, at / 8 * 8, 8);
        break;
      case 4:
        if (below(4) == 0) bytes.resize(at);
        break;
      default:
        bytes.insert(at, bytes.substr(below(bytes.size()), below(64)));
        break;
    }
  }

  void overwrite(std::string& bytes, std::size_t at, std::size_t size) {
    static constexpr std::uint64_t kExtremes[] = {0,          1,     0x7FFFFFFF, 0xFFFFFFFF,
                                                  1ull << 63, ~0ull, ~7ull,      1ull << 40};
    const std::uint64_t value = kExtremes[below(std::size(kExtremes))];
    if (at + size <= bytes.size()) std::memcpy(bytes.data() + at, &value, size);
  }

  std::mt19937 random_;
};

}  // namespace terrace::fuzz
