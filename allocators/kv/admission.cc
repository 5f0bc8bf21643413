// SPDX-License-Identifier: Apache-2.0
#include "allocators/kv/admission.h"

#include <cinttypes>
#include <cstdarg>
#include <cstdio>

namespace terrace::kv {

Outcome refuse(Refusal refusal, const char* format, ...) {
  Outcome outcome;
  outcome.refusal = refusal;
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(outcome.text, sizeof outcome.text, format, arguments);
  va_end(arguments);
  return outcome;
}

void Admission::set_limit(std::uint32_t tenant, std::uint64_t blocks) {
  if (tenants_.size() >= kMostTenants && !tenants_.contains(tenant)) return;
  tenants_[tenant].limit = blocks;
  forget_if_idle(tenant);
}

void Admission::forget_if_idle(std::uint32_t tenant) {
  const auto found = tenants_.find(tenant);
  if (found == tenants_.end()) return;
  if (found->second.used == 0 && found->second.limit == ~std::uint64_t{0}) tenants_.erase(found);
}

bool Admission::has_room(const Claim& claim, std::uint64_t leased, std::uint64_t usable) const {
  const std::uint64_t kept = leased + promised_;
  return kept <= usable && claim.newly_leased + claim.promised <= usable - kept;
}

Outcome Admission::may_run(std::uint32_t tenant, std::uint64_t cap, const Claim& claim,
                           std::uint64_t leased, std::uint64_t usable) {
  if (running_ >= most_sequences_) {
    ++refused_;
    return refuse(Refusal::kLimit,
                  "%u sequences run already; end or pause one, or open with more "
                  "max_sequences",
                  most_sequences_);
  }
  const auto found = tenants_.find(tenant);
  const Tenant its = found == tenants_.end() ? Tenant{} : found->second;
  if (its.used > its.limit || cap > its.limit - its.used) {
    ++refused_;
    return refuse(Refusal::kLimit,
                  "tenant %u: %" PRIu64 " blocks more than %" PRIu64
                  " in use or promised exceed "
                  "its limit of %" PRIu64,
                  tenant, cap, its.used, its.limit);
  }
  const std::uint64_t kept = leased + promised_;
  if (!has_room(claim, leased, usable)) {
    ++refused_;
    return refuse(Refusal::kNoRoom,
                  "it may need %" PRIu64 " blocks, and %" PRIu64 " of %" PRIu64
                  " are held by or promised to running sequences; pause or end some, or ask for "
                  "fewer max_tokens",
                  claim.newly_leased + claim.promised, kept, usable);
  }
  return {};
}

Outcome Admission::refuse_for_good(std::uint64_t max_tokens, std::uint64_t slots,
                                   std::uint32_t block_tokens) {
  ++refused_;
  return refuse(Refusal::kNoRoom,
                "max_tokens is %" PRIu64 ", and all pools together hold %" PRIu64
                " blocks of %u tokens; open the cache with more, or bound the sequence",
                max_tokens, slots, block_tokens);
}

void Admission::runs(std::uint32_t tenant, std::uint64_t cap, std::uint64_t promised) {
  tenants_[tenant].used += cap;
  promised_ += promised;
  ++running_;
}

void Admission::stops(std::uint32_t tenant, std::uint64_t cap, std::uint64_t promised) {
  tenants_[tenant].used -= cap;
  forget_if_idle(tenant);
  promised_ -= promised;
  --running_;
}

}  // namespace terrace::kv
