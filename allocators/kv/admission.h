// SPDX-License-Identifier: Apache-2.0
// Who may come in. What keeps a running sequence from ever failing for want of room: the distinct
// blocks that sequences hold and those that are promised to them and not held yet never exceed the
// slots that there are. So whatever is promised can be had by dropping what is merely cached.
// Tenants' limits count what their running sequences may grow to, shared blocks for each of them.
// Where it stands: cache.cc asks before begin, fork, resume and truncate change anything.
// The cache's lock guards it. Allocates when a tenant is new.
#pragma once

#include <cstdint>
#include <unordered_map>

#include "allocators/kv/cache.h"

namespace terrace::kv {

/// What a sequence would change: blocks that it leases and nobody did, and its promise.
struct Claim {
  std::uint64_t newly_leased = 0;
  std::uint64_t promised = 0;
};

class Admission {
 public:
  explicit Admission(std::uint32_t most_sequences) : most_sequences_(most_sequences) {}

  /// Tenants with a limit or a running sequence, at most.
  static constexpr std::size_t kMostTenants = 65536;

  void set_limit(std::uint32_t tenant, std::uint64_t blocks);
  /// Refuses with the reason, or says that a sequence of `cap` blocks may run.
  Outcome may_run(std::uint32_t tenant, std::uint64_t cap, const Claim& claim, std::uint64_t leased,
                  std::uint64_t usable);
  bool has_room(const Claim& claim, std::uint64_t leased, std::uint64_t usable) const;
  /// Refuses what all slots together could not hold.
  Outcome refuse_for_good(std::uint64_t max_tokens, std::uint64_t slots,
                          std::uint32_t block_tokens);
  void runs(std::uint32_t tenant, std::uint64_t cap, std::uint64_t promised);
  void stops(std::uint32_t tenant, std::uint64_t cap, std::uint64_t promised);
  void change_promise(std::uint64_t from, std::uint64_t to) { promised_ += to - from; }

  std::uint64_t promised() const { return promised_; }
  std::uint64_t running() const { return running_; }
  std::uint64_t refused() const { return refused_; }

 private:
  struct Tenant {
    std::uint64_t limit = ~std::uint64_t{0};
    std::uint64_t used = 0;
  };
  void forget_if_idle(std::uint32_t tenant);

  std::unordered_map<std::uint32_t, Tenant> tenants_;
  std::uint32_t most_sequences_;
  std::uint64_t promised_ = 0;
  std::uint64_t running_ = 0;
  std::uint64_t refused_ = 0;
};

/// An Outcome with its text by printf's rules.
Outcome __attribute__((format(printf, 2, 3))) refuse(Refusal refusal, const char* format, ...);

}  // namespace terrace::kv
