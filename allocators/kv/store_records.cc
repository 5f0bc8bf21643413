// SPDX-License-Identifier: Apache-2.0
#include "allocators/kv/store_records.h"

#include <xxhash.h>

#include <algorithm>
#include <atomic>
#include <utility>

namespace terrace::kv {
namespace {

constexpr std::uint64_t kPage = 4096;

std::uint64_t whole_pages(std::uint64_t bytes) {
  return (bytes + kPage - 1) / kPage * kPage;
}

std::uint64_t head_bytes(std::uint64_t records) {
  return whole_pages(records * sizeof(RecordHead));
}

std::uint64_t token_bytes(const Shape& shape, std::uint64_t records) {
  return whole_pages(records * shape.block_tokens * sizeof(Token));
}

}  // namespace

Bytes segment_bytes(const Shape& shape, std::uint64_t records) {
  return Bytes(head_bytes(records) + token_bytes(shape, records) +
               records * shape.block_bytes().value);
}

RecordSegment segment_at(std::byte* at, const Shape& shape, std::uint32_t records) {
  std::byte* const tokens = at + head_bytes(records);
  return {reinterpret_cast<RecordHead*>(at), reinterpret_cast<Token*>(tokens),
          tokens + token_bytes(shape, records), records};
}

Records::Records(const Shape& shape, std::uint64_t seed, std::vector<RecordSegment> segments)
    : shape_(shape), seed_(seed), segments_(std::move(segments)) {
  for (const RecordSegment& segment : segments_) {
    first_.push_back(count_);
    count_ += segment.records;
  }
}

Records::Place Records::place(std::uint32_t slot) const {
  const auto after = std::upper_bound(first_.begin(), first_.end(), slot);
  const auto index = static_cast<std::size_t>(after - first_.begin()) - 1;
  const RecordSegment& segment = segments_[index];
  const std::uint64_t at = slot - first_[index];
  return {segment.heads + at, segment.tokens + at * shape_.block_tokens,
          segment.data + at * shape_.block_bytes().value};
}

const RecordHead& Records::head(std::uint32_t slot) const {
  return *place(slot).head;
}

RecordState Records::state(std::uint32_t slot) const {
  std::uint64_t& word = place(slot).head->state;
  return RecordState{std::atomic_ref<std::uint64_t>(word).load(std::memory_order_acquire)};
}

StoredBlock Records::block(std::uint32_t slot) const {
  const Place at = place(slot);
  return {at.head->hash,
          at.head->parent,
          at.head->salt,
          at.head->position,
          {at.tokens, shape_.block_tokens},
          {at.data, shape_.block_bytes().value}};
}

std::uint64_t Records::checksum(const RecordHead& head, std::span<const Token> tokens,
                                std::span<const std::byte> data) const {
  const std::uint64_t named[] = {head.hash, head.parent, head.salt, head.written, head.position};
  std::uint64_t sum = XXH3_64bits_withSeed(data.data(), data.size_bytes(), seed_);
  sum = XXH3_64bits_withSeed(tokens.data(), tokens.size_bytes(), sum);
  return XXH3_64bits_withSeed(named, sizeof named, sum);
}

bool Records::verify(std::uint32_t slot) const {
  const StoredBlock stored = block(slot);
  const RecordHead& at = head(slot);
  return checksum(at, stored.tokens, stored.data) == at.checksum;
}

void Records::write(StoreMedium& medium, std::uint32_t slot, const StoredBlock& block,
                    std::uint64_t written) {
  RecordHead head{};
  head.state = static_cast<std::uint64_t>(RecordState::kUnderWay);
  head.hash = block.hash;
  head.parent = block.parent;
  head.salt = block.salt;
  head.written = written;
  head.position = block.position;
  head.checksum = checksum(head, block.tokens, block.data);
  const Place at = place(slot);
  medium.copy(at.head, &head, Bytes(sizeof head));
  medium.copy(at.tokens, block.tokens.data(), Bytes(block.tokens.size_bytes()));
  medium.copy(at.data, block.data.data(), Bytes(block.data.size_bytes()));
}

void Records::set_state(StoreMedium& medium, std::uint32_t slot, RecordState state) {
  medium.store_word(&place(slot).head->state, static_cast<std::uint64_t>(state));
}

}  // namespace terrace::kv
