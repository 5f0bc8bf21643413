// SPDX-License-Identifier: Apache-2.0
#include "cache.h"

#include <chrono>
#include <thread>

namespace kv_server {
namespace {

void check(terrace_status status) {
  if (status != TERRACE_OK) throw CacheError();
}

}  // namespace

Cache::Cache(const CacheOptions& options) {
  terrace_options machine{};
  machine.struct_size = sizeof machine;
  machine.tiers_file = options.tiers_file.empty() ? nullptr : options.tiers_file.c_str();
  machine.flags = TERRACE_OPEN_WATCH_ERRORS;
  check(terrace_open(&machine, &machine_));
  try {
    open(options);
  } catch (...) {
    terrace_close(machine_);
    throw;
  }
}

Cache::~Cache() {
  terrace_kv_close(cache_);
  terrace_close(machine_);
}

void Cache::open(const CacheOptions& options) {
  std::vector<const char*> names;
  std::vector<std::uint64_t> blocks;
  for (const auto& [name, count] : options.pools) {
    names.push_back(name.c_str());
    blocks.push_back(count);
    tiers_.push_back(name);
  }
  if (tiers_.empty()) tiers_.emplace_back("fastest");
  block_tokens_ = options.block_tokens;
  layer_bytes_ = block_tokens_ * kKeyValue * sizeof(float);
  terrace_kv_options kv{};
  kv.struct_size = sizeof kv;
  kv.block_tokens = options.block_tokens;
  kv.layers = kLayers;
  kv.layer_bytes = layer_bytes_;
  kv.tier_count = static_cast<std::uint32_t>(names.size());
  kv.tiers = names.empty() ? nullptr : names.data();
  kv.tier_blocks = blocks.empty() ? nullptr : blocks.data();
  kv.blocks = names.empty() ? 1024 : 0;
  kv.policy = options.policy.c_str();
  check(terrace_kv_open(machine_, &kv, &cache_));
  const terrace_kv_info opened = info();
  base_ = static_cast<char*>(opened.base);
  block_bytes_ = opened.block_bytes;
  for (std::uint32_t tenant = 0; tenant < 64 && options.tenant_blocks != UINT64_MAX; ++tenant) {
    check(terrace_kv_set_limit(cache_, tenant, options.tenant_blocks));
  }
  check(terrace_set_event_handler(machine_, &Cache::on_event, this));
}

terrace_kv_info Cache::info() const {
  terrace_kv_info info{};
  info.struct_size = sizeof info;
  check(terrace_kv_get(cache_, &info));
  return info;
}

terrace_traffic Cache::traffic() const {
  terrace_traffic traffic{};
  traffic.struct_size = sizeof traffic;
  check(terrace_get_traffic(machine_, &traffic));
  return traffic;
}

void Cache::next_step() {
  check(terrace_kv_step(cache_));
  check(terrace_step(machine_));
}

/// Which blocks they were. Memory that is no block's is the context's own business.
void Cache::on_event(void* self, const terrace_event* event) {
  if (event->kind != TERRACE_EVENT_LOSS) return;
  Cache& cache = *static_cast<Cache*>(self);
  const char* const begin = static_cast<const char*>(event->address);
  const char* const end = begin + event->bytes;
  for (const char* at = begin; at < end;) {
    (void)terrace_kv_lose(cache.cache_, at);
    const auto into = static_cast<std::size_t>(at - cache.base_) % cache.block_bytes_;
    at += cache.block_bytes_ - into;
  }
  cache.told_lost_.fetch_add(event->bytes);
}

bool Cache::settle_losses() {
  const std::uint64_t lost = traffic().lost_bytes;
  if (lost == seen_lost_) return false;
  seen_lost_ = lost;
  // Told by a thread of the context's, some microseconds later.
  while (told_lost_.load() < lost) {
    if (traffic().dropped_events != 0) {
      throw std::runtime_error("more memory errors at once than can be told: replace the memory");
    }
    std::this_thread::sleep_for(std::chrono::microseconds(50));
  }
  return true;
}

SequenceView::SequenceView(const Cache& cache, terrace_sequence sequence)
    : cache_(cache), sequence_(sequence) {
  std::uint64_t count = 0;
  status_ = terrace_sequence_table(sequence_, &table_, &count);
}

void SequenceView::enter_layer(std::size_t layer) {
  const auto status = terrace_sequence_wait_layer(sequence_, static_cast<std::uint32_t>(layer));
  if (status_ == TERRACE_OK) status_ = status;
}

}  // namespace kv_server
