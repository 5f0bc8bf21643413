// SPDX-License-Identifier: Apache-2.0
// What a record is in the pool, and the order of stores by which it appears and goes. The pool's
// places are segments, each with its records' heads apart from tokens and bytes, so that all heads
// are read quickly when the pool is opened. Where it stands: prefix_store.cc says which block goes
// into which slot; this writes it through store_medium.h.
//
// A record appears: head, tokens, bytes; drain; its state. It goes: its state; drain; and only
// then its place is written again. The state is one word, so neither can be seen by halves, and
// nothing here needs a transaction.
// One thread writes at a time; whole records may be read meanwhile by others. Never allocates,
// except what the medium does.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <terrace/result.h>

#include "allocators/kv/prefix_store.h"
#include "allocators/kv/shape.h"
#include "allocators/kv/store_medium.h"

namespace terrace::kv {

/// Long random words, so that damage makes no state of another.
enum class RecordState : std::uint64_t {
  kEmpty = 0,                       ///< never written
  kWhole = 0x9b5f27c4e1a86d33u,     ///< counts
  kUnderWay = 0x46d80e7b3c915fa2u,  ///< is being written, or was dropped
};

/// One cache line.
struct alignas(64) RecordHead {
  std::uint64_t state;  ///< a RecordState, or damage
  std::uint64_t hash;
  std::uint64_t parent;
  std::uint64_t salt;
  std::uint64_t written;  ///< numbers the records of the pool, as they were written
  std::uint64_t checksum;
  std::uint32_t position;
  std::uint32_t reserved[3];
};
static_assert(sizeof(RecordHead) == 64);

/// Records that lie together.
struct RecordSegment {
  RecordHead* heads = nullptr;
  Token* tokens = nullptr;
  std::byte* data = nullptr;
  std::uint32_t records = 0;
};

/// Bytes of a segment from a page's beginning on: heads, tokens, bytes, each from a page on.
Bytes segment_bytes(const Shape& shape, std::uint64_t records);
RecordSegment segment_at(std::byte* at, const Shape& shape, std::uint32_t records);

class Records {
 public:
  /// `seed` goes into each checksum, so that nothing of another pool is taken for a record.
  Records(const Shape& shape, std::uint64_t seed, std::vector<RecordSegment> segments);

  std::uint32_t count() const { return count_; }
  const RecordHead& head(std::uint32_t slot) const;
  RecordState state(std::uint32_t slot) const;
  /// What a record says; meaningful when it is whole, true when verify() says so.
  StoredBlock block(std::uint32_t slot) const;
  /// The checksum is that of head, tokens and bytes as they are now.
  bool verify(std::uint32_t slot) const;

  /// Everything but the state, which must not be kWhole any more, for certain.
  void write(StoreMedium& medium, std::uint32_t slot, const StoredBlock& block,
             std::uint64_t written);
  void set_state(StoreMedium& medium, std::uint32_t slot, RecordState state);

 private:
  struct Place {
    RecordHead* head;
    Token* tokens;
    std::byte* data;
  };
  Place place(std::uint32_t slot) const;
  std::uint64_t checksum(const RecordHead& head, std::span<const Token> tokens,
                         std::span<const std::byte> data) const;

  Shape shape_;
  std::uint64_t seed_;
  std::vector<RecordSegment> segments_;
  std::vector<std::uint32_t> first_;  ///< slot of each segment
  std::uint32_t count_ = 0;
};

}  // namespace terrace::kv
