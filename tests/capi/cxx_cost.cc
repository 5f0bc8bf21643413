// SPDX-License-Identifier: Apache-2.0
// The calls of each step by the C and by the C++ interface, side by side. cxx_cost.sh compares the
// machine code of each pair: what is run when nothing fails may not be longer in C++. What fails is
// cold in both, and stands elsewhere.
#include <cstdint>
#include <span>

#include <terrace/kv.hpp>

[[noreturn, gnu::cold]] void stop();

namespace {

void need(terrace_status status) {
  if (status != TERRACE_OK) stop();
}

using terrace::KvBlocks;
using terrace::KvCache;
using terrace::KvSequence;
using terrace::TensorMemory;

}  // namespace

extern "C" {

void c_append(const terrace_sequence* sequence, const terrace_token* tokens, std::uint64_t count) {
  need(terrace_sequence_append(*sequence, tokens, count));
}
void cxx_append(KvSequence& sequence, const terrace_token* tokens, std::uint64_t count) {
  sequence.append({tokens, count});
}

void c_written(const terrace_sequence* sequence, std::uint64_t tokens) {
  need(terrace_sequence_written(*sequence, tokens));
}
void cxx_written(KvSequence& sequence, std::uint64_t tokens) {
  sequence.written(tokens);
}

void c_wait_layer(const terrace_sequence* sequence, std::uint32_t layer) {
  need(terrace_sequence_wait_layer(*sequence, layer));
}
void cxx_wait_layer(KvSequence& sequence, std::uint32_t layer) {
  sequence.wait_layer(layer);
}

std::uint64_t c_table(const terrace_sequence* sequence) {
  const std::uint32_t* table = nullptr;
  std::uint64_t count = 0;
  need(terrace_sequence_table(*sequence, &table, &count));
  return table[0] + count;
}
std::uint64_t cxx_table(const KvSequence& sequence) {
  const std::span<const std::uint32_t> table = sequence.table();
  return table[0] + table.size();
}

void c_step(const terrace_kv* cache) {
  need(terrace_kv_step(*cache));
}
void cxx_step(KvCache& cache) {
  cache.step();
}

struct Place {
  char* base;
  std::uint64_t block_bytes;
  std::uint64_t layer_bytes;
};
void* c_layer(const Place* place, std::uint32_t entry, std::uint32_t layer) {
  return place->base + entry * place->block_bytes + layer * place->layer_bytes;
}
void* cxx_layer(const KvBlocks& blocks, std::uint32_t entry, std::uint32_t layer) {
  return blocks.layer(entry, layer).data();
}

void c_touch(const terrace_tensor* tensor, std::uint64_t bytes) {
  need(terrace_touch(*tensor, bytes, 0));
}
void cxx_touch(TensorMemory& tensor, std::uint64_t bytes) {
  tensor.touch(bytes, 0);
}

}  // extern "C"
