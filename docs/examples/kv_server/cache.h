// SPDX-License-Identifier: Apache-2.0
// Terrace as this server uses it: one context, one KV-cache, and the book of what memory errors
// took. A block holds, for each layer, kKeyValue floats of each of its tokens.
// Thread-safe where Terrace is; next_step() and settle_losses() are the scheduler's.
#pragma once

#include <terrace/kv.h>

#include <atomic>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "model.h"

namespace kv_server {

struct CacheOptions {
  std::string tiers_file;  ///< empty: what the machine has
  /// Tier and blocks, fastest first; empty: 1024 blocks of the fastest tier.
  std::vector<std::pair<std::string, std::uint64_t>> pools;
  std::string policy = "terrace";
  std::uint32_t block_tokens = 16;
  std::uint64_t tenant_blocks = UINT64_MAX;  ///< limit of each of the first 64 tenants
};

/// A call of Terrace failed at start: its last error.
struct CacheError : std::runtime_error {
  CacheError() : std::runtime_error(terrace_last_error()) {}
};

class Cache {
 public:
  explicit Cache(const CacheOptions& options);
  ~Cache();
  Cache(const Cache&) = delete;
  Cache& operator=(const Cache&) = delete;

  terrace_kv handle() const { return cache_; }
  terrace_kv_info info() const;
  const std::vector<std::string>& tiers() const { return tiers_; }

  /// A token's keys and values in one layer, by its sequence's table.
  float* at(const std::uint32_t* table, std::size_t layer, std::size_t position) const {
    char* const block = base_ + table[position / block_tokens_] * block_bytes_;
    return reinterpret_cast<float*>(block + layer * layer_bytes_) +
           position % block_tokens_ * kKeyValue;
  }
  /// Nobody reads or writes blocks: those that have come to a better tier take their places.
  void next_step();
  /// Has a memory error taken anything since this was asked last? The cache knows which blocks,
  /// when this returns. To be asked before what was computed is used.
  bool settle_losses();

 private:
  static void on_event(void* self, const terrace_event* event);
  void open(const CacheOptions& options);
  terrace_traffic traffic() const;

  terrace_context machine_{};
  terrace_kv cache_{};
  std::vector<std::string> tiers_;
  char* base_ = nullptr;
  std::size_t block_bytes_ = 0;
  std::size_t layer_bytes_ = 0;
  std::size_t block_tokens_ = 0;
  std::uint64_t seen_lost_ = 0;
  std::atomic<std::uint64_t> told_lost_{0};
};

/// The keys and values of one sequence. Between two steps, by one thread.
class SequenceView : public KeysValues {
 public:
  SequenceView(const Cache& cache, terrace_sequence sequence);
  void enter_layer(std::size_t layer) override;
  float* at(std::size_t layer, std::size_t position) override {
    return cache_.at(table_, layer, position);
  }
  /// The first failed call's, else TERRACE_OK.
  terrace_status status() const { return status_; }

 private:
  const Cache& cache_;
  const terrace_sequence sequence_;
  const std::uint32_t* table_ = nullptr;
  terrace_status status_ = TERRACE_OK;
};

}  // namespace kv_server
