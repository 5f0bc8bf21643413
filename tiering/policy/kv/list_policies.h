// SPDX-License-Identifier: Apache-2.0
// Makers of the KV policies, for kv_registry.cc. Each policy is one file. Thread-safe; allocates.
#pragma once

#include "tiering/policy/kv/kv_policy.h"

namespace terrace::policy {

std::unique_ptr<kv::EvictionPolicy> make_kv_lru(std::uint32_t slots,
                                                std::shared_ptr<const KvFuture>);
std::unique_ptr<kv::EvictionPolicy> make_kv_fifo(std::uint32_t slots,
                                                 std::shared_ptr<const KvFuture>);
std::unique_ptr<kv::EvictionPolicy> make_kv_s3fifo(std::uint32_t slots,
                                                   std::shared_ptr<const KvFuture>);
std::unique_ptr<kv::EvictionPolicy> make_kv_slru(std::uint32_t slots,
                                                 std::shared_ptr<const KvFuture>);
std::unique_ptr<kv::EvictionPolicy> make_kv_terrace(std::uint32_t slots,
                                                    std::shared_ptr<const KvFuture>);
/// `future` is not null and as long as all requests together.
std::unique_ptr<kv::EvictionPolicy> make_kv_opt(std::uint32_t slots,
                                                std::shared_ptr<const KvFuture> future);

}  // namespace terrace::policy
