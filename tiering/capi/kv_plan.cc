// SPDX-License-Identifier: Apache-2.0
// Checks what terrace_kv_open() is asked for.
#include "tiering/capi/failure.h"
#include "tiering/capi/handles.h"
#include "tiering/capi/kv.h"

namespace terrace::capi {
namespace {

constexpr std::uint32_t kMostTokens = 4096;
constexpr std::uint32_t kMostLayers = 4096;
constexpr std::uint64_t kLayerUnit = 64;
constexpr std::uint64_t kMostBlockBytes = GiB(64).value;
/// The last number of a table's entry stands for none.
constexpr std::uint64_t kMostBlocks = ~std::uint32_t{0} - 1;
constexpr std::uint64_t kMostGrowthPpm = 1'000'000'000;
constexpr std::uint32_t kDefaultSequences = 4096;

terrace_status fail_range(const char* field, std::uint64_t value, std::uint64_t least,
                          std::uint64_t most) {
  return fail(TERRACE_BAD_ARGUMENT, "terrace_kv_options.%s is %llu; give %llu to %llu", field,
              static_cast<unsigned long long>(value), static_cast<unsigned long long>(least),
              static_cast<unsigned long long>(most));
}

terrace_status read_shape(const terrace_kv_options& options, kv::Shape& shape) {
  if (options.block_tokens == 0 || options.block_tokens > kMostTokens) {
    return fail_range("block_tokens", options.block_tokens, 1, kMostTokens);
  }
  if (options.layers == 0 || options.layers > kMostLayers) {
    return fail_range("layers", options.layers, 1, kMostLayers);
  }
  if (options.layer_bytes == 0 || options.layer_bytes % kLayerUnit != 0) {
    return fail(TERRACE_BAD_ARGUMENT,
                "terrace_kv_options.layer_bytes is %llu; give a multiple of %llu, not 0",
                static_cast<unsigned long long>(options.layer_bytes),
                static_cast<unsigned long long>(kLayerUnit));
  }
  if (options.layer_bytes > kMostBlockBytes / options.layers) {
    return fail(TERRACE_BAD_ARGUMENT, "a block of %u layers of %llu bytes is larger than 64 GiB",
                options.layers, static_cast<unsigned long long>(options.layer_bytes));
  }
  shape = {options.block_tokens, options.layers, Bytes(options.layer_bytes)};
  return TERRACE_OK;
}

terrace_status add_tier(const char* name, std::uint64_t blocks, KvPlan& plan) {
  if (name == nullptr) return fail(TERRACE_BAD_ARGUMENT, "terrace_kv_options.tiers has a null");
  for (const std::string& other : plan.tiers) {
    if (other != name) continue;
    return fail(TERRACE_BAD_ARGUMENT, "terrace_kv_options.tiers names %.63s twice", name);
  }
  if (blocks == 0 || blocks > kMostBlocks) return fail_range("tier_blocks", blocks, 1, kMostBlocks);
  plan.tiers.emplace_back(name);
  plan.blocks.push_back(static_cast<std::uint32_t>(blocks));
  return TERRACE_OK;
}

terrace_status read_tiers(const terrace_kv_options& options, const char* fastest, KvPlan& plan) {
  if (options.tier_count == 0) {
    if (options.blocks == 0) {
      return fail(TERRACE_BAD_ARGUMENT,
                  "terrace_kv_options.blocks is 0; say how many, or name tiers");
    }
    return add_tier(fastest, options.blocks, plan);
  }
  if (options.tier_count > TERRACE_MAX_TIERS) {
    return fail_range("tier_count", options.tier_count, 0, TERRACE_MAX_TIERS);
  }
  if (options.tiers == nullptr || options.tier_blocks == nullptr) {
    return fail(TERRACE_BAD_ARGUMENT, "terrace_kv_options.tiers or tier_blocks is null");
  }
  for (std::uint32_t i = 0; i < options.tier_count; ++i) {
    const terrace_status added = add_tier(options.tiers[i], options.tier_blocks[i], plan);
    if (added != TERRACE_OK) return added;
  }
  return TERRACE_OK;
}

terrace_status read_policy(const char* name, const policy::KvPolicySpec*& found) {
  found = policy::find_kv_policy(name != nullptr ? name : "terrace");
  if (found != nullptr && !found->needs_future) return TERRACE_OK;
  std::string known;
  for (const policy::KvPolicySpec& spec : policy::kv_policies()) {
    if (spec.needs_future) continue;
    known += known.empty() ? "" : ", ";
    known += spec.name;
  }
  return fail(TERRACE_BAD_ARGUMENT, "terrace_kv_options.policy is \"%.63s\"; there are: %s", name,
              known.c_str());
}

terrace_status read_cost(const terrace_kv_options& options, policy::RecomputeCost& cost) {
  if (options.recompute_growth_ppm > kMostGrowthPpm) {
    return fail_range("recompute_growth_ppm", options.recompute_growth_ppm, 0, kMostGrowthPpm);
  }
  cost.growth = static_cast<double>(options.recompute_growth_ppm) / 1e6;
  return TERRACE_OK;
}

}  // namespace

terrace_status read_kv_plan(const terrace_kv_options& options, const char* fastest_tier,
                            KvPlan& plan) {
  terrace_status done = read_shape(options, plan.shape);
  if (done == TERRACE_OK) done = read_tiers(options, fastest_tier, plan);
  if (done == TERRACE_OK) done = read_policy(options.policy, plan.policy);
  if (done == TERRACE_OK) done = read_cost(options, plan.cost);
  plan.name = options.name != nullptr ? options.name : "kv";
  plan.max_sequences = options.max_sequences != 0 ? options.max_sequences : kDefaultSequences;
  if (done == TERRACE_OK && plan.max_sequences > kMaxSlots) {
    return fail_range("max_sequences", plan.max_sequences, 0, kMaxSlots);
  }
  return done;
}

}  // namespace terrace::capi
